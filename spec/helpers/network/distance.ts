import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server on which everything takes a while. */
export interface Distance {
  readonly port: number;
  close(): Promise<void>;
}

/** Passes bytes on to a port of this machine and back, each way `ms` milliseconds late. */
export async function startDistance(port: number, ms: number): Promise<Distance> {
  const sockets = new Set<Socket>();
  const known = (socket: Socket) => {
    socket.setNoDelay(true);
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    return socket;
  };
  const late = (from: Socket, to: Socket) => {
    from.on('data', (chunk) => setTimeout(() => to.writable && to.write(chunk), ms));
    from.on('close', () => setTimeout(() => to.destroy(), ms));
  };
  const server = createServer((near) => {
    const far = known(connect(port, '127.0.0.1'));
    late(known(near), far);
    late(far, near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
