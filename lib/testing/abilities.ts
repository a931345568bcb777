import type { Cases } from './cases';
import { fail } from './expectations';
import type { Method } from './trial';

/** Cases of methods that a client has together or not at all. They run only for a client that has them. */
export function casesOfAbilities(abilities: readonly Method[], cases: Cases): Cases {
  const all = named(abilities);
  return {
    [`has all of ${all}, or none of them`]: async (trial) => {
      const has = abilities.filter((ability) => trial.has(ability));
      if (has.length === 0 || has.length === abilities.length) return;
      const lacking = abilities.filter((ability) => !has.includes(ability));
      fail(`Expected all of ${all}, or none, got ${named(has)} alone: without ${named(lacking)} none of them is used`);
    },

    ...casesIfAble(abilities, cases),
  };
}

/** Cases that run only for a client that has all of these methods. */
export function casesIfAble(abilities: readonly Method[], cases: Cases): Cases {
  return Object.fromEntries(
    Object.entries(cases).map(([title, run]): [string, Cases[string]] => [
      `${title}, if it has ${named(abilities)}`,
      async (trial) => {
        if (abilities.every((ability) => trial.has(ability))) await run(trial);
      },
    ]),
  );
}

function named(abilities: readonly string[]): string {
  const quoted = abilities.map((ability) => `\`${ability}\``);
  return [...(quoted.length > 1 ? [quoted.slice(0, -1).join(', ')] : []), ...quoted.slice(-1)].join(' and ');
}
