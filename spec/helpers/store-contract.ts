import co from 'co';
import type { Answer, CompareAndSetStore, Session, SessionStore } from '../../lib/main';
import { Store } from '../../lib/main';
import { until } from './until';

/** A client on trial. */
export interface Subject<Client extends SessionStore = SessionStore> {
  client: Client;
  /** Milliseconds that a key has left, by the word of the system that holds it. */
  ttlLeft(key: string): number | Promise<number>;
  end?(): Promise<void>;
}

type Open<Client extends SessionStore> = () => Subject<Client> | Promise<Subject<Client>>;

const HOUR = 60 * 60 * 1000;
let prefixes = 0;

/** What every client owes to the Store, whatever style it answers in. */
export function storeContract(open: Open<SessionStore>): void {
  const trial = setUp(open);
  const session = (data: object = {}): Session => ({ cookie: { maxAge: HOUR }, ...data });

  it('gives back what was stored', async () => {
    const data = {
      user: 'Zoë 🎈',
      empty: [],
      deep: { list: [1, null, 'a:b'] },
      'a key ': false,
      big: 9007199254740991,
    };
    await trial.store.set('sid', session(data));
    expect(await trial.store.get('sid')).toEqual(session(data));
  });

  it('replaces what was stored', async () => {
    await trial.store.set('sid', session({ views: 1, old: true }));
    await trial.store.set('sid', session({ views: 2 }));
    expect(await trial.store.get('sid')).toEqual(session({ views: 2 }));
  });

  it('answers null or undefined for what is missing', async () => {
    expect([null, undefined]).toContain(await trial.store.get('missing'));
  });

  it('destroys a session and no other', async () => {
    await trial.store.set('one', session({ name: 'one' }));
    await trial.store.set('other', session({ name: 'other' }));
    await expect(trial.store.destroy('one')).resolves.toBeUndefined();
    expect((await trial.store.get('one')) ?? null).toBeNull();
    expect(await trial.store.get('other')).toEqual(session({ name: 'other' }));
  });

  it('destroys what is missing without a word', async () => {
    await expect(trial.store.destroy('missing')).resolves.toBeUndefined();
  });

  it('keeps a session for as long as its cookie', async () => {
    await trial.store.set('sid', session());
    const left = await trial.subject.ttlLeft(trial.store.keyOf('sid'));
    expect(left).toBeGreaterThan(HOUR - 60_000);
    expect(left).toBeLessThanOrEqual(HOUR);
  });

  it('gives a session its whole time again with each write', async () => {
    await trial.store.set('sid', session(), HOUR / 2);
    await trial.store.set('sid', session());
    expect(await trial.subject.ttlLeft(trial.store.keyOf('sid'))).toBeGreaterThan(HOUR / 2);
  });

  it('has nothing once the time is over', async () => {
    await trial.store.set('sid', session(), 20);
    await until(async () => ((await trial.store.get('sid')) ?? null) === null);
  });

  it('shows nothing of another prefix', async () => {
    const other = new Store(trial.subject.client, { prefix: `${trial.store.prefix}other:` });
    await trial.store.set('sid', session({ name: 'mine' }));
    expect((await other.get('sid')) ?? null).toBeNull();
    await other.set('sid', session({ name: 'other' }));
    await other.destroy('sid');
    expect(await trial.store.get('sid')).toEqual(session({ name: 'mine' }));
    other.close();
  });
}

