import { latestOf, Overlaps } from '../../lib/persistence/overlaps';
import type { Browser } from '../helpers/http/serve';
import { siteOf, slow } from '../helpers/races/overlap-contract';
import { closedAfterTest, siteWith } from '../helpers/sites/open-sites';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt, pass } from '../helpers/time/fake-date';
import { gate } from '../helpers/time/gate';

const MINUTE = 60_000;
const fails = () => Promise.reject(new Error('store is broken'));

describe('what a process knows of a record', () => {
  everyTestStartsAt(0);

  it('is forgotten with the last request that works on it', () => {
    const overlaps = new Overlaps(MINUTE);
    const one = overlaps.enter('a');
    expect(overlaps.enter('a')).toBe(one);
    expect(overlaps.find('b')).toBeUndefined();
    overlaps.leave(one);
    expect(overlaps.find('a')).toBe(one);
    overlaps.leave(one);
    expect(overlaps.find('a')).toBeUndefined();
  });

  describe('once the record has ended', () => {
    it('is remembered for a while, even where no request works on it', async () => {
      const overlaps = new Overlaps(MINUTE);
      await overlaps.end('a', { successor: 'b', keepsData: false }, async () => undefined);
      pass(MINUTE - 1);
      overlaps.leave(overlaps.enter('a'));
      expect(overlaps.find('a')?.ended).toBe('regenerated');
      pass(1);
      expect(overlaps.find('a')).toBeUndefined();
    });

    it('is remembered for as long as a request works on it', async () => {
      const overlaps = new Overlaps(MINUTE);
      const late = overlaps.enter('a');
      for (const key of ['a', 'b']) await overlaps.end(key, 'destroyed', async () => undefined);
      pass(MINUTE);
      expect([overlaps.find('a'), overlaps.find('b')]).toEqual([late, undefined]);
      overlaps.leave(late);
      pass(MINUTE);
      expect(overlaps.find('a')).toBeUndefined();
    });

    it('says how it ended first', async () => {
      const overlaps = new Overlaps(MINUTE);
      await overlaps.end('a', { successor: 'b', keepsData: false }, async () => undefined);
      await overlaps.end('a', 'destroyed', async () => undefined);
      expect(overlaps.find('a')?.ended).toBe('regenerated');
      await overlaps.end('a', 'destroyed', fails).catch(() => undefined);
      expect(overlaps.find('a')?.ended).toBe('regenerated');
    });

    it('is known to requests that are over, too', async () => {
      const overlaps = new Overlaps(MINUTE);
      const over = overlaps.enter('a');
      overlaps.leave(over);
      expect(overlaps.hasEnded(over)).toBe(false);
      await overlaps.end('a', 'destroyed', async () => undefined);
      expect(await overlaps.hasEnded(over)).toBe(true);
    });

    it('is as it was where ending it has failed', async () => {
      const overlaps = new Overlaps(MINUTE);
      const at = overlaps.enter('a');
      await expect(overlaps.end('a', 'destroyed', fails)).rejects.toThrow('store is broken');
      expect([overlaps.find('a'), overlaps.hasEnded(at)]).toEqual([at, false]);
      await expect(overlaps.end('b', 'destroyed', fails)).rejects.toThrow('store is broken');
      expect(overlaps.find('b')).toBeUndefined();
      overlaps.leave(at);
      expect(overlaps.find('a')).toBeUndefined();
    });

    it('keeps those waiting who ask while it ends: that may fail', async () => {
      const overlaps = new Overlaps(MINUTE);
      const at = overlaps.enter('a');
      const ending = gate();
      const ended = overlaps.end('a', 'destroyed', () => ending.opened.then(fails)).catch(() => undefined);
      const asked = overlaps.hasEnded(at);
      ending.open();
      expect(await asked).toBe(false);
      await ended;
      expect(overlaps.hasEnded(at)).toBe(false);
    });

    it('does not count for a record that is made anew under its key', async () => {
      const overlaps = new Overlaps(MINUTE);
      const before = overlaps.enter('a');
      await overlaps.end('a', 'destroyed', async () => undefined);
      const anew = overlaps.renew('a');
      expect([overlaps.hasEnded(anew), await overlaps.hasEnded(before)]).toEqual([false, true]);
      expect([overlaps.isCurrent(anew), overlaps.isCurrent(before)]).toEqual([true, false]);
      overlaps.leave(before);
      pass(2 * MINUTE);
      expect(overlaps.find('a')).toBe(anew);
    });
  });

  it('is written over only where it came after what the request has read', () => {
    const overlaps = new Overlaps(MINUTE);
    const overlap = overlaps.enter('a');
    const early = { overlap, writes: overlap.writes };
    expect(latestOf(early, 'read')).toBe('read');
    const mine = overlaps.wrote(overlap, 'written');
    expect([latestOf(early, 'read'), latestOf(mine, 'mine')]).toEqual(['written', 'mine']);
    overlaps.wrote(overlap, 'later');
    expect(latestOf(mine, 'mine')).toBe('later');
  });
});

describe('requests that come one after the other in two processes lose nothing', () => {
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

  it('while an event stream keeps a request of one of them open', async () => {
    const { here, there, headers } = await twoProcesses();
    const { open: close, opened: closed } = gate();
    const stream = slow(here, '/slow?stream=over', closed);
    await stream.arrived;
    expect(await inTurn(here, there, headers)).toEqual(all);
    close();
    await stream.reply;
  });

  it('after a request of one of them has read its session only when its response was over', async () => {
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
