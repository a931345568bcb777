import { sessionLine } from '../base/debug-lines';
import { SessionError } from '../base/errors';
import type { Session } from '../base/types';
import type { Commit, Draft, Loaded, Version } from '../persistence/records';
import { destroyEmptied, destroyStored, endFormer, expire } from './ending';
import { type Enrolment, enrollMoved, enter, keepWithinLimit, lacksNotes, mayGoTogether, note } from './enrolment';
import type { SessionDraft } from './held-session';
import { leavePredecessor, regenerate, type Takeover, takeOver } from './regenerating';
import { followRenewal, isRenewalDue } from './renewing';
import { headersSent, type Predecessor, type SessionState } from './state';

/** Number of ids to try if a `genSid` returns ids that are in use. */
const ID_TRIES = 3;

/** What is left to save at the end of a request. */
interface Unsaved {
  /** The session's text, if it is already known to have changed. */
  text: string | undefined;
}

const ANYTHING: Unsaved = { text: undefined };

/**
 * Returns `undefined` if the session has not changed and its cookie need not be sent. It creates no promise, which
 * saves a request that only reads its session 15 of them.
 *
 * @throws SessionError `ERR_SESSION_SERIALIZE` if JSON cannot hold a value.
 */
export function unsaved(state: SessionState): Unsaved | undefined {
  const { held, options, origin, saving } = state;
  if (state.cookieDue !== 'nothing' || state.predecessor !== undefined || saving === true) return ANYTHING;
  if (origin === 'stored')
    return options.rolling || state.isOutdated || isRenewalDue(state) ? ANYTHING : unsavedChange(state);
  if (origin === 'new' && options.allowEmpty) return ANYTHING;
  const isUntouched = !held.used && origin !== 'detached';
  return isUntouched || (origin === 'new' && held.current && held.isEmpty) ? undefined : ANYTHING;
}

function unsavedChange(state: SessionState): Unsaved | undefined {
  const { held, saving } = state;
  if (saving === false) return undefined;
  if (!held.used) return isDue(state) ? ANYTHING : undefined;
  const { current } = held;
  if (!current) return ANYTHING;
  const text = held.modifiedText(current);
  if (text !== undefined) return { text };
  return isDue(state) ? ANYTHING : undefined;
}

/** Writes the changes; `text` is the session's text, if it is already known to have changed. */
export function saveSession(state: SessionState, text?: string): Promise<void> | undefined {
  if (state.saving === false) return saveNothing(state);
  if (state.origin === 'stored') return saveStored(state, text);
  if (state.origin === 'new') return saveNew(state).then(() => undefined);
  if (state.held.current === null) return endFormer(state);
  // A handler that saves again must not take the login for stored. The end of the request tells nobody.
  return state.refusal !== undefined && state.phase === 'handlers' ? Promise.reject(state.refusal) : undefined;
}

/** There is nothing to store, but a regenerated session is still retired. */
function saveNothing(state: SessionState): Promise<void> {
  if (state.predecessor === undefined) return state.takeIdBack();
  return state.held.current === null ? endFormer(state) : leavePredecessor(state);
}

/** Extends record and cookie; resolves to `false` if the record is gone. */
export async function touchSession(state: SessionState, session: Session): Promise<boolean> {
  const { store } = state.options;
  if (state.isOutOfReach) throw headersSent('More time for the session');
  const ttl = store.ttlOf(state.held.withCookie(session));
  if (ttl <= 0) {
    await expire(state, session);
    return false;
  }
  if (lacksNotes(state, session, ttl)) {
    await saveChanged(state, session, state.held.text(session));
    return state.origin === 'stored';
  }
  let touched: boolean | Version;
  try {
    touched = await store.records.touch(state.key, ttl, () => state.held.version, state.budget);
  } catch (error) {
    await state.fail(error, 'touch');
    return false;
  }
  if (touched && state.given === 'nothing') state.given = 'time';
  if (typeof touched === 'object') state.token = touched.token;
  if (touched) sessionLine('touched: %d ms from now on', ttl);
  if (touched) await state.sendId(state.held.withCookie(session));
  else if (await followRenewal(state, state.id as string)) return touchSession(state, state.held.take() as Session);
  else state.detach(state.id);
  return state.origin === 'stored';
}

