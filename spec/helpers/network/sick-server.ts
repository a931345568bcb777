import type { AddressInfo } from 'node:net';
import { createServer, type Server, type Socket } from 'node:net';

/** What the server does with a connection, and then with all that comes on it. */
type Sickness = (socket: Socket) => void;

const answering =
  (reply: string): Sickness =>
  (socket) =>
    void socket.on('data', () => socket.write(reply));

/** Servers that take connections and are no use all the same. */
export const sicknesses: Record<string, Sickness> = {
  'says nothing': (socket) => void socket.resume(),
  'hangs up at once': (socket) => socket.destroy(),
  'hangs up on the first command': (socket) => void socket.on('data', () => socket.destroy()),
  'is loading forever': answering('-LOADING Redis is loading the dataset in memory\r\n'),
  'reports that it is loading': answering('$31\r\nloading:1\r\nloading_eta_seconds:9\r\n'),
  'has enough clients already': answering('-ERR max number of clients reached\r\n'),
  'talks nonsense': answering('HTTP/1.1 400 Bad Request\r\n\r\n'),
};

export interface SickServer {
  readonly port: number;
  close(): Promise<void>;
}

export async function startSickServer(sickness: Sickness): Promise<SickServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined).on('close', () => sockets.delete(socket)));
    sickness(socket);
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

/** A port on which nothing listens. */
export async function deadPort(): Promise<number> {
  const server = await startSickServer(() => undefined);
  await server.close();
  return server.port;
}
