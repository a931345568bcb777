import { ActiveRecords, latestOf } from '../../lib/persistence/active-records';
import type { Browser } from '../helpers/http/serve';
import { siteOf, slow } from '../helpers/races/overlap-contract';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';

const MINUTE = 60_000;
const fails = () => Promise.reject(new Error('store is broken'));

describe('what a process knows about a record', () => {
  everyTestStartsAt(0);

  it('is forgotten with the last request that uses it', () => {
    const activeRecords = new ActiveRecords(MINUTE);
    const one = activeRecords.enter('a');
    expect(activeRecords.enter('a')).toBe(one);
    expect(activeRecords.find('b')).toBeUndefined();
    activeRecords.leave(one);
    expect(activeRecords.find('a')).toBe(one);
    activeRecords.leave(one);
    expect(activeRecords.find('a')).toBeUndefined();
  });

  describe('once the record has ended', () => {
    it('is remembered for a while, even if no request uses it', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      await activeRecords.end('a', { successor: 'b', keepsData: false }, async () => undefined);
      pass(MINUTE - 1);
      activeRecords.leave(activeRecords.enter('a'));
      expect(activeRecords.find('a')?.ended).toBe('regenerated');
      pass(1);
      expect(activeRecords.find('a')).toBeUndefined();
    });

    it('is remembered as long as a request uses it', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      const late = activeRecords.enter('a');
      for (const key of ['a', 'b']) await activeRecords.end(key, 'destroyed', async () => undefined);
      pass(MINUTE);
      expect([activeRecords.find('a'), activeRecords.find('b')]).toEqual([late, undefined]);
      activeRecords.leave(late);
      pass(MINUTE);
      expect(activeRecords.find('a')).toBeUndefined();
    });

    it('says how it ended first', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      await activeRecords.end('a', { successor: 'b', keepsData: false }, async () => undefined);
      await activeRecords.end('a', 'destroyed', async () => undefined);
      expect(activeRecords.find('a')?.ended).toBe('regenerated');
      await activeRecords.end('a', 'destroyed', fails).catch(() => undefined);
      expect(activeRecords.find('a')?.ended).toBe('regenerated');
    });

    it('is also known to requests that are over', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      const over = activeRecords.enter('a');
      activeRecords.leave(over);
      expect(activeRecords.hasEnded(over)).toBe(false);
      await activeRecords.end('a', 'destroyed', async () => undefined);
      expect(await activeRecords.hasEnded(over)).toBe(true);
    });

    it('is unchanged if ending it failed', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      const at = activeRecords.enter('a');
      await expect(activeRecords.end('a', 'destroyed', fails)).rejects.toThrow('store is broken');
      expect([activeRecords.find('a'), activeRecords.hasEnded(at)]).toEqual([at, false]);
      await expect(activeRecords.end('b', 'destroyed', fails)).rejects.toThrow('store is broken');
      expect(activeRecords.find('b')).toBeUndefined();
      activeRecords.leave(at);
      expect(activeRecords.find('a')).toBeUndefined();
    });

    it('makes requests wait while it ends, since that may fail', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      const at = activeRecords.enter('a');
      const ending = gate();
      const ended = activeRecords.end('a', 'destroyed', () => ending.opened.then(fails)).catch(() => undefined);
      const asked = activeRecords.hasEnded(at);
      ending.open();
      expect(await asked).toBe(false);
      await ended;
      expect(activeRecords.hasEnded(at)).toBe(false);
    });

    it('does not count for a new record under its key', async () => {
      const activeRecords = new ActiveRecords(MINUTE);
      const before = activeRecords.enter('a');
      await activeRecords.end('a', 'destroyed', async () => undefined);
      const anew = activeRecords.renew('a');
      expect([activeRecords.hasEnded(anew), await activeRecords.hasEnded(before)]).toEqual([false, true]);
      expect([activeRecords.isCurrent(anew), activeRecords.isCurrent(before)]).toEqual([true, false]);
      activeRecords.leave(before);
      pass(2 * MINUTE);
      expect(activeRecords.find('a')).toBe(anew);
    });
  });

  it('replaces what the request has read only if it is newer', () => {
    const activeRecords = new ActiveRecords(MINUTE);
    const active = activeRecords.enter('a');
    const early = { active, writes: active.writes };
    expect(latestOf(early, 'read')).toBe('read');
    const mine = activeRecords.wrote(active, 'written');
    expect([latestOf(early, 'read'), latestOf(mine, 'mine')]).toEqual(['written', 'mine']);
    activeRecords.wrote(active, 'later');
    expect(latestOf(mine, 'mine')).toBe('later');
  });
});

describe('requests that alternate between two processes lose nothing', () => {
  /** One visitor whose cookie both processes know. */
  async function twoProcesses() {
    const client = new MapClient();
    const here = await closedAfterTest(siteOf(client));
    const there = await closedAfterTest(siteOf(client.inAnotherProcess()));
    const ann = here.visitor();
    await ann.get('/put?user=ann');
    const headers = { cookie: await ann.jar.getCookieString(here.url) };
    return { client, headers, here: ann, there: there.visitor() };
  }
  async function inTurn(here: Browser, there: Browser, headers: Record<string, string>): Promise<unknown> {
    await here.get('/put?a=1', headers);
    await there.get('/put?b=1', headers);
    await here.get('/put?c=1', headers);
    await there.get('/put?d=1', headers);
    await here.get('/put?e=1', headers);
    return (await here.get('/see', headers)).json();
  }
  const all = { user: 'ann', a: '1', b: '1', c: '1', d: '1', e: '1' };

  it('while an event stream keeps a request in one of them running', async () => {
    const { here, there, headers } = await twoProcesses();
    const { open: close, opened: closed } = gate();
    const stream = slow(here, '/slow?stream=over', closed);
    await stream.arrived;
    expect(await inTurn(here, there, headers)).toEqual(all);
    close();
    await stream.reply;
  });

  it('after a request in one of them has read its session only after its response', async () => {
    const { client, here, there, headers } = await twoProcesses();
    const { open: later, opened: isLater } = gate();
    let reading: Promise<unknown> | undefined;
    const site = await siteWith(
      { store: client, defer: true },
      {
        '/hasty': (ctx) => {
          reading = isLater.then(() => ctx.session);
        },
      },
    );
    const visitor = site.visitor();
    await visitor.get('/hasty', headers);
    later();
    expect(await reading).toMatchObject({ user: 'ann' });
    expect(await inTurn(visitor, there, headers)).toEqual(all);
    expect((await here.get('/see', headers)).json()).toEqual(all);
  });
});
