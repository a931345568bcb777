import fc from 'fast-check';
import { isUnchanged, snapshotOf } from '../../lib/session/snapshot';

type Path = readonly number[];

/** The objects and lists in a value, itself the first; each once, since one may have got into itself. */
function objectsIn(value: unknown, found = new Set<unknown>()): Record<string, unknown>[] {
  if (typeof value === 'object' && value !== null && !found.has(value)) {
    found.add(value);
    for (const member of Object.values(value)) objectsIn(member, found);
  }
  return [...found] as Record<string, unknown>[];
}

const key = fc.oneof(fc.string(), fc.constantFrom('__proto__', 'toJSON', 'constructor', 'length', '0', '1'));
const session = fc.dictionary(key, fc.jsonValue());
const steps: fc.Arbitrary<Path> = fc.array(fc.nat(), { minLength: 4, maxLength: 4 });

/** Does one thing of those that handlers do, somewhere in the session. */
function change(session: object, [where = 0, what = 0, which = 0, more = 0]: Path, value: unknown): void {
  const objects = objectsIn(session);
  const target = objects[where % objects.length] as Record<string, unknown>;
  const keys = Object.keys(target);
  const name = keys[which % keys.length] ?? `new${more}`;
  const set = (it: unknown) =>
    Object.defineProperty(target, name, { value: it, configurable: true, enumerable: true, writable: true });
  const acts = [
    () => delete target[name],
    () => set(value),
    () => set(structuredClone(target[name])),
    () => Array.isArray(target) && target.push(value),
    () => Array.isArray(target) && target.reverse(),
    () => Object.assign(target, { [`new${more}`]: value }),
    () => {
      const before = target[name];
      delete target[name];
      set(before);
    },
    () => set(objects[more % objects.length]),
  ];
  acts[what % acts.length]?.();
}

/** `undefined` if there is no text: an object may contain itself. */
function textOf(value: object): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

describe('A session, compared with its earlier contents', () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1e9);

  it('is unchanged if no handler has changed it', () => {
    const property = fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (data) => {
      const read = JSON.parse(JSON.stringify(data));
      expect(isUnchanged(read, snapshotOf(read, JSON.stringify(read)))).toBe(true);
    });
    fc.assert(property, { seed, numRuns: 1000 }); // prints the seed where it fails
  });

  it('never counts as unchanged if its text differs', () => {
    let changed = 0;
    const property = fc.property(
      session,
      fc.array(fc.tuple(steps, fc.jsonValue()), { maxLength: 3 }),
      (data, changes) => {
        const read = JSON.parse(JSON.stringify(data));
        const before = JSON.stringify(read);
        const snapshot = snapshotOf(read, before);
        for (const [path, value] of changes) change(read, path, value);
        if (textOf(read) === before) return;
        changed += 1;
        expect(isUnchanged(read, snapshot)).toBe(false);
      },
    );
    fc.assert(property, { seed, numRuns: 5000 });
    expect(changed).toBeGreaterThan(1000);
  });

  it('may be as deep as a short text allows', () => {
    const read = JSON.parse(`{"a":${'['.repeat(1000)}${']'.repeat(1000)}}`);
    expect(isUnchanged(read, snapshotOf(read, JSON.stringify(read)))).toBe(true);
  });
});
