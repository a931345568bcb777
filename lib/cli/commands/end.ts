import type { Command } from '../command';
import { CommandError, EXIT, usageError } from '../exits';
import type { Io } from '../io';
import { tellHowFound } from '../named-user';
import { type Given, WHERE } from '../options';
import { Progress } from '../progress';
import { expectYes } from '../prompt';
import { SESSION_COLUMNS, sessionRow } from '../session-table';
import { thousands, titles } from '../table';
import { type Target, withTarget } from '../target';
import { endListed, hasUserIndex } from '../users';

/** Ends sessions. */
export const end: Command = {
  name: 'end',
  summary: 'end sessions: of a user, by handle, or all',
  about: [
    'Ends sessions as a logout does: no request that is running brings one back, and',
    'applications with `broadcastEndings` are told. Shows what it would end and asks;',
    '--yes skips that, and is needed without a terminal.',
    'A login of the user that has begun before fails. --all leaves sessions that begin',
    'meanwhile: close the login first, or repeat it.',
  ],
  options: [...WHERE, 'user', 'handle', 'all', 'yes'],
  run: (given, io) => {
    const wanted = [given.user, given.handle, given.all].filter((one) => one !== undefined);
    if (wanted.length !== 1) throw usageError('Give one of --user, --handle and --all');
    return withTarget(given, io, async (target) => {
      const ended = await endWanted(given, target, io);
      io.out(given.json ? `${JSON.stringify({ ended })}\n` : `${thousands(ended)} ended\n`);
      return EXIT.done;
    });
  },
};

function endWanted(given: Given, target: Target, io: Io): Promise<number> {
  if (given.user !== undefined) return endUser(given.user, given, target, io);
  if (given.handle !== undefined) return endHandle(given.handle, given, target, io);
  return endAll(given, target, io);
}

async function endUser(user: string, given: Given, target: Target, io: Io): Promise<number> {
  await tellHowFound(given, target, io);
  const { store } = target.sessions;
  const handles: string[] = [];
  for await (const session of store.sessions({ user, signal: io.signal })) {
    if (handles.length === 0 && !given.yes) io.err(`${titles(SESSION_COLUMNS, false)}\n`);
    handles.push(session.handle);
    if (!given.yes) io.err(`${sessionRow(session)}\n`);
  }
  if (handles.length > 0) {
    await expectYes(io, `End ${sessionCount(handles.length)} of ${user} at ${target.place}?`, given.yes === true);
  }
  // Those that the index does not list end too, and a login that is under way fails.
  const listed = (await hasUserIndex(target)) ? await endListed(target, user) : 0;
  return listed + (handles.length > listed ? await store.clear({ handles, signal: io.signal }) : 0);
}

async function endHandle(handle: string, given: Given, target: Target, io: Io): Promise<number> {
  const { store } = target.sessions;
  for await (const session of given.yes ? [] : store.sessions({ signal: io.signal })) {
    if (session.handle !== handle) continue;
    io.err(`${titles(SESSION_COLUMNS, false)}\n${sessionRow(session)}\n`);
    await expectYes(io, `End this session at ${target.place}?`, false);
    break;
  }
  const ended = await store.clear({ handles: [handle], signal: io.signal });
  if (ended === 0) throw new CommandError(`There is no session with this handle at ${target.place}`);
  return ended;
}

async function endAll(given: Given, target: Target, io: Io): Promise<number> {
  const { store } = target.sessions;
  const progress = new Progress(io, 'sessions');
  let total: number | undefined;
  if (!given.yes) {
    total = await store.count({ signal: io.signal });
    await expectYes(io, `End all sessions at ${target.place}: ${thousands(total)}?`, false);
  }
  try {
    return await store.clear({ signal: io.signal, onProgress: ({ ended }) => progress.done(ended, total) });
  } catch (error) {
    io.err('Some sessions have ended. Repeat the command to end the others.\n');
    throw error;
  } finally {
    progress.clear();
  }
}

function sessionCount(count: number): string {
  return count === 1 ? '1 session' : `${thousands(count)} sessions`;
}
