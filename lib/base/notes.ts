/** What a record notes about its session, in its `cookie`: other packages keep unknown members of it. */
export interface Notes {
  /** When the session began, in milliseconds since 1970. */
  readonly began?: number | undefined;
  /** When its id was created, if the session is older. */
  readonly renewed?: number | undefined;
  /** The index that lists the session: a hash of its user. */
  readonly index?: string | undefined;
  /** Until when the index lists it at least, in milliseconds since 1970. */
  readonly until?: number | undefined;
  /** The handle with which the session began, if it has got a new id since. */
  readonly handle?: string | undefined;
  /** What the option `device` returned when the session became the user's. */
  readonly device?: unknown;
}

const TYPES = { began: 'number', renewed: 'number', index: 'string', until: 'number', handle: 'string' } as const;
const NAMES = [...Object.keys(TYPES), 'device'] as (keyof Notes)[];

/** The notes in a record's cookie; `undefined` if there are none. Values of another type are left out. */
export function notesOf(cookie: object): Notes | undefined {
  // Without the beginning, there are no notes.
  if (!('began' in cookie) || typeof cookie.began !== 'number') return undefined;
  const stored = cookie as Record<string, unknown>;
  const notes: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = stored[name];
    if (value !== undefined && (name === 'device' || typeof value === TYPES[name])) notes[name] = value;
  }
  return notes;
}

/**
 * The notes of a merged record: those that a writer has changed, over those of others. The earlier beginning counts. What is noted about
 * the index belongs together, as it does to the user who is in the record: that of the last writer who has changed the user.
 */
export function mergedNotes(base: Notes | undefined, mine: Notes, theirs: Notes | undefined): Notes {
  const beginnings = [mine.began, theirs?.began].filter((time) => time !== undefined);
  const { renewed, handle } = mine.renewed === base?.renewed ? { ...theirs } : mine;
  return { ...mergedListing(base, mine, theirs), began: Math.min(...beginnings), renewed, handle };
}

function mergedListing(base: Notes | undefined, mine: Notes, theirs: Notes | undefined): Notes {
  const isMine = mine.index !== base?.index;
  const { index, until, device }: Notes = (isMine ? mine : theirs) ?? {};
  if (index === undefined || mine.index !== theirs?.index) return { index, until, device };
  const changed = JSON.stringify(mine.device) === JSON.stringify(base?.device) ? theirs?.device : mine.device;
  return { index, until: Math.max(mine.until ?? 0, theirs?.until ?? 0), device: changed };
}
