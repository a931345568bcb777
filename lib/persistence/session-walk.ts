import { atOnce, pages, slices } from '../base/walk';
import type { Endings } from './endings';
import { type FoundSession, findSession, isOver, type ReadingRules, timesOf } from './found-session';
import { eachOnce, handleOf } from './handles';
import { readListed } from './listing';
import type { RecordWalk } from './record-walk';
import { indexOf, type UserIndex } from './user-index';
import type { GivenWalkOptions, StoredSession } from './walk-options';
import { indexOfStored, userNamed } from './whose';

/** What a walk over the sessions of a Store needs. */
export interface WalkRules extends ReadingRules {
  readonly store: ReadingRules['store'] & {
    readonly walk: RecordWalk | undefined;
    readonly index: UserIndex | undefined;
    readonly endings: Endings | undefined;
  };
}

/** The sessions of a Store, or those of a user, in no order. */
export async function* walkSessions(
  options: GivenWalkOptions,
  rules: WalkRules,
): AsyncGenerator<StoredSession, void, undefined> {
  const { user, data, signal } = options;
  const seen = new LastHandles();
  for await (const some of user === undefined ? all(options, rules) : ofUser(user, options, rules)) {
    for (const one of eachOnce(some, rules, seen)) {
      signal?.throwIfAborted();
      const shown = described(one, user, rules);
      yield data ? { ...shown, data: one.session } : shown;
    }
  }
}

/** @throws TypeError if the store cannot list what the options ask for. */
export function expectWalkable({ user }: Pick<GivenWalkOptions, 'user'>, rules: WalkRules): void {
  const { index, walk } = rules.store;
  const isByIndex = user !== undefined && rules.user === undefined;
  if (isByIndex && index !== undefined) return;
  if (walk === undefined) {
    throw new TypeError(
      'Expected `store` to list its records: use redisStore(), knexStore(), a MemoryStore, fromExpressStore() with a store that has `ids` or `all`, fromKeyv() with an adapter that has an iterator, or give the store the method `keys` of an EnumerableStore',
    );
  }
  if (!isByIndex) return;
  throw new TypeError(
    'Expected the option `user` of the Store to be given, which tells whose a session is: `new Store(client, { user })`',
  );
}

type Sessions = AsyncGenerator<FoundSession[], void, undefined>;

async function* all({ signal }: GivenWalkOptions, rules: WalkRules): Sessions {
  const { names, walk } = rules.store;
  const page = (cursor: string | undefined) => (walk as RecordWalk).keys(cursor, rules.store.newBudget());
  for await (const { keys } of pages({ page }, undefined, signal)) {
    const own = keys.filter((key) => names.owns(key));
    for await (const some of slices(own, signal)) {
      const found: FoundSession[] = [];
      await atOnce(some, async (key) => {
        const answer = await findSession(key, rules);
        if (answer.is === 'session' && isInUse(answer.found, rules)) found.push(answer.found);
      });
      yield found;
    }
  }
}

/** An index may lack what was stored before the application kept it, so it counts only if nothing else tells whose a session is. */
async function* ofUser(user: string, options: GivenWalkOptions, rules: WalkRules): Sessions {
  const { index } = rules.store;
  const name = indexOf(user);
  if (rules.user !== undefined) {
    for await (const some of all(options, rules))
      yield some.filter(({ session }) => indexOfStored(session, rules) === name);
    return;
  }
  for await (const members of (index as UserIndex).members(name, () => rules.store.newBudget())) {
    for await (const some of slices(members, options.signal)) yield (await readListed(some, name, rules)).alive;
  }
}

/** Its own times may make no sense: then the record decides. */
function isInUse({ session }: FoundSession, rules: ReadingRules): boolean {
  return attempt(() => !isOver(session, rules)) ?? true;
}

function described(one: FoundSession, user: string | undefined, rules: WalkRules): StoredSession {
  const { record, session, ttl } = one;
  const date = (ms: number | undefined) => (ms === undefined ? undefined : new Date(ms));
  const times = attempt(() => timesOf(session, ttl ?? Number.NaN, rules));
  // Redis has records without an end, whose ttl is negative.
  const isKnown = ttl !== undefined && ttl >= 0;
  return {
    handle: handleOf(one, rules),
    user: user ?? attempt(() => userNamed(rules.user?.(session))),
    createdAt: date(times?.createdAt),
    lastSeenAt: isKnown ? date(times?.lastSeenAt) : undefined,
    expiresAt: isKnown ? date(times?.expiresAt) : undefined,
    bytes: Buffer.byteLength(record),
  };
}

/** What a function of the application, or one that reads what anybody may have stored, returns unless it fails. */
function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** Number of handles that are remembered, in some 10 MB. */
const REMEMBERED = 100_000;

/** The handles of the sessions that a walk met last: one that gets a new id while the walk goes on is met again. */
class LastHandles {
  readonly #handles = new Set<string>();

  has(handle: string): boolean {
    return this.#handles.has(handle);
  }

  add(handle: string): Set<string> {
    if (this.#handles.size === REMEMBERED) this.#handles.delete(this.#handles.values().next().value as string);
    return this.#handles.add(handle);
  }
}
