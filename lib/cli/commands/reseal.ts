import { hasMethod } from '../../base/expect';
import type { ResealableStore } from '../../stores/sealed/store';
import type { Command } from '../command';
import { EXIT, usageError } from '../exits';
import { WHERE } from '../options';
import { SECRET_VARIABLES } from '../secrets';
import { thousands } from '../table';
import { withTarget } from '../target';
import { walk } from '../walk';

/** Seals records again, with the first key. */
export const reseal: Command = {
  name: 'reseal',
  summary: 'seal all records with the first key',
  about: [
    'Stores each record as a write would store it today: the step of a rotation before',
    'the old key is removed. Runs beside traffic, and does no harm if it is repeated.',
    `The keys are in ${SECRET_VARIABLES.sealingKeys}, the new one first, with commas`,
    'between them; or the store of --config is sealed.',
  ],
  options: [...WHERE.filter((name) => name !== 'user-field'), 'seal-plain', 'unseal', 'from'],
  run: (given, io) => {
    if (given['seal-plain'] && given.unseal) throw usageError('Give --seal-plain or --unseal, not both');
    return withTarget(given, io, async ({ sessions }) => {
      const { client, prefix } = sessions.store;
      if (!isResealable(client)) {
        throw usageError(`Set ${SECRET_VARIABLES.sealingKeys}, or give a --config with a store in sealed(…)`);
      }
      const done = await walk(io, given.from, (options) => client.reseal({ ...options, prefix }));
      const { scanned, resealed, skipped } = done;
      const text = `${thousands(scanned)} records read, ${thousands(resealed)} stored again, ${thousands(skipped)} skipped`;
      io.out(given.json ? `${JSON.stringify(done)}\n` : `${text}\n`);
      return EXIT.done;
    });
  },
};

function isResealable(client: object): client is ResealableStore {
  return hasMethod(client, 'reseal');
}
