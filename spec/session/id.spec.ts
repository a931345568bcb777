import { SessionError } from '../../lib/main';
import { checkSessionId, defaultGenSid, isSessionId } from '../../lib/session/id';
import { siteWith } from '../helpers/sites/open-sites';
import { sentId, setCookieOf } from '../helpers/sites/session-site';
import { MapClient } from '../helpers/stores/map-client';

describe('a default id', () => {
  it('has the requested number of characters, which need no escaping in cookies, URLs and file names', () => {
    for (let made = 0; made < 1000; made += 1) expect(defaultGenSid(24)).toMatch(/^[A-Za-z0-9_-]{24}$/);
  });

  it('is different each time', () => {
    expect(new Set(Array.from({ length: 10_000 }, () => defaultGenSid(24))).size).toBe(10_000);
  });

  it('is different if lengths alternate', () => {
    const made = Array.from({ length: 1000 }, (_, n) => defaultGenSid(16 + (n % 3) * 8));
    for (const [n, id] of made.entries()) expect(id).toHaveLength(16 + (n % 3) * 8);
    expect(new Set(made.map((id) => id.slice(0, 16))).size).toBe(1000);
  });

  it('is not in memory that small buffers of the application share', () => {
    for (let made = 0; made < 64; made += 1) {
      const shared = Buffer.from(Buffer.from('x').buffer).toString('latin1');
      expect(shared).not.toContain(defaultGenSid(24));
    }
  });

  it('uses the whole alphabet, 6 bits per character', () => {
    const used = new Set(Array.from({ length: 1000 }, () => defaultGenSid(24)).join(''));
    expect(used.size).toBeGreaterThanOrEqual(60);
  });
});

describe('a valid id', () => {
  it.each(['a', 'A-z_0.9~', 'x'.repeat(4096), '%00', '"quoted"', ' ', 'ü', 'id with spaces', 'proto', '__proto', '0'])(
    '%j',
    (id) => {
      expect(isSessionId(id)).toBe(true);
      expect(checkSessionId(id, 'it')).toBe(id);
    },
  );

  it.each<[string, unknown]>([
    ['nothing', ''],
    ['more than a cookie can hold', 'x'.repeat(4097)],
    ['NUL', 'a\0b'],
    ['a line break', 'a\r\nb'],
    ['a trailing line break', 'a\n'],
    ['DEL', 'a\x7f'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['toString', 'toString'],
    ['hasOwnProperty', 'hasOwnProperty'],
    ['__defineGetter__', '__defineGetter__'],
    ['a number', 5],
    ['null', null],
    ['undefined', undefined],
    ['an object that looks like one', new String('abc')],
    ['a list', ['abc']],
  ])('not %s', (_what, id) => {
    expect(isSessionId(id)).toBe(false);
    expect(() => checkSessionId(id, '`genSid`')).toThrow(SessionError);
    expect(() => checkSessionId(id, '`genSid`')).toThrow(
      expect.objectContaining({
        code: 'ERR_SESSION_ID',
        message: expect.stringContaining('Expected `genSid` to give a session id'),
      }),
    );
  });

  it('is not quoted in the error, since it is a secret', () => {
    expect(() => checkSessionId('secret-id\n', 'it')).toThrow(/^(?!.*secret-id).*a string of 10 characters$/);
  });
});

describe('an id from the application', () => {
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty text', ''],
    ['a number', 5],
    ['__proto__', '__proto__'],
    ['a line break', 'a\r\nb'],
    ['more than a cookie can hold', 'x'.repeat(5000)],
  ])('that is %s causes an error, and nothing is stored', async (_what, id) => {
    const store = new MapClient();
    const site = await siteWith({ store, genSid: async () => id as string });
    const reply = await site.visitor().get('/put?a=1');
    expect([reply.status, reply.setCookie, store.size]).toEqual([500, [], 0]);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_ID' })]);
  });

  it.each(['a;b', 'ключ'])('that no cookie can hold causes an error, and no record stays behind: %s', async (id) => {
    const store = new MapClient();
    const site = await siteWith({ store, genSid: () => id });
    const reply = await site.visitor().get('/put?a=1');
    expect([reply.status, reply.setCookie, store.size]).toEqual([500, [], 0]);
    expect(site.errors).toEqual([expect.objectContaining({ code: 'ERR_SESSION_COOKIE' })]);
  });

  it('is used unchanged', async () => {
    const store = new MapClient();
    const site = await siteWith({ store, genSid: (length) => `mine-${length}` });
    const visitor = site.visitor();
    const reply = await visitor.get('/put?a=1');
    expect(sentId(reply)).toBe('mine-24');
    expect(setCookieOf(reply, 'koa.sid.sig')).toBeDefined();
    expect([...store.records.keys()]).toEqual(['koa:sess:mine-24']);
    expect((await visitor.get('/see')).json()).toEqual({ a: '1' });
  });
});
