import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { spawnServer } from '../databases/server-process';

export interface Nginx {
  /** The free ports that it was given. */
  readonly ports: readonly number[];
  /** What it has logged. */
  readonly log: string;
  signal(signal: NodeJS.Signals): void;
  stop(): Promise<void>;
}

const attempts = 5;

/**
 * A private nginx in one process, which ends with `stop()` and never outlives the specs.
 *
 * @param count how many free ports it needs; @param http what stands in `http { … }`, by these ports
 */
export async function startNginx(count: number, http: (ports: number[]) => string): Promise<Nginx> {
  for (let attempt = 1; ; attempt += 1) {
    const ports = await freePorts(count);
    const dir = await mkdtemp(join(tmpdir(), 'spec-nginx-'));
    await writeFile(join(dir, 'nginx.conf'), configuration(http(ports), dir));
    const nginx = await spawnServer('nginx', ['-p', dir, '-c', join(dir, 'nginx.conf'), '-e', 'stderr'], dir);
    const stop = async () => {
      // One that is suspended acts on nothing else.
      nginx.signal('SIGKILL');
      await nginx.gone();
      await rm(dir, { recursive: true, force: true });
    };
    // It writes the file once it listens on all ports.
    while (!existsSync(join(dir, 'nginx.pid')) && !nginx.exited && !isTaken(nginx.output)) await pause(5);
    if (!nginx.exited && !isTaken(nginx.output)) {
      return {
        ports,
        get log() {
          return nginx.output;
        },
        signal: nginx.signal,
        stop,
      };
    }
    await stop();
    // Somebody may have taken a port since it was found free.
    if (attempt === attempts || !isTaken(nginx.output)) throw new Error(`nginx did not start:\n${nginx.output}`);
  }
}

const isTaken = (output: string) => output.includes('Address already in use');

/** Different ports that are free now. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function configuration(http: string, dir: string): string {
  const own = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((kind) => `${kind}_temp_path ${dir}/${kind};`);
  return `
    daemon off;
    # Its workers would outlive a process that is killed.
    master_process off;
    pid ${dir}/nginx.pid;
    events { worker_connections 256; }
    http {
      access_log off;
      ${own.join('\n')}
      ${http}
    }`;
}
