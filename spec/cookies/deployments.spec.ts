import type { CookieJar } from 'tough-cookie';
import type { CookieOptions } from '../../lib/main';
import { browser } from '../helpers/http/serve';
import { siteWith } from '../helpers/sites/open-sites';
import { lifetime, onlyRecord, settingCookie } from '../helpers/sites/session-cookies';
import { type Routes, sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';
import { everyTestStartsAt } from '../helpers/time/fake-date';

const MINUTE = 60_000;
const DAY = 86_400_000;
const NOW = Date.UTC(2030, 0, 1);

everyTestStartsAt(NOW);

let store: MapClient;

beforeEach(() => {
  store = new MapClient();
});

describe('a new deployment with other cookie options', () => {
  /** The same visitor at another deployment: cookies know no ports. */
  async function deploy(jar: CookieJar | undefined, cookie: CookieOptions, routes: Routes = {}) {
    return browser((await siteWith({ store, cookie }, routes)).url, jar);
  }

  it('reaches existing sessions when they are next saved', async () => {
    const before = await deploy(undefined, { maxAge: DAY });
    await before.get('/put?a=1');
    const after = await deploy(before.jar, { maxAge: 2 * DAY, sameSite: 'strict' });
    expect((await after.get('/see')).setCookie).toEqual([]);
    const line = setCookieOf(await after.get('/put?a=2'));
    expect(line).toContain('samesite=strict');
    expect(lifetime(line)).toBe(2 * DAY);
    expect(onlyRecord(store)).toMatchObject({ ttl: 2 * DAY, cookie: { maxAge: 2 * DAY, sameSite: 'strict', own: [] } });
  });

  it('keeps what a handler has set', async () => {
    const before = await deploy(undefined, {}, settingCookie({ maxAge: 5 * MINUTE, priority: 'high' }));
    await before.get('/set');
    const after = await deploy(before.jar, { maxAge: 2 * DAY, sameSite: 'strict', priority: 'low' });
    const line = setCookieOf(await after.get('/put?a=2'));
    expect(line).toContain('priority=high; samesite=strict');
    expect(lifetime(line)).toBe(5 * MINUTE);
  });

  it('with expires instead of maxAge leaves no maxAge behind', async () => {
    const before = await deploy(undefined, { maxAge: DAY });
    await before.get('/put?a=1');
    const after = await deploy(before.jar, { expires: new Date(NOW + 5 * MINUTE) });
    expect(lifetime(setCookieOf(await after.get('/put?a=2')))).toBe(5 * MINUTE);
    expect(onlyRecord(store).ttl).toBe(5 * MINUTE);
  });

  it('adds a signature to an unsigned cookie only when its visitor logs in again', async () => {
    const before = await deploy(undefined, { signed: false });
    const sid = sentId(await before.get('/put?a=1'));
    const after = await deploy(before.jar, { signed: true });
    expect((await after.get('/see')).json()).toEqual({});
    expect(sentId(await after.get('/put?b=1'))).not.toBe(sid);
    expect(store.size).toBe(2);
  });
});

describe('a record of koa-generic-session without own attributes', () => {
  const sid = 'predecessors-session-id';
  const cookie = { httpOnly: true, path: '/', overwrite: true, signed: false };
  const arrive = async (own: object) => {
    store.records.set(`koa:sess:${sid}`, JSON.stringify({ a: 1, cookie: { ...cookie, ...own } }));
    const options = { store, cookie: { signed: false, maxAge: 2 * DAY, sameSite: 'strict' } } as const;
    return { cookie: `koa.sid=${sid}`, visitor: (await siteWith(options)).visitor() };
  };

  it.each<[string, object, number | undefined]>([
    ['maxAge', { maxAge: 5 * MINUTE }, 5 * MINUTE],
    ['maxAge null', { maxAge: null }, undefined],
    ['expires', { expires: new Date(NOW + 7 * DAY).toISOString() }, 7 * DAY],
    ['expires beside maxAge', { maxAge: DAY, expires: new Date(NOW + 7 * DAY).toISOString() }, 7 * DAY],
    ['no lifetime', {}, 2 * DAY],
  ])('keeps its lifetime: %s', async (_what, own, expected) => {
    const { visitor, cookie } = await arrive(own);
    const reply = await visitor.get('/put?b=1', { cookie });
    const line = setCookieOf(reply);
    expect(sentId(reply)).toBe(sid);
    expect(lifetime(line)).toBe(expected);
    expect(line).toContain('samesite=strict');
    expect(onlyRecord(store).ttl).toBe(expected ?? DAY);
  });

  it('is read, and written so that koa-generic-session can read it', async () => {
    const { visitor, cookie: header } = await arrive({ maxAge: 5 * MINUTE });
    expect((await visitor.get('/see', { cookie: header })).json()).toEqual({ a: 1 });
    await visitor.get('/put?b=1', { cookie: header });
    expect(JSON.parse(store.records.get(`koa:sess:${sid}`) as string)).toMatchObject({
      a: 1,
      b: '1',
      cookie: { ...cookie, maxAge: 5 * MINUTE },
    });
  });
});
