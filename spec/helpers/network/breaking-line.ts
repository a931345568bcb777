import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { gate } from '../time/gate';

/** What breaks: before the script is sent on, or once its answer has come. */
export type Break = 'unsent' | 'unanswered';

/** A way to a server, or one to each of several, that can be broken. */
export interface BreakingLine {
  /** In the order of the servers. */
  readonly ports: readonly number[];
  /** Breaks the connection on which the next script goes, and answers once it has. Its server can't be reached then until `mend()`. */
  break(how: Break): Promise<void>;
  mend(): void;
  close(): Promise<unknown>;
}

/** Connections to ports of this machine, of which one breaks around the next script. */
export async function startBreaking(targets: readonly number[]): Promise<BreakingLine> {
  const sockets = new Set<Socket>();
  const known = (socket: Socket) => {
    sockets.add(socket.on('error', () => undefined));
    return socket;
  };
  let breaks: Break | undefined;
  let broken = gate();
  let mended = gate();
  mended.open();
  let severed: number | undefined;
  const servers = targets.map((target) =>
    createServer(async (near) => {
      known(near);
      if (severed === target) await mended.opened;
      const far = known(connect(target, '127.0.0.1'));
      let swallows = false;
      const cut = () => {
        mended = gate();
        severed = target;
        near.destroy();
        far.destroy();
        broken.open();
      };
      near.on('data', (chunk) => {
        const how = /evalsha/i.test(chunk.toString()) ? breaks : undefined;
        if (how !== undefined) breaks = undefined;
        if (how === 'unsent') return cut();
        if (how === 'unanswered') swallows = true;
        far.write(chunk);
      });
      far.on('data', (chunk) => (swallows ? cut() : near.write(chunk)));
      near.on('close', () => far.destroy());
      far.on('close', () => near.destroy());
    }),
  );
  await Promise.all(
    servers.map((server) => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()))),
  );
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    break(how) {
      breaks = how;
      broken = gate();
      return broken.opened;
    },
    mend() {
      severed = undefined;
      mended.open();
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    },
  };
}
