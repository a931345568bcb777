import { withoutData } from '../../stores/knex/failure';
import { createSessionUsersTable } from '../../stores/knex/users-table';
import type { Command } from '../command';
import { EXIT, usageError } from '../exits';
import { WHERE } from '../options';
import { thousands } from '../table';
import { withTarget } from '../target';
import { walk } from '../walk';

/** Knex puts the statement into the message. */
function rejectWithoutData(error: unknown): never {
  throw withoutData(error);
}

/** Lists all sessions in the indexes of their users. */
export const index: Command = {
  name: 'index',
  summary: 'list all sessions in the indexes of their users',
  about: [
    'Makes sessions.of(user) know every session: those from before the application had',
    'the option `user`, and those whose index was lost. Runs beside traffic, and does no',
    'harm if it is repeated. Needs --user-field, or a --config with the option `user`.',
  ],
  options: [...WHERE, 'from'],
  run: (given, io) =>
    withTarget(given, io, async ({ sessions, user, sql }) => {
      if (user === undefined) throw usageError('Give --user-field, or a --config with the option `user`');
      if (sql !== undefined) {
        // Without the table of sessions, this is another database.
        await sql.knex(sql.table).select('id').whereRaw('1 = 0').catch(rejectWithoutData);
        await createSessionUsersTable(sql.knex, { table: sql.table });
      }
      const done = await walk(io, given.from, (options) => sessions.index(options));
      const { scanned, listed, skipped } = done;
      const text = `${thousands(scanned)} records read, ${thousands(listed)} sessions listed, ${thousands(skipped)} skipped`;
      io.out(given.json ? `${JSON.stringify(done)}\n` : `${text}\n`);
      return EXIT.done;
    }),
};
