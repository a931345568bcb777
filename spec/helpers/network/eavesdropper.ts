import type { AddressInfo } from 'node:net';
import { createServer, type Socket } from 'node:net';
import { until } from '../time/until';

/** Somebody on the network who reads along. */
export interface Eavesdropper {
  readonly port: number;
  /** The first bytes of the connection that comes next. */
  heard(): Promise<Buffer>;
  close(): Promise<void>;
}

/** Takes connections, keeps what comes on them, and answers what `answer` returns. */
export async function eavesdrop(answer: (asked: string) => string = () => ''): Promise<Eavesdropper> {
  const sockets = new Set<Socket>();
  let chunks: Buffer[] = [];
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      const text = answer(chunk.toString('latin1'));
      if (text !== '') socket.write(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: async () => {
      chunks = [];
      await until(() => chunks.length > 0);
      return Buffer.concat(chunks);
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
