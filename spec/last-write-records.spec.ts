import type session from '../lib/main';
import { gate } from './helpers/gate';
import { MapClient, TouchableMapClient } from './helpers/map-client';
import { overlapContract, siteOf, slow } from './helpers/overlap-contract';
import { countCalls } from './helpers/session-clients';
import { type Site, setCookieOf } from './helpers/session-site';

/** A client that tells the ttl of each write, and takes a turn of the event loop for it, like a database. */
class WrittenClient extends MapClient {
  readonly written: number[] = [];

  override async set(key: string, it: session.Session, ttl: number): Promise<void> {
    this.written.push(ttl);
    await new Promise((resolve) => setImmediate(resolve));
    return super.set(key, it, ttl);
  }
}

describe('Requests of one session that overlap, with a store that only gets, sets and destroys,', () => {
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
  afterEach(() => Promise.all(sites.splice(0).map((site) => site.close())));

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

  it('read what is stored once they overlap no more, whoever wrote it', async () => {
    const client = new MapClient();
    const { visitor } = await open(client);
    const ann = visitor();
    await ann.get('/put?user=ann');
    const [key] = [...client.records.keys()];
    client.records.set(String(key), '{"user":"written elsewhere","cookie":{}}');
    await ann.get('/put?more=1');
    expect((await ann.get('/see')).json()).toEqual({ user: 'written elsewhere', more: '1' });
  });

  it('follow the last write where they run in two processes', async () => {
    const client = new MapClient();
    const [here, there] = [await open(client), await open(client)];
    const ann = here.visitor();
    await ann.get('/put?user=ann');
    const cookie = await ann.jar.getCookieString(here.url);
    const { open: go, opened } = gate();
    const late = slow(ann, '/slow?here=1', opened);
    await late.arrived;
    await there.visitor().get('/put?there=1', { cookie });
    go();
    await late.reply;
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', here: '1' });
  });

  it('leave nothing stored when a write is on its way while another one logs out', async () => {
    const client = new MapClient();
    const { visitor } = await open(client);
    const ann = visitor();
    await ann.get('/put?user=ann');
    const [writing, read, answered] = [gate(), gate(), gate()];
    const { get, set } = client;
    client.set = async (...args) => {
      writing.open();
      await answered.opened;
      return set.apply(client, args);
    };
    const written = ann.get('/put?late=1');
    await writing.opened;
    client.get = (key) => {
      setImmediate(read.open);
      return get.call(client, key);
    };
    const left = ann.get('/logout');
    // By then the logout has done all that it can do before the write has ended.
    await read.opened;
    answered.open();
    await Promise.all([written, left]);
    expect(client.size).toBe(0);
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

    it('by touching it where the client can', async () => {
      expect(await extended(new TouchableMapClient())).toEqual({ sent: true, touched: 1, written: 0 });
    });

    it('by writing it again where it cannot', async () => {
      expect(await extended(new MapClient())).toEqual({ sent: true, touched: 0, written: 1 });
    });

    it('never once the client says that it is gone', async () => {
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

  it('go on after a write that failed', async () => {
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
