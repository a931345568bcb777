import { connect } from 'node:net';

/** Sends one inline command and resolves with what the reply carries; no client library is involved. */
export function askRedis(port: number, command: string, timeout = 1000): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    let received = '';
    const end = (outcome: () => void) => {
      socket.destroy();
      outcome();
    };
    socket.setEncoding('utf8').setTimeout(timeout, () => end(() => reject(new Error(`no reply to ${command}`))));
    socket.once('error', (error) => end(() => reject(error)));
    socket.once('close', () => reject(new Error(`connection closed before a reply to ${command}`)));
    socket.on('data', (chunk: string) => {
      received += chunk;
      const reply = parse(received);
      if (reply instanceof Error) end(() => reject(reply));
      else if (reply !== undefined) end(() => resolve(reply));
    });
    socket.write(`${command}\r\n`);
  });
}

/** Simple strings, integers, errors and bulk strings; `undefined` while the reply is incomplete. */
function parse(received: string): string | Error | undefined {
  const lineEnd = received.indexOf('\r\n');
  if (lineEnd < 0) return undefined;
  const line = received.slice(1, lineEnd);
  if (received.startsWith('-')) return new Error(line);
  if (!received.startsWith('$')) return line;
  const body = Buffer.from(received.slice(lineEnd + 2));
  const length = Math.max(Number(line), 0);
  return line === '-1' || body.length >= length + 2 ? body.subarray(0, length).toString() : undefined;
}
