type Case = typeof it;

/**
 * Registers the cases of a contract except those with the given names, as the contract writes them. A name without a
 * case is an error, so that a list cannot become outdated.
 */
export function butFor(names: readonly string[], contract: () => void): void {
  const left = new Set(names);
  const isOut = (name: unknown) => names.includes(name as string) && (left.delete(name as string) || true);
  const every = globalThis.it;
  const some = ((name, ...rest) => (isOut(name) ? undefined : every(name, ...rest))) as Case;
  const each = (...table: unknown[]) => {
    const register = Reflect.apply(every.each, every, table) as (name: string, ...rest: unknown[]) => void;
    return (name: string, ...rest: unknown[]) => (isOut(name) ? undefined : register(name, ...rest));
  };
  globalThis.it = Object.assign(some, every, { each });
  try {
    contract();
  } finally {
    globalThis.it = every;
  }
  if (left.size > 0) throw new Error(`No case of the contract is called ${[...left].join(', nor ')}`);
}
