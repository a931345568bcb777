import { PassThrough } from 'node:stream';
import { readLater } from '../../lib/session/pipelined';

type Request = Parameters<typeof readLater>[0];

/** The number of turns for which no more is read from the connection. */
async function turnsFor(socket: PassThrough, httpVersionMajor = 1): Promise<number> {
  readLater({ httpVersionMajor, socket } as unknown as Request);
  let turns = 0;
  for (; socket.isPaused() && turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  return turns;
}

describe('a connection with more requests than can be answered', () => {
  it('is read again after four turns for the others', async () => {
    expect(await turnsFor(new PassThrough())).toBe(4);
  });

  it('stays paused if the application has paused it', async () => {
    expect(await turnsFor(new PassThrough().pause())).toBe(10);
  });

  it('is never paused with HTTP/2', async () => {
    expect(await turnsFor(new PassThrough(), 2)).toBe(0);
  });

  it.each([undefined, {}])('may be none of the network: %j', (socket) => {
    expect(() => readLater({ httpVersionMajor: 1, socket } as unknown as Request)).not.toThrow();
  });
});
