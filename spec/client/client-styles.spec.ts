import session, { MemoryStore, Store } from '../../lib/main';
import { storeContract } from '../../lib/testing';
import * as compiled from '../fixtures/compiled-client';
import { browser } from '../helpers/http/serve';
import { startNode } from '../helpers/programs/node-program';
import { siteWith } from '../helpers/sites/open-sites';
import { answeringAnything, kinds, plainClient, styles } from '../helpers/stores/client-styles';
import { MapClient } from '../helpers/stores/map-client';

const ofMemory = Object.entries(kinds).map(([kind, make]) => [kind, () => make(new MemoryStore())] as const);
/** jest cannot import ES modules as Node does. */
const contractOfModules = `
  import { describe, it } from 'node:test';
  import { storeContract } from 'koa-evented-session/testing';
  import client from './spec/fixtures/default-client.mjs';
  import * as namespace from './spec/fixtures/named-client.mjs';

  storeContract('a module', () => namespace, { describe, it });
  storeContract("a module's default export", () => client, { describe, it });
`;

const all = [...ofMemory, ['a module of TypeScript, compiled to CommonJS', () => compiled] as const];
const ofStyle = Object.entries(styles).map(([style, run]) => [style, () => plainClient(run)] as const);

/** Each calls the client in another way. The style of a client makes no difference to the other cases. */
const CASES = [
  'returns a stored session',
  'replaces a stored session',
  'returns null or undefined for a missing session',
  'destroys only the given session',
  'keeps a session for its ttl',
];

describe('A client that is', () => {
  const tried: string[] = [];
  for (const [kind, make] of all) {
    storeContract(kind, make, {
      it: (title, run) => {
        if (!CASES.includes(title)) return;
        tried.push(title);
        it(title, run);
      },
    });
  }

  it('of any kind is tried in five cases', () => {
    expect(tried.sort()).toEqual(all.flatMap(() => CASES).sort());
  });

  it('an ES module is one', async () => {
    await using contract = await started('--test-reporter=tap', '--input-type=module', '--eval', contractOfModules);
    const { 1: passed } = await contract.says(/^# pass (\d+)$/m);
    const { 1: failed } = await contract.says(/^# fail (\d+)$/m);
    expect([Number(passed) > 60, failed]).toEqual([true, '0']);
  });
});

describe('An app', () => {
  it.each([...ofStyle, ...all])('on %s recognises its visitors, and forgets those who log out', async (_kind, make) => {
    const site = await siteWith({ store: make(), rolling: true });
    const [ann, bob] = [site.visitor(), site.visitor()];
    await ann.get('/put?user=ann');
    await bob.get('/put?user=bob');
    await ann.get('/put?more=1');
    const held = await ann.jar.getCookieString(site.url);
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann', more: '1' });
    await ann.get('/logout');
    expect((await site.visitor().get('/see', { cookie: held })).json()).toEqual({});
    expect([(await bob.get('/see')).json(), site.errors]).toEqual([{ user: 'bob' }, []]);
  });

  it('as an ES module accepts a module as its client', async () => {
    await using program = await started('spec/fixtures/es-app.mjs');
    const [url] = await program.says(/^http:\S+$/m);
    const visitor = browser(url);
    expect([(await visitor.get('/')).text, (await visitor.get('/')).text]).toEqual(['views: 1', 'views: 2']);
  });
});

describe('The guarantee', () => {
  it.each(ofMemory)('of %s is last-write', (_kind, make) => {
    expect(new Store(make()).guarantee).toBe('last-write');
  });

  it('of a Proxy with a function for every name is last-write, and only the three methods are called', async () => {
    const client = new MapClient();
    const asked = ['get', 'set', 'destroy'].map((name) => jest.spyOn(client, name as 'get'));
    const site = await siteWith({ store: answeringAnything(client), rolling: true });
    const ann = site.visitor();
    await ann.get('/put?user=ann');
    expect((await ann.get('/see')).json()).toEqual({ user: 'ann' });
    await ann.get('/logout');
    expect([asked.map(({ mock }) => mock.calls.length), site.errors]).toEqual([[2, 2, 1], []]);
  });
});

describe('An async generator is refused, since the session could be what it yields or what it returns:', () => {
  const client = plainClient((run) => run());
  async function* get() {
    yield { cookie: {} };
  }

  it('at set-up, if a method is one', () => {
    expect(() => session({ store: { ...client, get } })).toThrow(
      new TypeError(
        'Expected `store.get` to answer with a value, a promise, a thunk or a generator, got an async generator: leave out its `*`',
      ),
    );
  });

  it('with a StoreError, if a method returns one', async () => {
    const store = new Store({ ...client, get: () => get() });
    await expect(store.get('a')).rejects.toMatchObject({
      code: 'ERR_SESSION_STORE',
      operation: 'get',
      message: expect.stringContaining('got an async generator'),
    });
  });
});

async function started(...args: string[]) {
  const program = await startNode(args);
  return Object.assign(program, { [Symbol.asyncDispose]: async () => void (await program.end()) });
}
