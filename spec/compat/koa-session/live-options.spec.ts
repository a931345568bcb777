import type Koa from 'koa';
import session from '../../../lib/koa-session';
import { type Make, ours, RecordingStore, siteOf, Transcript, theirs } from '../../helpers/sites/koa-session-sites';
import { everyTestStartsAt } from '../../helpers/time/fake-date';
import { interop } from '../../interop';

type Options = session.CreateSessionOptions;

const HOUR = 60 * 60 * 1000;
const replacement = new RecordingStore();

/** What was given, and what it is changed to while the application runs. */
const changes: Record<string, [given: Options, changed: Options]> = {
  valid: [{}, { valid: () => false }],
  'valid, which was given': [{ valid: () => false }, { valid: (_ctx, { a }) => a === '1' }],
  beforeSave: [{}, { beforeSave: (_ctx, it) => Object.assign(it, { saved: true }) }],
  'encode and decode': [
    {},
    {
      encode: (it) => encodeURIComponent(JSON.stringify(it)),
      decode: (text) => JSON.parse(decodeURIComponent(text)),
    },
  ],
  maxAge: [{ maxAge: HOUR }, { maxAge: 5000 }],
  rolling: [{ maxAge: HOUR }, { rolling: true }],
  'rolling, which was given': [{ rolling: true, maxAge: HOUR }, { rolling: false }],
  autoCommit: [{}, { autoCommit: false }],
  key: [{}, { key: 'other' }],
  signed: [{}, { signed: false }],
  'attributes of the cookie': [{ domain: '127.0.0.1' }, { httpOnly: false, path: '/put', sameSite: 'strict' }],
  genid: [{}, { genid: (ctx) => `made-for-${ctx.path.slice(1)}` }],
  prefix: [{ prefix: 'old:' }, { prefix: 'new:' }],
  externalKey: [{}, { externalKey: { get: (ctx) => ctx.get('x-key'), set: (ctx, key) => ctx.set('x-key', key) } }],
  store: [{}, { store: replacement }],
};

async function play(make: Make, [given, changed]: [Options, Options], isStored: boolean): Promise<unknown[]> {
  const store = new RecordingStore();
  replacement.records.clear();
  const options = { ...given, ...(isStored && { store }) };
  const site = await siteOf(make, options);
  const visitor = site.visitor();
  const transcript = new Transcript(site, store);
  const played: unknown[] = [];
  const go = async (path: string) => played.push([path, await transcript.of(await visitor.get(path))]);
  for (const path of ['/see', '/put?a=1', '/see', '/put?a=2']) await go(path);
  Object.assign(options, changed);
  for (const path of ['/see', '/put?a=1', '/see', '/put?b=2', '/idle', '/see', '/logout', '/put?a=1']) await go(path);
  return [...played, [...store.records.values()], [...replacement.records.values()]];
}

describe('Options that are changed in place apply from the next request on, as with koa-session', () => {
  everyTestStartsAt(Date.UTC(2030, 0, 1));

  describe.each([
    ['in the cookie', false],
    ['in a store', true],
  ])('sessions %s', (_place, isStored) => {
    it.each(Object.entries(changes))('%s', async (_option, change) => {
      const start = Date.now();
      const expected = await play(theirs, change, isStored);
      jest.setSystemTime(start);
      expect(await play(ours, change, isStored)).toEqual(expected);
    });
  });

  it('must have the right type, and requests fail until they do', async () => {
    const options: Options = {};
    const site = await siteOf(ours, options);
    const visitor = site.visitor();
    await visitor.get('/put?a=1');
    Object.assign(options, { valid: 'always' });
    expect((await visitor.get('/see')).status).toBe(500);
    Object.assign(options, { valid: undefined });
    expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1' });
    Object.assign(options, { valid: () => false });
    expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({});
    delete options.valid;
    expect(JSON.parse((await visitor.get('/see')).text).data).toEqual({ a: '1' });
  });

  it('do not include `timeout`, which limits the waiting of all requests', async () => {
    const store = Object.assign(new RecordingStore(), { set: () => new Promise(() => undefined) });
    const options: Options = { store, timeout: 20 };
    const site = await siteOf(ours, options);
    options.timeout = 2 ** 31 - 1;
    expect((await site.visitor().get('/put?a=1')).status).toBe(500);
  });
});

describe('SessionOptions.parse()', () => {
  type Parser = { SessionOptions: { parse(given: object): Record<string, unknown> } };
  const peers = (interop('koa-session') as Parser).SessionOptions;
  const parser = session.SessionOptions as unknown as Parser['SessionOptions'];

  it.each([
    ['nothing', {}],
    ['what differs from the defaults', { key: 'sid', maxAge: 5000, signed: false, renew: true, sameSite: 'lax' }],
    ['attributes of the cookie, which are left out', { path: '/shop', domain: 'shop.example', partitioned: true }],
    ['what is not given', { maxAge: undefined, prefix: undefined, encode: undefined }],
  ])('completes options as koa-session does: %s', (_what, given) => {
    const plain = (options: object) => JSON.parse(JSON.stringify(options));
    const [expected, got] = [peers.parse(given), parser.parse(given)];
    expect(plain(got)).toEqual(plain(expected));
    for (const { encode, decode } of [expected, got] as unknown as session.SessionOptions[]) {
      expect(decode(encode({ a: 1 }))).toEqual({ a: 1 });
    }
  });

  it.each([
    ['maxAge', 'a day'],
    ['signed', 'yes'],
    ['key', 5],
    ['store', {}],
    ['encode', 'base64'],
  ])('refuses a wrong %s, as koa-session does', (name, value) => {
    expect(() => peers.parse({ [name]: value })).toThrow();
    expect(() => parser.parse({ [name]: value })).toThrow(`Expected \`${name}\``);
  });

  it('returns a separate object, which the middleware accepts', async () => {
    const given = Object.freeze({ key: 'sid' });
    const options = session.SessionOptions.parse(given);
    const site = await siteOf((first: object, app: Koa) => session(first, app), { ...options, rolling: true });
    expect((await site.visitor().get('/put?a=1')).setCookie[0]).toMatch(/^sid=/);
  });
});