/** Stores a session that has no record yet, if it has data. Resolves to the failure that the errorHandler accepted. */
export async function saveNew(state: SessionState): Promise<unknown> {
  const { held, options } = state;
  const { allowEmpty, beforeSave } = options;
  // Without a response, an empty session need not reach the visitor.
  const forced = state.saving === true || (allowEmpty && !state.hasNoResponse);
  if (held.current === null && options.clearsAlways) state.cookieDue = 'clear';
  if (held.current === null || (!forced && held.isEmpty)) return saveNothing(state);
  const before = held.take() as Session;
  const handled = beforeSave && state.predecessor?.keepsData ? held.text(before) : undefined;
  if (beforeSave !== undefined) await state.hook(() => beforeSave(state.ctx, before));
  const session = held.take();
  if (session === null) return saveNothing(state);
  // A custom id may be in use, even by a session with the same data.
  if (options.genSid !== undefined) held.cookieOf(session).stamp();
  const enrolment = options.notesBeginning ? note(state, held, session, true) : undefined;
  const draft = state.draft(session);
  if (draft.ttl <= 0) return expire(state, session);
  if (state.headersSent) throw headersSent('A new session');
  return createStored(state, session, draft, handled, enrolment);
}

async function createStored(
  state: SessionState,
  session: Session,
  draft: SessionDraft,
  handled = draft.record,
  enrolment?: Enrolment,
): Promise<unknown> {
  const { predecessor } = state;
  const commit = predecessor?.keepsData
    ? { ...commitOf(state, draft, handled), enroll: enrollMoved(state, enrolment) }
    : undefined;
  let made: Takeover | undefined;
  try {
    const version = await createRecord(state, draft, enrolment);
    if (version === undefined) return state.detach(state.predecessor?.id);
    state.enter(version);
    made = state.predecessor === undefined ? { version } : await takeOver(state, version, commit);
  } catch (error) {
    enrolment?.undo();
    await state.fail(error, 'set');
    return error;
  }
  if (made === undefined) {
    if (state.origin === 'stored') await continueRenewed(state, predecessor);
    return undefined;
  }
  const { version, failure, isShared } = made;
  try {
    if (enrolment !== undefined && !(await keepWithinLimit(state, enrolment))) return state.detach(state.id);
  } catch (error) {
    await discardRecord(state);
    state.id = undefined;
    await state.fail(error, 'set');
    return error;
  }
  state.given = 'all';
  try {
    await state.sendId(draft.session);
  } catch (error) {
    if (isShared !== true) await discardRecord(state);
    throw error;
  }
  state.landed(version, draft.record);
  if (isShared !== true) state.emit('session:created', state.id, session, undefined, predecessor?.keepsData);
  if (failure !== undefined) await state.fail(failure, 'destroy');
  return failure;
}

/** The id will never be presented, so its record would be an orphan. */
async function discardRecord({ budget, key, options }: SessionState): Promise<void> {
  await options.store.records.destroy(key, budget).catch(() => undefined);
}

/** Another request has renewed the id first. Continues from there with the changes of this one. */
async function continueRenewed(state: SessionState, predecessor: Predecessor | undefined): Promise<void> {
  if (predecessor?.isRenewal !== true) await regenerate(state, true);
  await saveSession(state);
}

function commitOf(state: SessionState, { record, ttl, plain }: SessionDraft, handled: string): Commit {
  const { held, options } = state;
  const { onConflict, enrollMerged: enroll } = options;
  return { record, ttl, plain, change: held.change(record, handled), onConflict, enroll };
}

