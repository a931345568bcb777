/** The methods of a store that can compare, end records in one call and keep the indexes of users. */
export const comparingMethods = [
  'load',
  'create',
  'swap',
  'touch',
  'remove',
  'take',
  'mark',
  'enroll',
  'members',
  'dismiss',
  'endedNow',
] as const;

/** These, and those that every store has. */
export const storeMethods = ['get', 'set', 'destroy', ...comparingMethods] as const;
