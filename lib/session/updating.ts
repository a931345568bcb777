import { SessionError } from '../base/errors';
import type { Session } from '../base/types';
import type { Version } from '../persistence/records';
import { applyChange } from '../record/merge';
import { parseRecord, type SessionData } from '../record/record';
import { expire } from './ending';
import { type Enrolment, enter, keepWithinLimit, note } from './enrolment';
import { followRenewal } from './renewing';
import { saveNew, saveSession } from './saving';
import { headersSent, type SessionState } from './state';

/** Changes the stored session in one step, and repeats that if another request came first. */
export async function updateSession<T>(state: SessionState, fn: (session: Session) => T | Promise<T>): Promise<T> {
  const { held } = state;
  // A counter must be in the record in which others count.
  if (state.predecessor?.keepsData && !held.isEmpty) await saveSession(state);
  const session = held.take();
  if (session === null || state.origin === 'detached') throw state.refusal ?? gone();
  if (state.origin === 'stored') return updateStored(state, session, fn);
  const { result, copy, session: changedCopy } = await changed(state, held.text(session), fn);
  held.show(copy.draft(changedCopy, state.options.store).record);
  const failure = state.saving === false ? undefined : await saveNew(state);
  if (failure !== undefined) throw failure;
  return result;
}

/** Runs `fn` on a copy, so that nothing changes if it throws. */
async function changed<T>(state: SessionState, current: string, fn: (session: Session) => T | Promise<T>) {
  const copy = state.hold();
  copy.bind({ record: current, revision: undefined, data: parseRecord(current) as SessionData, ttl: undefined });
  const session = copy.takeStored();
  const result = await state.hook(() => fn(session));
  return { result, copy, session };
}

async function updateStored<T>(
  state: SessionState,
  mine: Session,
  fn: (session: Session) => T | Promise<T>,
): Promise<T> {
  const { held, options } = state;
  const { beforeSave, store, onConflict } = options;
  if (state.isOutOfReach) throw headersSent('update()');
  const text = state.saving === false ? undefined : held.modifiedText(mine);
  const pending = text === undefined ? undefined : held.change(text, text);
  let result: T | undefined;
  let login: Enrolment | undefined;
  const edit = async (current: string, stamp: string) => {
    const latest = pending === undefined ? current : applyChange(pending, current, onConflict);
    const change = await changed(state, latest, fn);
    const { copy, session } = change;
    result = change.result;
    if (beforeSave !== undefined) await state.hook(() => beforeSave(state.ctx, session));
    const enrolment = options.notesBeginning ? note(state, copy, session, false) : undefined;
    if (enrolment !== undefined && !(await enter(state, enrolment))) throw gone();
    login = enrolment;
    copy.cookieOf(session).stamp(stamp); // two that count come to the same text, and both count
    const draft = copy.draft(session, store);
    if (draft.ttl <= 0) throw new Ended();
    return draft.record;
  };

  let version: Version | undefined;
  try {
    version = await store.records.edit(state.key, edit, held.version, state.budget, options.enrollMerged);
  } catch (error) {
    if (error instanceof Ended) {
      await expire(state, mine);
      return result as T;
    }
    // There is no result to continue with, even if the errorHandler returns.
    await state.fail(error, 'set');
    throw error;
  }
  if (version?.record === undefined) {
    if (await followRenewal(state, state.id as string)) return updateStored(state, held.take() as Session, fn);
    state.detach(state.id);
    throw gone();
  }
  const session = held.show(version.record);
  state.landed(version, held.text(session));
  if (login !== undefined && !(await isWithinLimit(state, login))) {
    state.detach(state.id);
    throw gone();
  }
  state.emit('session:saved', state.id, session);
  await state.sendId(held.withCookie(session));
  return result as T;
}

async function isWithinLimit(state: SessionState, login: Enrolment): Promise<boolean> {
  try {
    return await keepWithinLimit(state, login);
  } catch (error) {
    await state.fail(error, 'set');
    throw error;
  }
}

/** The function given to `update` has ended the session: it leaves the writers, and the session is destroyed. */
class Ended extends Error {}

function gone(): SessionError {
  return new SessionError(
    'ERR_SESSION_GONE',
    'The session has been destroyed or has expired since it was read: nothing was stored. Treat the visitor as logged out.',
  );
}
