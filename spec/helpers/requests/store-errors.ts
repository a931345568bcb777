import { setImmediate as later } from 'node:timers/promises';
import { sentId } from '../sites/session-site';
import { countCalls, failing } from '../stores/open-clients';
import { casesIf, member, siteOpener, type Variant } from './variant';

/** What a request comes to whose store fails. */
export function storeErrorsContract(variant: Variant): void {
  const open = siteOpener(variant);
  const records = casesIf(variant.hasRecords);

  describe('errorHandler', () => {
    it('that returns lets a request continue whose session cannot be read: empty, not stored, the cookie unchanged', async () => {
      const heard: unknown[] = [];
      const site = await open({
        errorHandler: async (error, type, ctx) => {
          await later();
          heard.push([error.message, type, ctx.path]);
        },
      });
      const ann = await member(site);
      const mend = failing(site.client, 'read');
      const calls = countCalls(site.client);
      const reply = await ann.get('/put?user=bob');
      expect([reply.status, reply.setCookie, calls.of('write'), calls.of('destroy')]).toEqual([200, [], 0, 0]);
      expect(heard).toEqual([['store is broken', 'get', '/put']]);
      mend();
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it('is called for a session that cannot be written, and no cookie is sent for it', async () => {
      const heard: unknown[] = [];
      const site = await open({ errorHandler: (error, type) => heard.push([error.message, type]) });
      failing(site.client, 'write');
      const reply = await site.visitor().get('/put?user=ann');
      expect([reply.status, reply.setCookie]).toEqual([200, []]);
      expect(heard).toEqual([['store is broken', 'set']]);
    });

    records.it('is called for a session that cannot be destroyed; the cookie is cleared nevertheless', async () => {
      const heard: unknown[] = [];
      const site = await open({ errorHandler: (error, type) => heard.push([error.message, type]) });
      const ann = await member(site);
      failing(site.client, 'destroy');
      const reply = await ann.get('/logout');
      expect([reply.status, sentId(reply), heard]).toEqual([200, '', [['store is broken', 'destroy']]]);
    });

    it('that throws sets the error of the request', async () => {
      const site = await open({
        errorHandler: async () => {
          throw Object.assign(new Error('please come back later'), { status: 503, expose: true });
        },
      });
      const ann = await member(site);
      failing(site.client, 'read');
      const reply = await ann.get('/see');
      expect([reply.status, reply.text, reply.setCookie]).toEqual([503, 'please come back later', []]);
    });

    it("by default fails the request with the store's message; cookie and record stay", async () => {
      const site = await open();
      const ann = await member(site);
      const cause = new Error('store is broken');
      const mend = failing(site.client, 'read', cause);
      const reply = await ann.get('/see');
      expect([reply.status, reply.setCookie]).toEqual([500, []]);
      expect(site.errors).toEqual([
        expect.objectContaining({ message: 'store is broken', code: 'ERR_SESSION_STORE', cause }),
      ]);
      mend();
      expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    });

    it('is not called if there is no failure: the code ENOENT means that there is no such session', async () => {
      const errorHandler = jest.fn();
      const site = await open({ errorHandler });
      const ann = await member(site);
      failing(site.client, 'read', Object.assign(new Error('no such file'), { code: 'ENOENT' }));
      expect((await ann.get('/see')).json()).toEqual({});
      expect(errorHandler).not.toHaveBeenCalled();
      expect(site.events().at(-1)).toBe('session:missed');
    });
  });

  describe('a logout while the store fails', () => {
    records.it('fails the request, but clears the cookie', async () => {
      const site = await open();
      const ann = await member(site);
      failing(site.client, 'destroy');
      const reply = await ann.get('/logout');
      expect([reply.status, sentId(reply)]).toEqual([500, '']);
      expect((await ann.get('/see')).json()).toEqual({});
    });

    records.it(
      'that the errorHandler lets continue removes cookie and record, although the record could not be read',
      async () => {
        const site = await open({ errorHandler: () => undefined });
        const ann = await member(site);
        failing(site.client, 'read');
        const reply = await ann.get('/logout');
        expect([reply.status, sentId(reply), site.client.size]).toEqual([200, '', 0]);
      },
    );
  });
}
