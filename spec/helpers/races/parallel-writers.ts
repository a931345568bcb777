import { browser } from '../http/serve';
import { type NodeProgram, startNode } from '../programs/node-program';

/** What came of writers of one session who wrote at the same time. */
export interface WritersFigures {
  writers: number;
  processes: number;
  /** Writers whose answer was not 200. */
  refused: number;
  /** Keys that were acknowledged and are not in the session. */
  lost: number;
  /** Swaps that Redis was asked for. */
  swaps: number;
}

/** `writing-app.js` in several processes. */
export interface Writing {
  /** Lets that many requests write a separate key each, all into one new session, spread over the processes. */
  write(writers: number): Promise<WritersFigures>;
  end(): Promise<void>;
}

/**
 * @param redis options of redisStore();
 *
 * @param swaps the number of scripts that Redis has run so far
 */
export async function startWriting(processes: number, redis: object, swaps: () => Promise<number>): Promise<Writing> {
  const programs: NodeProgram[] = await Promise.all(
    Array.from({ length: processes }, () =>
      startNode(['spec/helpers/programs/writing-app.js'], { REDIS: JSON.stringify(redis) }),
    ),
  );
  const urls = await Promise.all(programs.map(async (program) => String(await program.says(/^http:\S+$/m))));

  return {
    write: async (writers) => {
      const visitor = browser(String(urls[0]));
      await visitor.get('/put?user=ann');
      const cookie = await visitor.jar.getCookieString(String(urls[0]));
      const before = await swaps();
      const together = Math.ceil(writers / processes);
      const names = Array.from({ length: writers }, (_, n) => `k${n}`);
      const replies = await Promise.all(
        names.map((name, n) => {
          const url = String(urls[n % processes]);
          return browser(url).get(`/put?${name}=1&together=${together}`, { cookie });
        }),
      );
      const after = await swaps();
      const stored = (await visitor.get('/see')).json<Record<string, unknown>>();
      const lost = names.filter((name, n) => replies[n]?.status === 200 && stored[name] !== '1');
      return {
        writers,
        processes,
        refused: replies.filter(({ status }) => status !== 200).length,
        lost: lost.length,
        swaps: after - before,
      };
    },
    end: async () => {
      await Promise.all(programs.map((program) => program.end()));
    },
  };
}
