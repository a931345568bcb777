import { expected } from '../../base/expect';
import { NO_RECORD, recordKeys } from '../../base/record-keys';
import type { KeysFound } from '../../base/types';
import type { RedisDriver } from './driver';
import { Script } from './script';
import { ALL_SLOTS, hashTagOf, Slots, slotOf } from './slots';

/** Keys that Redis looks at in one call. */
const COUNT = 1000;

/**
 * Runs SCAN on the server of its key, whose beginning is the prefix: a client finds that server as for any other script,
 * in a Cluster too. A cursor of SCAN is worth nothing on another server, or after a restart, so the script then begins
 * again. Also returns the server's line in CLUSTER NODES, which tells its slots, and the whole key, to which ioredis may
 * have added a prefix. Only strings are records, but before version 6, SCAN does not tell types.
 *
 * ARGV: the length of what follows the prefix in the key, the server of the cursor, its cursor, the number of keys.
 */
const SCAN = new Script(`
local server = redis.call('INFO', 'server')
local run = string.match(server, 'run_id:(%w+)') or '0'
local node = ''
if string.find(server, 'redis_mode:cluster', 1, true) then
  node = string.match(redis.call('CLUSTER', 'NODES'), 'myself[^\\n]*')
end
local pattern = string.gsub(string.sub(KEYS[1], 1, -1 - ARGV[1]), '[%*%?%[%]%\\\\]', '\\\\%0') .. '*'
local from = run == ARGV[2] and ARGV[3] or '0'
local found = redis.pcall('SCAN', from, 'MATCH', pattern, 'COUNT', ARGV[4], 'TYPE', 'string')
if found.err then found = redis.call('SCAN', from, 'MATCH', pattern, 'COUNT', ARGV[4]) end
return { run, node, KEYS[1], found[1], found[2] }`);

/** Where a walk over all keys is. */
interface Walk {
  /** A number that leads to the server which is being walked over: that of the key with this number. */
  probe: number;
  /** The server's run, which ends with a restart. */
  run: string;
  /** The slots that the server has had from the beginning of its walk on. */
  owned: string;
  /** The cursor of SCAN there. */
  scan: string;
  /** The slots that are done. */
  done: string;
}

const START: Walk = { probe: 0, run: '', owned: '', scan: '0', done: '' };
const RANGES = '[\\d,-]*';
const CURSOR = new RegExp(`^(\\d+)/(\\w*)/(${RANGES})/(\\d+)/(${RANGES})$`);

/**
 * Returns some of the records' keys, from all servers of a Cluster, one after the other. A slot is done when the server
 * that had it from the beginning to the end of its walk has no more keys, and gave none of that slot away: so a slot
 * that moves meanwhile is walked over again, where it is then.
 *
 * @throws TypeError if this function has not returned the cursor.
 */
export async function keys(driver: RedisDriver, prefix: string, cursor?: string): Promise<KeysFound> {
  const walk = cursor === undefined ? START : walkAt(cursor);
  const rest = `${NO_RECORD}walk:${walk.probe}`;
  const answer = await SCAN.run(
    driver,
    prefix + rest,
    String(Buffer.byteLength(rest)),
    walk.run,
    walk.scan,
    `${COUNT}`,
  );
  const [run, node, key, scan] = (answer as unknown[]).map(String) as [string, string, string, string];
  const [slots, moving] = slotsOf(node);
  const owned = run === walk.run ? slots.and(Slots.in(walk.owned)) : slots;
  // Without what ioredis has added.
  const added = key.length - prefix.length - rest.length;
  const found = ((answer as unknown[])[4] as unknown[]).map((name) => String(name).slice(added));
  const next =
    scan === '0'
      ? nextServer({ ...walk, owned: String(owned) }, key.slice(0, -rest.length), moving)
      : { ...walk, run, owned: String(owned), scan };
  return { keys: recordKeys(found, prefix), cursor: next && textOf(next) };
}

/** The walk over a server that has slots which are not done; `undefined` if there is none. */
function nextServer(walk: Walk, prefix: string, moving: Slots): Walk | undefined {
  const slotAt = (probe: number) => slotOf(`${prefix}${NO_RECORD}walk:${probe}`);
  // With a tag in the prefix, all keys have the same slot.
  const isAll = (slots: Slots) =>
    hashTagOf(prefix) === undefined ? String(slots) === ALL_SLOTS : slots.has(slotAt(walk.probe));
  const done = Slots.in(walk.done).or(Slots.in(walk.owned));
  if (isAll(done)) return undefined;
  const skipped = done.or(moving);
  if (isAll(skipped)) {
    throw new Error(`Slots ${moving} are moving to another server of the Cluster: go on once they have moved`);
  }
  let probe = 0;
  while (skipped.has(slotAt(probe))) probe += 1;
  return { ...START, probe, done: String(done) };
}

/** The slots that a server has and keeps, and those that it gives away or takes over; of a line in CLUSTER NODES. */
function slotsOf(node: string): [kept: Slots, moving: Slots] {
  if (node === '') return [Slots.in(ALL_SLOTS), Slots.in('')];
  const parts = node.trim().split(' ').slice(NODE_FIELDS);
  const moving = Slots.in(parts.map((part) => /^\[(\d+)-[<>]-/.exec(part)?.[1] ?? '').join(','));
  const ranges = Slots.in(parts.filter((part) => /^\d/.test(part)).join(','));
  return [ranges.without(moving), moving];
}

/** What precedes the slots, from the flags on: flags, primary, ping, pong, epoch, link. */
const NODE_FIELDS = 6;

function textOf({ probe, run, owned, scan, done }: Walk): string {
  return [probe, run, owned, scan, done].join('/');
}

function walkAt(cursor: string): Walk {
  const [, probe, run, owned, scan, done] = CURSOR.exec(cursor) ?? [];
  if (probe === undefined) throw expected('cursor', 'one that `keys` has returned', cursor);
  return { probe: Number(probe), run, owned, scan, done } as Walk;
}
