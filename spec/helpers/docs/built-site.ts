import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Served, serve } from '../http/serve';
import { root } from '../programs/node-program';

const folder = join(root, 'site/dist');
const types: Record<string, string> = {
  '.css': 'text/css',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/** As a reader would: with its packages, which takes a minute. */
export async function buildSite(): Promise<void> {
  await promisify(execFile)('npm', ['run', 'site'], { cwd: root });
}

/** Serves `site/dist` as static hosts do. */
export function serveSite(): Promise<Served> {
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const path = decodeURI(new URL(String(request.url), 'http://site').pathname);
    const asked = join(folder, path.endsWith('/') ? `${path}index.html` : path);
    const isThere = existsSync(asked) && statSync(asked).isFile();
    const file = isThere ? asked : join(folder, '404.html');
    response.writeHead(isThere ? 200 : 404, { 'content-type': types[extname(file)] ?? 'application/octet-stream' });
    response.end(await readFile(file));
  };
  return serve({ callback: () => answer });
}
