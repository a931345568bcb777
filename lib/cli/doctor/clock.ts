import { ok, problem, type Result, warning } from './finding';

/** Milliseconds that do no harm. */
const SMALL = 2000;
/** Milliseconds from which on sessions end early or late, and new ones are refused. */
const LARGE = 60_000;

/**
 * Compares a server's clock with this machine's.
 *
 * @param ask resolves to the server's time in milliseconds since 1970
 */
export async function clockDifference(ask: () => Promise<number>): Promise<Result> {
  const before = Date.now();
  const server = await ask();
  const after = Date.now();
  // The server looked at its clock at some moment between the two.
  const difference = server < before ? server - before : Math.max(0, server - after);
  const found =
    difference === 0 ? 'the same' : `the server is ${Math.abs(difference)} ms ${difference > 0 ? 'ahead' : 'behind'}`;
  if (Math.abs(difference) <= SMALL) return ok(found);
  const advice = 'Let NTP set the clocks of all machines: times of sessions depend on them';
  return Math.abs(difference) > LARGE ? problem(found, advice) : warning(found, advice);
}
