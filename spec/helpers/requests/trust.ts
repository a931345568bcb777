import session = require('../../../lib/main');

import { sentId, setCookieOf } from '../sites/session-site';
import { countCalls, recordOf } from '../stores/open-clients';
import { casesIf, keyOf, member, siteOpener, type Variant } from './variant';

/** Cookies that are forged, outdated or of unknown sessions. */
export function trustContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('a cookie that cannot be trusted', () => {
    it.each([
      ['whose signature is wrong', (sid: string) => `koa.sid=${sid}; koa.sid.sig=AAAAAAAAAAAAAAAAAAAAAAAAAAA`],
      ['that has no signature', (sid: string) => `koa.sid=${sid}`],
    ])('%s is left alone: the visitor is new, and the store is not called', async (_name, header) => {
      const site = await open();
      const { sid } = await member(site);
      const calls = countCalls(site.client);
      const reply = await site.visitor().get('/see', { cookie: header(sid) });
      expect(reply.json()).toEqual({});
      expect(reply.setCookie).toEqual([]);
      expect(calls.of('read')).toBe(0);
    });

    it('is signed again if an older key signed it', async () => {
      const client = variant.newClient();
      const before = await open({}, {}, { keys: ['old key'], client });
      const ann = await member(before);
      const after = await open({}, {}, { keys: ['new key', 'old key'], client });
      const cookie = await ann.jar.getCookieString(before.url);
      const reply = await after.visitor().get('/see', { cookie });
      expect(reply.json()).toEqual({ user: 'ann' });
      expect(reply.setCookie).toHaveLength(1);
      expect(setCookieOf(reply, 'koa.sid.sig')).toMatch(
        /; path=\/; expires=.*; max-age=86400; samesite=lax; httponly$/,
      );
      const onlyNew = await open({}, {}, { keys: ['new key'], client });
      const renewed = `koa.sid=${ann.sid}; koa.sid.sig=${sentId(reply, 'koa.sid.sig')}`;
      expect((await onlyNew.visitor().get('/see', { cookie: renewed })).json()).toEqual({ user: 'ann' });
    });

    records.it('with an id that the store does not know is left alone, and its id is not adopted', async () => {
      const site = await open();
      const ann = await member(site);
      await site.client.destroy(keyOf(variant, ann.sid));
      expect((await ann.get('/see')).setCookie).toEqual([]);
      expect(site.heard.at(-1)).toEqual({ name: 'session:missed', key: ann.sid, value: undefined });
      const reply = await ann.get('/put?user=bob');
      expect(sentId(reply)).toMatch(/^[\w-]{24}$/);
      expect(sentId(reply)).not.toBe(ann.sid);
    });

    records.it.each(['just text', 5, ['list']])(
      'with an id whose record is %j finds no session, and the record stays',
      async (foreign) => {
        const site = await open();
        const ann = await member(site);
        const key = keyOf(variant, ann.sid);
        await site.client.set(key, foreign as unknown as session.Session, 60_000);
        const reply = await ann.get('/see');
        expect([reply.status, reply.json(), reply.setCookie]).toEqual([200, {}, []]);
        expect(site.events().slice(-2)).toEqual(['session:invalid', 'session:missed']);
        expect(await recordOf(site.client, key)).toEqual(foreign);
      },
    );
  });
}
