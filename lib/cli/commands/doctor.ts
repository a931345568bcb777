import type { Command } from '../command';
import { channel } from '../doctor/channel-check';
import { type Finding, runChecks, type Status } from '../doctor/finding';
import { expiry, type Records, size, userIndex } from '../doctor/record-checks';
import { REDIS_CHECKS, reachable as reachableRedis } from '../doctor/redis-checks';
import { takeSample } from '../doctor/sample';
import { reachable as reachableSql, SQL_CHECKS } from '../doctor/sql-checks';
import { VERSION_CHECKS } from '../doctor/versions';
import { EXIT } from '../exits';
import type { Io } from '../io';
import { WHERE } from '../options';
import { Progress } from '../progress';
import { hiding } from '../secrets';
import { type Column, row, styled, titles } from '../table';
import { openTarget, type Target } from '../target';

const COLORS = { ok: 'green', warning: 'yellow', problem: 'red', skipped: 'gray' } as const;
const COLUMNS: readonly Column[] = [
  { title: 'check', width: 20 },
  { title: 'status', width: 8 },
  { title: 'found', width: 0 },
];
const REDIS_DRIVERS = ['ioredis', 'redis'];
const SQL_DRIVERS = ['pg', 'mysql2', 'better-sqlite3'];

/** Checks a store for what has bitten others. */
export const doctor: Command = {
  name: 'doctor',
  summary: 'check the store, and say what to do about it',
  about: [
    'Checks the store that the application uses, as the same user. Changes nothing.',
    'Ends with exit code 1 if there is a problem. What the server refuses to tell is',
    'skipped. Of the records, it looks at the first 10 000.',
  ],
  options: [...WHERE, 'broadcast-endings'],
  async run(given, io) {
    const opened = await openTarget(given, io).catch((error: unknown) => unreachable(error));
    // A driver's error may contain a password.
    const hide = hiding(io.env);
    const found = 'check' in opened ? [opened] : await examined(opened, io);
    const findings = found.map((one) => ({ ...one, found: hide(one.found) }));
    if (given.json) io.out(`${JSON.stringify(findings)}\n`);
    else show(findings, io);
    return findings.some(({ status }) => status === 'problem') ? EXIT.failed : EXIT.done;
  },
};

/** A mistake in the options is not a finding. */
function unreachable(error: unknown): Finding {
  if ((error as Error).name === 'CommandError' || error instanceof TypeError) throw error;
  return {
    check: 'reachable',
    status: 'problem',
    found: (error as Error).message || String(Object(error).code ?? error),
    advice:
      'Is the address right, does the server run, do user and password fit, does a firewall let this machine through?',
  };
}

async function examined(target: Target, io: Io): Promise<Finding[]> {
  try {
    return await findingsOf(target, io);
  } finally {
    await target.close();
  }
}

async function findingsOf(target: Target, io: Io): Promise<Finding[]> {
  const { redis, sql, project, sessions, user } = target;
  const { store } = sessions;
  const { signal } = io;
  const findings: Finding[] = [];
  const reached = await runReachable(target);
  if (reached !== undefined) findings.push(reached);
  if (reached?.status === 'problem') return findings;
  const progress = new Progress(io, 'checks');
  if (redis !== undefined) {
    findings.push(...(await runChecks(REDIS_CHECKS, { client: redis, prefix: store.prefix }, signal)));
  }
  if (sql !== undefined) findings.push(...(await runChecks(SQL_CHECKS, sql, signal)));
  if (target.broadcasts) findings.push(...(await runChecks([channel], { store }, signal)));
  progress.done(findings.length);
  const sample = await takeSample(store, user, signal).catch((error: Error) => error);
  if (sample instanceof Error) {
    findings.push({ check: 'records', status: 'skipped', found: `could not be listed: ${sample.message}` });
  } else {
    const records: Records = { store, sample, user };
    // A database has no row without an end.
    const checks = sql === undefined ? [expiry, size, userIndex] : [size, userIndex];
    findings.push(...(await runChecks(checks, records, signal)));
  }
  findings.push(...(await runChecks(VERSION_CHECKS, { project, drivers: driversOf(target) }, signal)));
  progress.clear();
  return findings;
}

/** The packages through which the store is reached; of a file's own connections, those that it may be. */
function driversOf({ redis, sql, driver }: Target): string[] {
  if (redis !== undefined) return driver === undefined ? REDIS_DRIVERS : [driver];
  if (sql === undefined) return [];
  return ['knex', ...(driver === undefined ? SQL_DRIVERS : [driver])];
}

async function runReachable({ redis, sql, sessions }: Target): Promise<Finding | undefined> {
  const check = reachableRedis.name;
  try {
    if (redis !== undefined) {
      return { check, ...(await reachableRedis.run({ client: redis, prefix: sessions.store.prefix })) };
    }
    if (sql !== undefined) return { check, ...(await reachableSql.run(sql)) };
    return undefined;
  } catch (error) {
    return unreachable(error);
  }
}

function show(findings: readonly Finding[], io: Io): void {
  io.out(`${titles(COLUMNS, io.hasColors)}\n`);
  for (const { check, status, found, advice } of findings) {
    io.out(`${colored(row(COLUMNS, [check, status, found]), status, io)}\n`);
    if (advice !== undefined) io.out(`${' '.repeat(4)}${advice}\n`);
  }
}

function colored(text: string, status: Status, { hasColors }: Io): string {
  return hasColors ? styled(COLORS[status], text) : text;
}
