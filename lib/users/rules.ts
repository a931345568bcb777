import type Koa = require('koa');

import { type Notes, notesOf } from '../base/notes';
import type { Session } from '../base/types';
import type { Store } from '../persistence/store';
import type { UserIndex } from '../persistence/user-index';
import { indexOfSession, type UserOf } from '../persistence/whose';
import { parseRecord } from '../record/record';

/** The options about users and their sessions. */
export interface UserRules {
  readonly store: Store;
  readonly index: UserIndex;
  readonly user: UserOf;
  readonly device: ((ctx: Koa.Context) => unknown) | undefined;
  readonly limit: number | undefined;
  /** What happens to a login above the limit. */
  readonly exceeded: 'end-oldest' | 'refuse';
}

/** A record's entry in the index of its user. */
export interface Entry {
  index: string;
  /** How long the index lists the record, in milliseconds. */
  ttl: number;
}

/** The beginning of a request that no "all sessions have ended" refuses. */
export const ALWAYS = Number.POSITIVE_INFINITY;
/** The beginning of a request that any "all sessions have ended" refuses, as long as it is remembered. */
export const NEVER_SINCE = Number.NEGATIVE_INFINITY;
/** Clocks of processes differ, so an entry lasts this many milliseconds longer than needed. */
const LEEWAY = 60_000;
/** 100 years, which every store can add to the current time. */
const LONGEST = 100 * 365 * 24 * 60 * 60 * 1000;

/**
 * The entry that the index lacks for a record of this session that lives for `ttl` milliseconds, if any. An entry lasts
 * twice as long as the record, so that `rolling` does not need a new one in each request.
 */
export function missingEntry(
  session: Session,
  notes: Notes | undefined,
  ttl: number,
  rules: UserRules,
): Entry | undefined {
  const index = indexOfSession(session, rules);
  if (index === undefined) return undefined;
  const needed = Math.min(ttl, LONGEST);
  if (notes?.index === index && Number(notes.until) >= Date.now() + needed) return undefined;
  const most = Math.max(needed, Math.min(2 * needed, rules.store.timeLeftOf(session)));
  return { index, ttl: Math.min(most, LONGEST) };
}

/** The entry that the index lacks for a record that comes under another key: it stays listed for as long as before. */
export function entryOfMoved(record: string, listed: Notes | undefined, rules: UserRules): Entry | undefined {
  const session = parseRecord(record) as unknown as Session;
  // Requests rely on what the record notes.
  const { until = 0 } = notesOf(Object(session.cookie)) ?? {};
  return missingEntry(session, listed, Math.max(rules.store.ttlOf(session), until - Date.now()), rules);
}

/** The record's notes about the entry. */
export function notesOfEntry({ index, ttl }: Entry): Notes {
  return { index, until: Date.now() + ttl };
}

/** How often the store is asked if its answer came too late to tell. */
const TRIES = 3;

/**
 * Lists a record. `false`: all sessions of the user were ended after the request began, so the record must not be written.
 *
 * @param began when the request began, on the clock of `performance.now()`
 */
export async function enroll(
  { index, ttl }: Entry,
  key: string,
  began: number,
  rules: UserRules,
  from?: string,
): Promise<boolean> {
  const budget = rules.store.newBudget();
  for (let tries = 0; tries < TRIES; tries += 1) {
    const elapsed = Math.max(-1, performance.now() - began);
    const endedAgo = await rules.index.enroll(index, key, ttl + LEEWAY, elapsed, budget, from);
    if (endedAgo === false) return false;
    // The sessions may have been ended after the request began, but before the call arrived.
    if (endedAgo === Number.POSITIVE_INFINITY || endedAgo > performance.now() - began) return true;
  }
  return false;
}

export async function unlist(index: string, key: string, rules: UserRules): Promise<void> {
  await rules.index.forget(index, key, rules.store.newBudget());
}
