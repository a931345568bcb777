import type { AddressInfo } from 'node:net';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and its server. */
export interface SilentProxy {
  readonly port: number;
  /** The number of connections so far. */
  readonly connections: number;
  /** Passes nothing on any more of the connections that there are, without ending them: as a firewall that has forgotten them. */
  silence(): void;
  /** The same for those that come, too, until `speak()`. */
  silenceAll(): void;
  speak(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(target: () => number): Promise<SilentProxy> {
  const pairs = new Set<Socket>();
  let connections = 0;
  let isSilent = false;
  const server = createServer((near) => {
    connections += 1;
    const far = connect(target(), '127.0.0.1');
    for (const socket of [near, far]) pairs.add(socket.on('error', () => undefined));
    if (isSilent) return;
    near.pipe(far);
    far.pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const silence = () => {
    for (const socket of pairs) {
      socket.unpipe();
      socket.resume();
    }
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    silence,
    silenceAll: () => {
      isSilent = true;
      silence();
    },
    speak: () => {
      isSilent = false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of pairs) socket.destroy();
      }),
  };
}
