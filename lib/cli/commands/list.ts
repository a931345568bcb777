import type { Command } from '../command';
import { EXIT } from '../exits';
import { tellHowFound } from '../named-user';
import { WHERE } from '../options';
import { SESSION_COLUMNS, sessionRow } from '../session-table';
import { titles } from '../table';
import { withTarget } from '../target';

/** Lists sessions. */
export const list: Command = {
  name: 'list',
  summary: 'list the sessions: handle, times, size and user',
  about: [
    'Lists the sessions under the prefix, or of one user, in no order. A handle is a',
    'hash: it names a session for `end`, and does not lead to its id. With --json, each',
    'session is an object on a separate line. The user is shown if --user-field or',
    '--config says what it is.',
  ],
  options: [...WHERE, 'user'],
  run: (given, io) =>
    withTarget(given, io, async (target) => {
      await tellHowFound(given, target, io);
      const { sessions } = target;
      let isFirst = !given.json;
      for await (const session of sessions.store.sessions({ user: given.user, signal: io.signal })) {
        if (isFirst) io.out(`${titles(SESSION_COLUMNS, io.hasColors)}\n`);
        isFirst = false;
        io.out(`${given.json ? JSON.stringify(session) : sessionRow(session)}\n`);
      }
      return EXIT.done;
    }),
};
