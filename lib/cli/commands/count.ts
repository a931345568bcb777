import type { Command } from '../command';
import { EXIT } from '../exits';
import { tellHowFound } from '../named-user';
import { WHERE } from '../options';
import { Progress } from '../progress';
import { withTarget } from '../target';

/** Counts sessions. */
export const count: Command = {
  name: 'count',
  summary: 'count the sessions',
  about: ['Prints the number of sessions under the prefix, or of one user. Reads each once.'],
  options: [...WHERE, 'user'],
  run: (given, io) =>
    withTarget(given, io, async (target) => {
      await tellHowFound(given, target, io);
      const { sessions } = target;
      const progress = new Progress(io, 'sessions');
      let found = 0;
      for await (const _ of sessions.store.sessions({ user: given.user, signal: io.signal })) {
        found += 1;
        progress.done(found);
      }
      progress.clear();
      io.out(given.json ? `${JSON.stringify({ count: found })}\n` : `${found}\n`);
      return EXIT.done;
    }),
};
