import type { Knex } from 'knex';
import type { RedisServer } from '../redis/server';

/** All text in a Redis: the keys, and what they hold, whatever their type. */
export async function dumpOfRedis(redis: RedisServer): Promise<string> {
  const script = `
    local all = {}
    for _, key in ipairs(redis.call('KEYS', '*')) do
      table.insert(all, key)
      local kind = redis.call('TYPE', key).ok
      local found = kind == 'string' and {redis.call('GET', key)} or kind == 'zset' and redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') or kind == 'hash' and redis.call('HGETALL', key) or kind == 'set' and redis.call('SMEMBERS', key) or {kind}
      for _, text in ipairs(found) do table.insert(all, text) end
    end
    return table.concat(all, '|')`;
  return redis.command(`EVAL "${script.replace(/\s*\n\s*/g, ' ')}" 0`);
}

/** All text in a database: every row of every table. */
export async function dumpOfSql(knex: Knex): Promise<string> {
  const tables = await tablesOf(knex);
  const rows = await Promise.all(tables.map((table) => knex(table).select('*')));
  return JSON.stringify({ tables, rows }, (_key, value: unknown) => textOf(value));
}

async function tablesOf(knex: Knex): Promise<string[]> {
  const kind = String(knex.client.config.client);
  if (kind.includes('sqlite')) {
    const found = await knex('sqlite_master').where({ type: 'table' }).select('name');
    return found.map(({ name }) => String(name)).filter((name) => !name.startsWith('sqlite_'));
  }
  const own = kind.startsWith('pg') ? knex.raw('current_schema()') : knex.raw('database()');
  const found = await knex('information_schema.tables').where('table_schema', own).select({ name: 'table_name' });
  return found.map(({ name }) => String(name));
}

/** Bytes as the text that they are. */
function textOf(value: unknown): unknown {
  const { type, data } = Object(value) as { type?: unknown; data?: unknown };
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data).toString('latin1') : value;
}
