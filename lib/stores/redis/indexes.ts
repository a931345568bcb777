import type { IndexMember } from '../../base/types';
import type { RedisDriver } from './driver';
import { Script } from './script';

/*
 * An index is one sorted set, so that a Cluster can route each call. It holds, for each member, `e` and the key, scored
 * with the end, and `n` and the key, scored with minus the time of enrolment. `m` is scored with minus the time of the
 * last `endedNow`, and `k` with minus the time until which that is kept. So only ends are positive, and in order.
 */

/** In milliseconds since 1970, with microseconds behind the point. */
const NOW = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000`;

/** Lets Redis remove the index together with its last member or its mark, whichever ends later. */
const EXPIRE = `
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last then
  local kept = -(redis.call('ZSCORE', KEYS[1], 'k') or 0)
  redis.call('PEXPIREAT', KEYS[1], math.ceil(math.max(tonumber(last), kept)))
end`;

/**
 * ARGV: the key, its ttl, the time since the request began, the key that it replaces. Each call adds one member and
 * removes up to 500 expired ones, so that these do not pile up.
 */
const ENROLL = new Script(`${NOW}
for _, ended in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(0', now, 'LIMIT', 0, 500)) do
  redis.call('ZREM', KEYS[1], ended, 'n' .. string.sub(ended, 2))
end
local function ends(key) return tonumber(redis.call('ZSCORE', KEYS[1], 'e' .. key)) or 0 end
local mark = redis.call('ZSCORE', KEYS[1], 'm')
if mark and -mark >= now - ARGV[3] then return nil end
local stored = ends(ARGV[1])
if stored <= now then
  local began = ARGV[4] and ends(ARGV[4]) > now and redis.call('ZSCORE', KEYS[1], 'n' .. ARGV[4])
  redis.call('ZADD', KEYS[1], began or -now, 'n' .. ARGV[1])
end
redis.call('ZADD', KEYS[1], math.max(stored, math.ceil(now + ARGV[2])), 'e' .. ARGV[1])
${EXPIRE}
return mark and string.format('%.3f', now + mark) or 'Infinity'`);

/**
 * ARGV: the limit; if there is an `after`, its end, and a member that comes right after it. That one is added for a
 * moment to find the place, since `after` itself may be gone. As a first write, ZREM lets a full Redis accept it.
 */
const MEMBERS = new Script(`${NOW}
local start = redis.call('ZCOUNT', KEYS[1], '-inf', now)
if ARGV[2] then
  redis.call('ZREM', KEYS[1], ARGV[3])
  redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
  start = math.max(start, redis.call('ZRANK', KEYS[1], ARGV[3]))
  redis.call('ZREM', KEYS[1], ARGV[3])
end
local found = redis.call('ZRANGE', KEYS[1], start, start + ARGV[1] - 1, 'WITHSCORES')
local members = {}
for i = 1, #found, 2 do
  local key = string.sub(found[i], 2)
  members[#members + 1] = key
  members[#members + 1] = found[i + 1]
  members[#members + 1] = string.format('%.3f', now + (redis.call('ZSCORE', KEYS[1], 'n' .. key) or -now))
end
return members`);

/** ARGV: for each entry its key, and its end or nothing. */
const DISMISS = new Script(`
for i = 1, #ARGV, 2 do
  local member, ends = 'e' .. ARGV[i], ARGV[i + 1]
  if ends == '' or tonumber(redis.call('ZSCORE', KEYS[1], member)) == tonumber(ends) then
    redis.call('ZREM', KEYS[1], member, 'n' .. ARGV[i])
  end
end
${EXPIRE}`);

/** ARGV: how long to keep the mark. As a first write, ZREM lets a full Redis accept it. */
const ENDED_NOW = new Script(`${NOW}
local kept = -(redis.call('ZSCORE', KEYS[1], 'k') or 0)
redis.call('ZREM', KEYS[1], 'm')
redis.call('ZADD', KEYS[1], -now, 'm', -math.max(kept, now + ARGV[1]), 'k')
${EXPIRE}`);

/** Number of entries that one call dismisses, so that it does not delay other commands. */
const CHUNK = 500;

export async function enroll(
  driver: RedisDriver,
  index: string,
  key: string,
  ttl: number,
  elapsed: number,
  from?: string,
): Promise<number | false> {
  const args = [key, String(ttl), String(elapsed), ...(from === undefined ? [] : [from])];
  const answer = await ENROLL.run(driver, index, ...args);
  return answer === null ? false : Number(answer);
}

export async function members(
  driver: RedisDriver,
  index: string,
  limit: number,
  after?: Pick<IndexMember, 'key' | 'end'>,
): Promise<IndexMember[]> {
  const place = after ? [String(after.end), `e${after.key}\0`] : [];
  const found = (await MEMBERS.run(driver, index, String(limit), ...place)) as unknown[];
  return Array.from({ length: found.length / 3 }, (_, n) => ({
    key: String(found[3 * n]),
    end: Number(found[3 * n + 1]),
    enrolledAgo: Math.max(0, Number(found[3 * n + 2])),
  }));
}

export async function dismiss(
  driver: RedisDriver,
  index: string,
  entries: readonly { key: string; end?: number | undefined }[],
): Promise<void> {
  const args = entries.flatMap(({ key, end }) => [key, end === undefined ? '' : String(end)]);
  const calls: Promise<unknown>[] = [];
  for (let n = 0; n < args.length; n += 2 * CHUNK) {
    calls.push(DISMISS.run(driver, index, ...args.slice(n, n + 2 * CHUNK)));
  }
  await Promise.all(calls);
}

export async function endedNow(driver: RedisDriver, index: string, keepFor: number): Promise<void> {
  await ENDED_NOW.run(driver, index, String(keepFor));
}