/** Resolves to `undefined` if all sessions of the user were ended after this request began. */
async function createRecord(state: SessionState, draft: Draft, enrolment?: Enrolment): Promise<Version | undefined> {
  for (let tries = 1; tries <= ID_TRIES; tries += 1) {
    state.id ??= await state.makeId();
    const inUse = isInUseElsewhere(state);
    const version =
      inUse && (await inUse)
        ? undefined
        : await (enrolment === undefined
            ? state.options.store.records.create(state.key, draft, state.budget)
            : createListed(state, draft, enrolment));
    if (version === 'refused') return undefined;
    if (version !== undefined) return tries === 1 ? version : { ...version, attempts: tries };
    state.id = undefined;
  }
  throw new SessionError(
    'ERR_SESSION_ID',
    `Expected \`genSid\` to create unique ids, but ${ID_TRIES} in a row were taken`,
  );
}

/** Whether a session has this id that has not moved to hashed ids, or back. Ids of the package are never in use. */
function isInUseElsewhere(state: SessionState): false | Promise<boolean> {
  const { genSid, store } = state.options;
  if (genSid === undefined || store.otherNames === undefined) return false;
  return state.look(state.id as string).then(({ found }) => found !== 'nothing');
}

/** Lists the record in the index of its user, and creates it. Its id has not been sent yet. */
async function createListed(
  state: SessionState,
  draft: Draft,
  enrolment: Enrolment,
): Promise<Version | 'refused' | undefined> {
  const { key, budget } = state;
  const { records } = state.options.store;
  const entering = enter(state, enrolment);
  if (!mayGoTogether(state, enrolment) && !(await entering)) return 'refused';
  const [listed, created] = await Promise.allSettled([entering, records.create(key, draft, budget)]);
  if (listed.status === 'fulfilled' && listed.value && created.status === 'fulfilled') {
    if (created.value !== undefined) return created.value;
    // "End all" leaves a marker in the place of a record that it expects.
    return (await records.load(key, budget, false)).found === 'regenerated' ? 'refused' : undefined;
  }
  if (created.status === 'fulfilled' && created.value !== undefined) {
    await records.destroy(key, budget).catch(() => undefined);
  }
  for (const { status, ...outcome } of [listed, created]) {
    if (status === 'rejected') throw (outcome as { reason: unknown }).reason;
  }
  return 'refused';
}

function saveStored(state: SessionState, text: string | undefined): Promise<void> {
  const { held, options } = state;
  if (isRenewalDue(state)) return renew(state);
  const forced = state.saving === true && state.given === 'nothing';
  // An unused session is not even created from its record, unless it may be extended.
  if (!held.used && !forced && !options.rolling && options.renew === undefined && state.cookieDue !== 'renew')
    return signAnew(state);
  const before = held.take();
  if (before === null) return destroyStored(state);
  if (text !== undefined) return saveChanged(state, before, text);
  if (forced) return saveChanged(state, before, held.text(before));
  const handled = held.used ? held.modifiedText(before) : undefined;
  if (handled === undefined) return keepAlive(state, before);
  return saveChanged(state, before, handled);
}

/** Gives the session a new id because the old one is too old. */
async function renew(state: SessionState): Promise<void> {
  await regenerate(state, true, true);
  await saveNew(state);
}

/** Writes a session whose text is `handled`. */
async function saveChanged(state: SessionState, before: Session, handled: string): Promise<void> {
  const { held, options } = state;
  const { beforeSave } = options;
  if (beforeSave !== undefined) await state.hook(() => beforeSave(state.ctx, before));
  const session = held.take();
  if (session === null) return destroyStored(state);
  // Two requests may set a key to the same value, which would look like a write that is already stored.
  const isStamped = options.onConflict !== 'last-write';
  if (isStamped) held.cookieOf(session).stamp();
  // Nothing has changed since the comparison, which saves serialising again, 75 µs at 30 kB.
  const { notes } = held.cookie;
  const enrolment = options.notesBeginning ? note(state, held, session, false) : undefined;
  const isKnown = beforeSave === undefined && !isStamped && held.cookie.notes === notes;
  const draft = state.draft(session, isKnown ? handled : undefined);
  if (draft.ttl <= 0) return expire(state, session);
  await writeStored(state, session, draft, handled, enrolment);
}

