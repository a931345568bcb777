import type Koa from 'koa';
import { type Bench, compare } from '../helpers/sites/compared-packages';
import { sentId, sessionOf } from '../helpers/sites/session-site';

const catching: Koa.Middleware = async (ctx, next) => {
  try {
    await next();
  } catch {
    ctx.status = 418;
  }
};

/** Three visits of one visitor to a handler that changes the session and throws. */
async function visitThrice({ open }: Bench, error: () => unknown, before?: Koa.Middleware) {
  const site = await open(
    {},
    {
      '/throw': async (ctx) => {
        (await sessionOf(ctx))['tried'] = true;
        throw error();
      },
    },
    before === undefined ? {} : { before },
  );
  const visitor = site.visitor();
  const replies = [await visitor.get('/throw'), await visitor.get('/throw'), await visitor.get('/throw')];
  const cookies = replies.filter((reply) => sentId(reply)).length;
  return { cookies, records: site.client.size, next: (await visitor.get('/see')).json<object>() };
}

const lost = { cookies: 0, records: 0, next: {} };
const orphans = { cookies: 0, records: 3, next: {} };
const kept = { cookies: 1, records: 1, next: { tried: true } };

describe('handlers that throw', () => {
  describe('on a new session leave an orphaned record for each visit', () => {
    const kinds: [string, () => unknown][] = [
      ['an error', () => new Error('no')],
      ['a string', () => 'no'],
      ['an error with its own headers', () => Object.assign(new Error('no'), { headers: { 'X-Own': '1' } })],
    ];
    for (const [kind, error] of kinds) {
      compare(kind, ['eager'], (bench) => visitThrice(bench, error), { fault: orphans, right: kept });
    }
  });

  compare(
    'on a deferred session, which is not saved at all',
    ['defer'],
    (bench) => visitThrice(bench, () => new Error('no')),
    { fault: lost, right: kept },
  );

  compare(
    'on a deferred session, caught further out',
    ['defer'],
    (bench) => visitThrice(bench, () => new Error('no'), catching),
    { fault: lost, right: kept },
  );
});
