import type session from '../../lib/main';
import { Store } from '../../lib/main';
import type { Version } from '../../lib/persistence/records';
import { overlapContract, siteOf, slow } from '../helpers/races/overlap-contract';
import { type Site, sessionOf, setCookieOf } from '../helpers/sites/session-site';
import { MapClient, TouchableMapClient } from '../helpers/stores/map-client';
import { countCalls } from '../helpers/stores/open-clients';
import { fakeDate, pass } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';

/** A client that reports the ttl of each write, and takes a turn of the event loop for it, like a database. */
class WrittenClient extends MapClient {
  readonly written: number[] = [];

  override async set(key: string, it: session.Session, ttl: number): Promise<void> {
    this.written.push(ttl);
    await new Promise((resolve) => setImmediate(resolve));
    return super.set(key, it, ttl);
  }
}

describe('Overlapping requests of one session, with a store that only has get, set and destroy,', () => {
  describe('in one process', () => {
    overlapContract(() => {
      const client = new WrittenClient();
      return { client, written: client.written };
    });
  });

  const sites: Site[] = [];
  const open = async (...args: Parameters<typeof siteOf>) => {
    const site = await siteOf(...args);
    sites.push(site);
    return site;
  };
  afterEach(async () => {
    jest.useRealTimers();
    await Promise.all(sites.splice(0).map((site) => site.close()));
  });

  /** A request of one site is overtaken by one of another site. */
  const overtaken = async (client: MapClient, other: MapClient, byPath: string) => {
    const [here, there] = [await open(client), await open(other)];
    const ann = here.visitor();
    await ann.get('/put?user=ann');
    const cookie = await ann.jar.getCookieString(here.url);
    const { open: go, opened } = gate();
    const late = slow(ann, '/slow?here=1', opened);
    await late.arrived;
    await there.visitor().get(byPath, { cookie });
    go();
    return { here, reply: await late.reply, cookie, see: async () => (await ann.get('/see')).json() };
  };

  /** A request of one site whose write is on its way until it is let go, and another site with the same client. */
  const whileWriting = async (client: MapClient) => {
    const [here, there] = [await open(client), await open(client)];
    const ann = here.visitor();
    await ann.get('/put?user=ann');
    const cookie = await ann.jar.getCookieString(here.url);
    const [writing, read, answered] = [gate(), gate(), gate()];
    const { get, set } = client;
    client.set = async (...args) => {
      client.set = set;
      writing.open();
      await answered.opened;
      return set.apply(client, args);
    };
    const written = ann.get('/put?here=1');
    await writing.opened;
    client.get = (key) => {
      setImmediate(read.open);
      return get.call(client, key);
    };
    const overtakenBy = async (other: Promise<unknown>) => {
      // By then the other one has done all that it can do before the write has ended.
      await read.opened;
      answered.open();
      await Promise.all([written, other]);
    };
    return { here, there, cookie, overtakenBy };
  };

  it('cost one read each, however much they merge', async () => {
    const client = new MapClient();
    const { visitor } = await open(client);
    const ann = visitor();
    await ann.get('/put?user=ann');
    const calls = countCalls(client);
    const { open: go, opened } = gate();
    const late = slow(ann, '/slow?late=1', opened);
    await late.arrived;
    await ann.get('/put?early=1');
    go();
    await late.reply;
    expect([calls.of('read'), calls.of('write')]).toEqual([2, 2]);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', early: '1', late: '1' });
  });

  it('read the stored record when they no longer overlap, whatever process wrote it', async () => {
    const client = new MapClient();
    const { visitor } = await open(client);
    const ann = visitor();
    await ann.get('/put?user=ann');
    const [key] = [...client.records.keys()];
    client.records.set(String(key), '{"user":"written elsewhere","cookie":{}}');
    await ann.get('/put?more=1');
    expect((await ann.get('/see')).json()).toEqual({ user: 'written elsewhere', more: '1' });
  });

  it('keep the last write if they run in two processes', async () => {
    const client = new MapClient();
    const { see } = await overtaken(client, client.inAnotherProcess(), '/put?there=1');
    expect(await see()).toEqual({ user: 'ann', here: '1' });
  });

  describe('in two applications of one process, with one client,', () => {
    it('keep what both wrote', async () => {
      const client = new MapClient();
      const { see } = await overtaken(client, client, '/put?there=1');
      expect(await see()).toEqual({ user: 'ann', here: '1', there: '1' });
    });

    it.each(['/logout', '/renew'])('do not overwrite what %s in the other has left', async (path) => {
      const client = new MapClient();
      const { here, reply, cookie } = await overtaken(client, client, path);
      expect([reply.status, setCookieOf(reply)]).toEqual([200, undefined]);
      expect(here.events()).toContain('session:gone');
      expect((await here.visitor().get('/see', { cookie })).json()).toEqual({});
    });

    it('wait for each other: neither loses what the other is writing', async () => {
      const client = new MapClient();
      const { there, cookie, ...writing } = await whileWriting(client);
      await writing.overtakenBy(there.visitor().get('/put?there=1', { cookie }));
      expect((await there.visitor().get('/see', { cookie })).json()).toEqual({ user: 'ann', here: '1', there: '1' });
    });

    it('wait for each other: a write is gone after the other has logged out', async () => {
      const client = new MapClient();
      const { there, cookie, ...writing } = await whileWriting(client);
      await writing.overtakenBy(there.visitor().get('/logout', { cookie }));
      expect(client.size).toBe(0);
    });
  });

  it('leave nothing stored if a write is pending during a logout', async () => {
    const client = new MapClient();
    const { here, cookie, ...writing } = await whileWriting(client);
    await writing.overtakenBy(here.visitor().get('/logout', { cookie }));
    expect(client.size).toBe(0);
  });

  it('get an empty session that is not stored if the record is moved while they read it', async () => {
    const client = new MapClient();
    const site = await open(client);
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    const cookie = await ann.jar.getCookieString(site.url);
    const [reading, moved] = [gate(), gate()];
    const { get } = client;
    client.get = async (key) => {
      client.get = get;
      reading.open();
      await moved.opened;
      return get.call(client, key);
    };
    const late = site.visitor().get('/put?user=late', { cookie });
    await reading.opened;
    await ann.get('/renew');
    moved.open();
    expect(setCookieOf(await late)).toBeUndefined();
    expect(site.events().slice(-2)).toEqual(['session:created', 'session:gone']);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
  });

  it('do not write a record that has expired because another request shortened its ttl', async () => {
    fakeDate();
    const client = new MapClient();
    const { visitor, events } = await open(
      client,
      {},
      {
        '/shortly': async (ctx) => {
          (await sessionOf(ctx)).cookie.expires = new Date(Date.now() + 1000);
        },
      },
    );
    const ann = visitor();
    await ann.get('/put?user=ann');
    const { open: go, opened } = gate();
    const late = slow(ann, '/slow?late=1', opened);
    await late.arrived;
    await ann.get('/shortly');
    pass(2000);
    go();
    expect(setCookieOf(await late.reply)).toBeUndefined();
    expect([client.size, events().at(-1)]).toEqual([0, 'session:gone']);
  });

  describe('that continue after their response', () => {
    /** Sets `late` when it may, after the response. */
    const working = async (client: MapClient) => {
      const { open: go, opened } = gate();
      let work: Promise<unknown> | undefined;
      const site = await open(
        client,
        {},
        {
          '/work': async (ctx) => {
            const it = await sessionOf(ctx);
            work = opened.then(async () => {
              it['late'] = '1';
              await ctx['saveSession']();
            });
          },
        },
      );
      const ann = site.visitor();
      await ann.get('/put?user=ann');
      await ann.get('/work');
      const finish = async () => {
        go();
        await work;
      };
      return { site, ann, finish };
    };

    it('keep what others have written since', async () => {
      const { ann, finish } = await working(new MapClient());
      await ann.get('/put?early=1');
      await finish();
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann', early: '1', late: '1' });
    });

    it('write nothing if the record is gone', async () => {
      const client = new MapClient();
      const { site, finish } = await working(client);
      client.records.clear();
      await finish();
      expect([client.size, site.events().at(-1)]).toEqual([0, 'session:gone']);
    });
  });

  describe('extend a record', () => {
    const extended = async (client: MapClient) => {
      const { visitor } = await open(client, { rolling: true });
      const ann = visitor();
      await ann.get('/put?user=ann');
      const calls = countCalls(client);
      const reply = await ann.get('/see');
      return { sent: setCookieOf(reply) !== undefined, touched: calls.of('touch'), written: calls.of('write') };
    };

    it('with touch, if the client has it', async () => {
      expect(await extended(new TouchableMapClient())).toEqual({ sent: true, touched: 1, written: 0 });
    });

    it('by writing it again, if it does not', async () => {
      expect(await extended(new MapClient())).toEqual({ sent: true, touched: 0, written: 1 });
    });

    it('whose session another request fails to end at the same time', async () => {
      const client = new TouchableMapClient();
      const store = new Store(client);
      await store.set('sid', { cookie: {}, user: 'ann' });
      const key = store.keyOf('sid');
      const version = (await store.records.load(key, store.newBudget(), false)) as Version;
      client.destroy = () => Promise.reject(new Error('disk is full'));
      const ending = store.records.end(key, version, store.newBudget());
      const extending = store.records.touch(key, 1000, () => version, store.newBudget());
      await expect(ending).rejects.toThrow('disk is full');
      expect([await extending, client.ttls.get(key)]).toEqual([true, 1000]);
    });

    it('never after the client says that it is gone', async () => {
      const client = new TouchableMapClient();
      const site = await open(client, { rolling: true });
      const ann = site.visitor();
      await ann.get('/put?user=ann');
      const { open: go, opened } = gate();
      const late = slow(ann, '/slow', opened);
      await late.arrived;
      client.records.clear();
      go();
      expect(setCookieOf(await late.reply)).toBeUndefined();
      expect([client.size, site.events()]).toEqual([0, expect.arrayContaining(['session:gone'])]);
    });
  });

  it('continue after a write that failed', async () => {
    const client = new MapClient();
    const site = await open(client);
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    const { set } = client;
    client.set = () => Promise.reject(new Error('disk is full'));
    expect((await ann.get('/put?lost=1')).status).toBe(500);
    client.set = set;
    expect((await ann.get('/put?kept=1')).status).toBe(200);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', kept: '1' });
    expect(site.errors).toMatchObject([{ operation: 'set', message: 'disk is full' }]);
  });
});