/** Extends an unchanged session, if the options ask for it. */
async function keepAlive(state: SessionState, session: Session): Promise<void> {
  const { given, options } = state;
  // It was saved while the handlers ran: send its cookie now.
  if (state.cookieDue === 'renew' && state.phase !== 'handlers') return state.sendId(state.held.withCookie(session));
  if (given !== 'nothing' || state.isOutOfReach) return;
  if (options.rolling || isDue(state)) await touchSession(state, session);
  else await signAnew(state);
}

/**
 * Sends the id signed with the new key, unless the session has ended: there may already be another id, with its own
 * signature.
 */
async function signAnew(state: SessionState): Promise<void> {
  const { key } = state;
  const { store } = state.options;
  if (state.given !== 'nothing' || state.headersSent || !state.isOutdated) return;
  state.given = 'time';
  if (!store.usesTokens) {
    let loaded: Loaded;
    try {
      loaded = await store.records.load(key, state.budget, false);
    } catch (error) {
      return state.fail(error, 'get');
    }
    if (loaded.found !== 'session') {
      if (await followRenewal(state, state.id as string)) return saveStored(state, undefined);
      return state.detach(state.id);
    }
    state.enter(loaded);
  }
  state.signId();
}

async function writeStored(
  state: SessionState,
  session: Session,
  draft: SessionDraft,
  handled: string,
  enrolment: Enrolment | undefined,
): Promise<void> {
  const { held, options } = state;
  const { store } = options;
  if (options.endsEmptied && held.isEmpty && (await destroyEmptied(state, handled))) return;
  if (state.isOutOfReach) throw headersSent('What was changed in the session');
  const commit = commitOf(state, draft, handled);
  let version: Version | undefined;
  try {
    version = await (enrolment === undefined
      ? store.records.write(state.key, commit, held.version, state.budget)
      : writeListed(state, commit, enrolment));
  } catch (error) {
    if ((error as SessionError).code === 'ERR_SESSION_CONFLICT') state.emit('session:conflict', state.id, session);
    return state.fail(error, 'set');
  }
  if (version === undefined) {
    if (await followRenewal(state, state.id as string)) return saveStored(state, undefined);
    return state.detach(state.id);
  }
  state.landed(version, draft.record);
  try {
    if (enrolment !== undefined && !(await keepWithinLimit(state, enrolment))) return state.detach(state.id);
  } catch (error) {
    return state.fail(error, 'set');
  }
  const isMerged = version.record !== undefined && version.record !== draft.record;
  state.emit('session:saved', state.id, session);
  await state.sendId(isMerged ? held.storedAs(version, draft.session) : draft.session);
}

/** Lists the record in its user's index, and writes it. */
async function writeListed(state: SessionState, commit: Commit, enrolment: Enrolment): Promise<Version | undefined> {
  const { held, key, options } = state;
  if (enrolment.isLogin) commit.enter = () => enter(state, enrolment);
  let version: Version | undefined;
  try {
    if (await enter(state, enrolment)) {
      version = await options.store.records.write(key, commit, held.version, state.budget);
    }
    return version;
  } finally {
    if (version === undefined) enrolment.undo();
  }
}

/** Whether the record has less time left than the option `renew` asks for. */
function isDue({ held, options }: SessionState): boolean {
  const { renew, store } = options;
  const left = held.stored?.ttl;
  if (renew === undefined || left === undefined) return false;
  const session = held.take();
  return session !== null && left < renew * store.ttlOf(held.withCookie(session));
}