/** What clients that can compare and set owe on top. */
export function compareAndSetContract<R>(open: Open<SessionStore & CompareAndSetStore<R>>): void {
  const trial = setUp(open);
  const key = (sid: string) => trial.store.keyOf(sid);
  const client = () => trial.subject.client;
  const load = (sid: string, options?: { ttl: boolean }) => settled(client().load(key(sid), options));
  const create = (sid: string, record: string, ttl = HOUR) => settled(client().create(key(sid), record, ttl));
  const touch = (sid: string, ttl = HOUR) => settled(client().touch(key(sid), ttl));
  const swap = (sid: string, record: string, revision: unknown, ttl = HOUR) =>
    settled(client().swap(key(sid), record, ttl, revision as R));
  const stored = async (sid: string) => (await load(sid))?.record;
  const gone = { ok: false, gone: true };

  it('lets the Store promise that nothing is lost', () => {
    expect(trial.store.guarantee).toBe('compare-and-set');
  });

  it('loads nothing for what is missing', async () => {
    expect((await load('missing')) ?? null).toBeNull();
  });

  it('loads the very text that was created, and its revision', async () => {
    const record = '{"list":[],"big":9007199254740991,"name":"Zoë 🎈","cookie":{}}';
    const revision = await create('sid', record);
    expect(await load('sid')).toMatchObject({ record, revision });
    expect(await trial.store.get('sid')).toEqual(JSON.parse(record));
  });

  it('tells how long a record has left', async () => {
    await create('sid', '{}', HOUR);
    const { ttl = -1 } = (await load('sid', { ttl: true })) ?? {};
    expect(ttl).toBeGreaterThan(HOUR - 60_000);
    expect(ttl).toBeLessThanOrEqual(HOUR);
  });

  it('creates no record where another one is', async () => {
    await create('sid', '{"first":true}');
    expect(await create('sid', '{"second":true}')).toBe(false);
    expect(await stored('sid')).toBe('{"first":true}');
  });

  it('takes its own text for a creation whose reply was lost', async () => {
    const revision = await create('sid', '{"a":1}');
    expect(await create('sid', '{"a":1}')).toEqual(revision);
  });

  it('swaps the revision that is expected', async () => {
    const swapped = await swap('sid', '{"a":2}', await create('sid', '{"a":1}'));
    expect(swapped).toEqual({ ok: true, revision: (await load('sid'))?.revision });
    expect(await stored('sid')).toBe('{"a":2}');
  });

  it('swaps on with the revision that a swap gave', async () => {
    const first = await swap('sid', '{"a":2}', await create('sid', '{"a":1}'));
    const second = await swap('sid', '{"a":3}', first.ok && first.revision);
    expect([second.ok, await stored('sid')]).toEqual([true, '{"a":3}']);
  });

  it('swaps no other revision, and shows what is stored instead', async () => {
    const old = await create('sid', '{"a":1}');
    await swap('sid', '{"a":2}', old);
    const { revision } = (await load('sid')) ?? {};
    const refused = await swap('sid', '{"a":3}', old);
    expect(refused).toMatchObject({ ok: false, record: '{"a":2}', revision });
    expect(refused).not.toMatchObject({ gone: true });
    expect(await stored('sid')).toBe('{"a":2}');
  });

  it('takes its own text for a swap whose reply was lost', async () => {
    const old = await create('sid', '{"a":1}');
    const swapped = await swap('sid', '{"a":2}', old);
    expect(await swap('sid', '{"a":2}', old)).toEqual(swapped);
  });

  it('lets one of many swaps through', async () => {
    const revision = await create('sid', '{"a":0}');
    const swaps = await Promise.all(Array.from({ length: 20 }, (_, n) => swap('sid', `{"a":${n + 1}}`, revision)));
    const [winner, ...more] = swaps.flatMap(({ ok }, n) => (ok ? [`{"a":${n + 1}}`] : []));
    expect([await stored('sid'), more]).toEqual([winner, []]);
  });

  it('swaps nothing that is gone', async () => {
    const revision = await create('sid', '{"a":1}');
    await trial.store.destroy('sid');
    expect(await swap('sid', '{"a":2}', revision)).toEqual(gone);
    expect((await load('sid')) ?? null).toBeNull();
  });

  it('takes no record that was created anew for the one that it was', async () => {
    const revision = await create('sid', '{"a":1}');
    await trial.store.destroy('sid');
    await create('sid', '{"b":1}');
    expect(await swap('sid', '{"a":2}', revision)).toMatchObject({ ok: false, record: '{"b":1}' });
  });

  it('gives a swapped record its new time', async () => {
    await swap('sid', '{"a":2}', await create('sid', '{"a":1}', 10_000), HOUR);
    expect(await trial.subject.ttlLeft(key('sid'))).toBeGreaterThan(10_000);
  });

  it('extends a record without changing it', async () => {
    const revision = await create('sid', '{"a":1}', 10_000);
    expect(await touch('sid', HOUR)).toBe(true);
    expect(await trial.subject.ttlLeft(key('sid'))).toBeGreaterThan(10_000);
    expect(await load('sid')).toMatchObject({ record: '{"a":1}', revision });
  });

  it('creates nothing by touching it', async () => {
    expect(await touch('missing')).toBe(false);
    expect((await load('missing')) ?? null).toBeNull();
  });

  it('shows the mark of a regenerated session to nobody as a session', async () => {
    const revision = await create('sid', '{"a":1}');
    expect(await swap('sid', 'null', revision, 60_000)).toMatchObject({ ok: true });
    expect((await trial.store.get('sid')) ?? null).toBeNull();
    expect(await stored('sid')).toBe('null');
  });

  it('neither swaps nor extends the mark of a regenerated session', async () => {
    const revision = await create('sid', '{"a":1}');
    await swap('sid', 'null', revision, 60_000);
    expect(await swap('sid', '{"a":2}', revision)).toMatchObject({ ok: false, record: 'null' });
    expect(await touch('sid', HOUR)).toBe(false);
    expect(await trial.subject.ttlLeft(key('sid'))).toBeLessThanOrEqual(60_000);
  });
}

/** A Store around a client of its own for each spec, under a prefix that none has used before. */
function setUp<Client extends SessionStore>(open: Open<Client>) {
  const trial = {} as { subject: Subject<Client>; store: Store };
  beforeEach(async () => {
    prefixes += 1;
    trial.subject = await open();
    trial.store = new Store(trial.subject.client, { prefix: `contract:${prefixes}:` });
  });
  afterEach(async () => {
    trial.store.close();
    await trial.subject.end?.();
  });
  return trial;
}

/** What an answer of any style comes to. */
async function settled<T>(answer: Answer<T>): Promise<T> {
  const value: unknown = answer;
  const isRun =
    typeof value === 'function' || typeof (value as { next?: unknown } | null | undefined)?.next === 'function';
  return (
    isRun
      ? co(function* () {
          return yield value;
        })
      : value
  ) as T;
}
