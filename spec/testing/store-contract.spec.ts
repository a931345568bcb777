import { EventEmitter } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { MemoryStore, type Session, type SessionStore } from '../../lib/main';
import { type StoreContractOptions, type Subject, storeContract } from '../../lib/testing';
import { codeBlocks } from '../helpers/docs/markdown';
import { startNode } from '../helpers/programs/node-program';
import { endOf, koaRedisKinds, untilReady } from '../helpers/redis/koa-redis-client';
import { type RedisServer, startRedis } from '../helpers/redis/server';
import { ClassClient, compareAndSetClient, indexingClient, plainClient, styles } from '../helpers/stores/client-styles';
import { failuresOf, type Outcomes, runContract, titlesOf } from '../helpers/stores/contract-run';
import { EmittingClient } from '../helpers/stores/emitting-client';
import { faults, whereTouch } from '../helpers/stores/faulty-clients';
import {
  RightBroadcastingClient,
  RightClient,
  RightCompareAndSetClient,
  RightEnumerableClient,
  RightIndexingClient,
  RightTouchableClient,
} from '../helpers/stores/right-client';

const HOUR = 60 * 60 * 1000;
const compareAndSet = { guarantee: 'compare-and-set' } as const;

describe('The store contract is kept by', () => {
  const open = () => {
    const client = new MemoryStore();
    const ttlLeft = (key: string) => client.load(key, { ttl: true })?.ttl ?? 0;
    return { client, ttlLeft, end: () => client.close() };
  };
  storeContract('MemoryStore', open, compareAndSet);

  describe('koa-redis:', () => {
    let redis: RedisServer;
    beforeAll(async () => {
      redis = await startRedis();
    });
    afterAll(() => redis.stop());

    it.each(Object.entries(koaRedisKinds))('%s', async (_name, connect) => {
      const open = async () => {
        const client = connect(redis);
        await untilReady(client);
        const ttlLeft = async (key: string) => Number(await redis.command(`PTTL ${key}`));
        return { client, ttlLeft, end: () => endOf(client) };
      };
      expect(failuresOf(await runContract(open))).toEqual({});
      expect(await redis.command('DBSIZE')).toBe('0');
    });
  });

  const right: [string, () => SessionStore, StoreContractOptions][] = [
    ['has the three methods', () => new RightClient(), {}],
    ['has `touch` too', () => new RightTouchableClient(), {}],
    ['can compare and set', () => new RightCompareAndSetClient(), compareAndSet],
    ['knows which sessions belong to a user', () => new RightIndexingClient(), compareAndSet],
    ['lists its records', () => new RightEnumerableClient(), compareAndSet],
    ['has all abilities', () => new RightBroadcastingClient(), compareAndSet],
    ['is a class', () => new ClassClient(), {}],
  ];
  for (const [name, style] of Object.entries(styles)) {
    right.push([`answers with ${name}`, () => plainClient(style), {}]);
    right.push([`compares and sets, and answers with ${name}`, () => compareAndSetClient(style), compareAndSet]);
    right.push([`has all abilities, and answers with ${name}`, () => indexingClient(style), compareAndSet]);
  }
  it.each(right)('a client that %s', async (_what, makeClient, options) => {
    expect(failuresOf(await runContract(makeClient, options))).toEqual({});
  });

  it('a client that reports a missing session with ENOENT', async () => {
    class Files extends RightClient {
      override async get(key: string) {
        const found = await super.get(key);
        if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
        return found;
      }
    }
    expect(failuresOf(await runContract(() => new Files()))).toEqual({});
  });

  it('a client that counts in seconds', async () => {
    class InSeconds extends RightIndexingClient {
      override endOf(ttl: number) {
        return Math.ceil(super.endOf(ttl) / 1000) * 1000;
      }
    }
    expect(failuresOf(await runContract(() => new InSeconds(), compareAndSet))).toEqual({});
  });

  it('a client that counts in seconds, and does not store a session that expires before it is written', async () => {
    class Busy extends RightTouchableClient {
      #calls = 0;

      override async set(key: string, session: Session, ttl: number) {
        const end = Date.now() + ttl;
        this.#calls += 1;
        if (this.#calls % 2 === 0) await pause(3);
        const left = end - Date.now();
        if (left <= 0) await this.destroy(key);
        else this.write(key, this.stringify(session), Math.ceil(left / 1000) * 1000);
      }
    }
    expect(failuresOf(await runContract(() => new Busy()))).toEqual({});
  });

  it('a slow client', async () => {
    class Slow extends RightIndexingClient {
      override reach() {
        return pause(15);
      }
    }
    expect(failuresOf(await runContract(() => new Slow(), compareAndSet))).toEqual({});
  });

  it('a client so slow to store that a record has to live for longer than an expired one may stay', async () => {
    class Slow extends RightIndexingClient {
      override async set(key: string, data: Session, ttl: number) {
        await pause(300);
        return super.set(key, data, ttl);
      }
    }
    expect(failuresOf(await runContract(() => new Slow(), compareAndSet, 'neither loads nor touches'))).toEqual({});
  });

  it('a client that connects after it was made', async () => {
    class Late extends RightClient {
      connected = false;
      readonly #events = new EventEmitter();
      readonly on = this.#events.on.bind(this.#events);
      readonly off = this.#events.off.bind(this.#events);

      constructor() {
        super();
        setImmediate(() => {
          this.connected = true;
          this.#events.emit('connect');
        });
      }

      override async reach() {
        if (!this.connected) throw new Error('asked too early');
      }
    }
    expect(failuresOf(await runContract(() => new Late()))).toEqual({});
  });
});

describe('The store contract is broken by a client that', () => {
  class Silent extends RightClient {
    override set() {
      return new Promise<never>(() => undefined);
    }
  }
  const makeAway = () => Object.assign(new EmittingClient(), { connected: false });
  let outcomes: Record<string, Outcomes>;
  let silent: Outcomes;
  let never: Outcomes;
  // All at once: most of the time is spent on waiting.
  beforeAll(async () => {
    const waits = [runContract(() => new Silent()), runContract(makeAway)] as const;
    const runs = Object.entries(faults).map(async ([what, { client: Client, guarantee, about }]) => {
      const options = guarantee ? { guarantee } : {};
      return [what, await runContract(() => new Client() as SessionStore, options, about)];
    });
    outcomes = Object.fromEntries(await Promise.all(runs));
    [silent, never] = await Promise.all(waits);
  });

  it.each(Object.entries(faults))('%s', (what, { noticedBy }) => {
    const failures = failuresOf(outcomes[what] ?? {});
    expect(Object.keys(failures)).toContain(noticedBy);
    // In one line: what was expected, what came, and why it matters.
    expect(failures[noticedBy]).toMatch(/^Expected .+(: .+| lacks .+| missing)$/);
  });

  it('is correct in everything that no case checks', () => {
    const noticing = new Set(Object.values(outcomes).flatMap((each) => Object.keys(failuresOf(each))));
    const idle = titlesOf(compareAndSet).filter((title) => !noticing.has(title) && !noticing.has(whereTouch(title)));
    expect(idle).toEqual(["reaches the guarantee 'compare-and-set'"].filter((title) => !noticing.has(title)));
  });

  it('measures time wrongly, which the storage system shows', async () => {
    const open = () => ({ client: new RightCompareAndSetClient(), ttlLeft: () => HOUR / 1000 });
    const { 'reports the remaining lifetime of a record': failure } = failuresOf(
      await runContract(open, compareAndSet),
    );
    expect(failure).toBe(
      'Expected a session with a ttl of 3600000 ms to have that left, got 3600: a ttl is in milliseconds and starts now',
    );
  });

  it('does not answer', () => {
    expect(failuresOf(silent)['replaces a stored session']).toMatch(
      /^Expected `set` to answer, got the error "session store gave no answer to "set" within 4000 ms": /,
    );
  });

  it('never connects', () => {
    const message =
      'Expected the client to be connected within 4000 ms: a client that is not connected yet emits `connect` once it is';
    expect(Object.values(failuresOf(never))).toEqual(titlesOf().map(() => message));
  });
});

describe('The guarantee', () => {
  const titles = (options?: StoreContractOptions) => titlesOf(options).filter((title) => title.includes('guarantee'));

  it('is the claimed one, last-write by default', () => {
    expect(titles()).toEqual(["reaches the guarantee 'last-write'"]);
    expect(titles({ guarantee: null })).toEqual(titles());
    expect(titles(compareAndSet)).toEqual(["reaches the guarantee 'compare-and-set'"]);
  });

  it('reports the missing methods', async () => {
    const failures = failuresOf(await runContract(() => new RightTouchableClient(), compareAndSet));
    expect(failures["reaches the guarantee 'compare-and-set'"]).toBe(
      "Expected the guarantee 'compare-and-set', got 'last-write': the client lacks `load`, `create`, `swap`",
    );
    expect(failures['does not swap a missing or destroyed record']).toBe(
      'Expected the client to have the method `create`, which it lacks',
    );
  });

  it('fails if the client reaches more', async () => {
    expect(failuresOf(await runContract(() => new MemoryStore()))).toEqual({
      "reaches the guarantee 'last-write'":
        "Expected no more than the guarantee 'last-write', got 'compare-and-set': claim it with `{ guarantee: 'compare-and-set' }`, so that all of it is tested",
    });
  });
});

describe('Each case', () => {
  it('has a separate client, which is ended once, even if the case fails', async () => {
    const ended: Subject[] = [];
    const open = (client: SessionStore) => {
      const subject: Subject = {
        client,
        end() {
          ended.push(this);
        },
      };
      return subject;
    };
    await runContract(() => open(new RightClient()));
    await runContract(async () => open(new RightClient()), compareAndSet);
    const cases = titlesOf().length + titlesOf(compareAndSet).length;
    expect([ended.length, new Set(ended.map(({ client }) => client)).size]).toEqual([cases, cases]);
  });

  it('leaves nothing behind', async () => {
    const client = new MemoryStore();
    expect(failuresOf(await runContract(() => client, compareAndSet))).toEqual({});
    expect(client.size).toBe(0);
  });

  it('accepts a client that itself has a `client`', async () => {
    expect(failuresOf(await runContract(() => Object.assign(new RightClient(), { client: {} })))).toEqual({});
  });

  it.each<[string, () => SessionStore | Subject | Promise<Subject>, string]>([
    ['the client cannot be created', () => Promise.reject(new Error('refused')), 'refused'],
    ['its end fails', () => ({ client: new RightClient(), end: () => Promise.reject(new Error('stuck')) }), 'stuck'],
    ['there is none', () => undefined as never, 'Expected `store` to be an object with `get`, `set`, `destroy`'],
  ])('fails if %s', async (_what, makeClient, message) => {
    const failures = Object.values(failuresOf(await runContract(makeClient)));
    expect(failures).toHaveLength(titlesOf().length);
    for (const failure of failures) expect(failure).toContain(message);
  });

  it('reports its own failure rather than that of `end`', async () => {
    const end = () => Promise.reject(new Error('stuck'));
    const failures = failuresOf(await runContract(() => ({ client: new RightTouchableClient(), end }), compareAndSet));
    expect(failures['does not swap a missing or destroyed record']).toContain('which it lacks');
    expect(failures['returns a stored session']).toBe('stuck');
  });
});

describe('storeContract', () => {
  it('registers its cases under its name, and prefers the given functions to global ones', () => {
    const heard: unknown[] = [];
    storeContract('my store', () => new MemoryStore(), {
      describe: (name, body) => {
        heard.push(name);
        body();
      },
      it: (title, run) => heard.push([title, run.length]),
    });
    expect(heard).toEqual(['my store', ...titlesOf().map((title) => [title, 0])]);
  });

  it('accepts the functions of other runners', () => {
    // As far as types go; further down they run.
    const ofNode = {} as Pick<typeof import('node:test'), 'describe' | 'it'>;
    const ofJest = {} as { describe: jest.Describe; it: jest.It };
    const options: StoreContractOptions[] = [ofNode, ofJest];
    expect(options).toHaveLength(2);
  });

  it.each([
    ['name', [1, () => new MemoryStore()], 'Expected `name` to be a string, got `1` (number)'],
    [
      'makeClient',
      ['it', new MemoryStore()],
      'Expected `makeClient` to be a function that creates a client, got an object',
    ],
    [
      'guarantee',
      ['it', () => new MemoryStore(), { guarantee: 'all' }],
      "Expected `guarantee` to be 'compare-and-set' or 'last-write', got `all` (string)",
    ],
    ['it', ['it', () => new MemoryStore(), { it: 'it' }], 'Expected `it` to be a function, got `it` (string)'],
  ])('refuses an invalid %s', (_name, args, message) => {
    expect(() => Reflect.apply(storeContract, undefined, args)).toThrow(new TypeError(message));
  });
});

describe('The kit in a separate process', () => {
  const run = async (...args: string[]) => {
    const program = await startNode(args);
    return Object.assign(program, { [Symbol.asyncDispose]: async () => void (await program.end()) });
  };
  const counts = (passed: number, failed: number) => new RegExp(`^# pass ${passed}\\n# fail ${failed}\\n`, 'm');
  const { length } = titlesOf(compareAndSet);

  it('runs under node:test, from an ES module', async () => {
    const script = `
      import { describe, it } from 'node:test';
      import { MemoryStore } from 'koa-evented-session';
      import { storeContract } from 'koa-evented-session/testing';
      const options = { guarantee: 'compare-and-set', describe, it };
      storeContract('MemoryStore', () => new MemoryStore(), options);`;
    await using program = await run('--test-reporter=tap', '--input-type=module', '--eval', script);
    await program.says(counts(length, 0));
    expect(program.output).toMatch(/^# Subtest: MemoryStore\n {4}# Subtest: reaches the guarantee 'compare-and-set'$/m);
  });

  it('fails under node:test if a client does', async () => {
    const script = `
      const { describe, it } = require('node:test');
      const { MemoryStore } = require('koa-evented-session');
      const { storeContract } = require('koa-evented-session/testing');
      storeContract('MemoryStore', () => new MemoryStore(), { describe, it });`;
    await using program = await run('--test-reporter=tap', '--eval', script);
    await program.says(counts(titlesOf().length - 1, 1));
    expect(program.output).toContain("Expected no more than the guarantee 'last-write', got 'compare-and-set'");
  });

  it('runs under any runner whose functions are global, as in the documentation', async () => {
    const [block] = codeBlocks('docs/stores-testing.md');
    const script = `
      const cases = [];
      globalThis.describe = (name, body) => { console.log(name); body(); };
      globalThis.it = (title, run) => cases.push(run);
      ${block?.code}
      (async () => {
        for (const run of cases) await run();
        console.log('passed', cases.length);
      })();`;
    await using program = await run('--eval', script);
    await program.says(new RegExp(`^MapStore\\npassed ${titlesOf().length}$`, 'm'));
  });

  it('loads without a runner, and reports on use what to do', async () => {
    const script = `
      const { storeContract } = require('koa-evented-session/testing');
      try {
        storeContract('a store', () => new Map());
      } catch (error) {
        console.log(error.name + ': ' + error.message);
      }`;
    await using program = await run('--eval', script);
    const [said] = await program.says(/^TypeError: .*$/m);
    expect(said).toBe(
      'TypeError: Expected a test runner with global `describe` and `it`: if they are not global, pass them, ' +
        "`storeContract(name, makeClient, { describe, it })`, for example those of 'node:test'",
    );
  });
});
