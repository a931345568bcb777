import type { RedisClient } from './driver';

/** The options of ioredis and node-redis that decide which keys a client sees. */
interface Options {
  keyPrefix?: string;
  redisOptions?: { keyPrefix?: string };
  /** ioredis. */
  db?: number | string | null;
  /** node-redis. */
  database?: number;
}

/**
 * The name of a channel in Redis. Channels belong to no database, and get no `keyPrefix`: two clients that see different keys need
 * different channels. It begins as the keys do, so that an ACL can allow both.
 */
export function channelIn(client: RedisClient, channel: string): string {
  const { keyPrefix, redisOptions, db, database }: Options = client.options ?? {};
  const number = Number(db ?? database ?? 0) || 0;
  return `${keyPrefix ?? redisOptions?.keyPrefix ?? ''}${channel}${number === 0 ? '' : `:${number}`}`;
}

/** Says which right the user lacks, if that is why a command failed. */
export function warnOfRight(error: unknown, command: 'publish' | 'subscribe', channel: string): boolean {
  const message = String((error as Partial<Error> | null | undefined)?.message);
  if (!message.startsWith('NOPERM')) return false;
  process.emitWarning(
    `\`broadcastEndings\` needs the rights +${command} and &${channel} of the Redis user, who lacks one of them. Without, the end of a session is noticed later`,
    { code: 'KOA_EVENTED_SESSION_CHANNEL', detail: message },
  );
  return true;
}
