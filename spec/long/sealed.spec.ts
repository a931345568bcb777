import type { Knex } from 'knex';
import { knexStore } from '../../lib/knex';
import { sealed } from '../../lib/sealed';
import { storeContract } from '../../lib/testing';
import { type SqlDatabase, sqlServers } from '../helpers/databases/sql-databases';
import { KEY, OLD } from '../helpers/stores/sealing';

const HOUR = 60 * 60 * 1000;

describe.each(Object.entries(sqlServers))('A sealed KnexStore on %s', (_name, start) => {
  let database: SqlDatabase;
  let knex: Knex;
  beforeAll(async () => {
    database = await start();
    knex = database.open();
    await open().get('sid');
  });
  afterAll(() => database.stop());
  const open = () => knexStore({ knex, sweepInterval: 0 });

  storeContract('passes the contract', () => sealed(open(), { keys: [KEY, OLD] }), { guarantee: 'compare-and-set' });

  it('keeps the ttl of a record that it seals again, and has no word of it in its rows', async () => {
    const store = open();
    await sealed(store, { keys: [OLD] }).create('koa:sess:sid', '{"flower":"chrysanthemum"}', HOUR);
    const client = sealed(store, { keys: [KEY, OLD] });
    expect(await client.reseal()).toEqual({ scanned: 1, resealed: 1, skipped: 0 });
    const found = await client.load('koa:sess:sid', { ttl: true });
    expect(found?.record).toBe('{"flower":"chrysanthemum"}');
    expect([(found?.ttl ?? 0) > HOUR / 2, (found?.ttl ?? 0) <= HOUR]).toEqual([true, true]);
    const rows = JSON.stringify(await knex('sessions').select());
    expect([rows.includes('sealed.1.'), rows.includes('flower')]).toEqual([true, false]);
  });
});
