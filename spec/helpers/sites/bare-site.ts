import { request as httpRequest, type IncomingMessage } from 'node:http';
import Koa from 'koa';
import { serve } from '../http/serve';
import { answer, type Routes } from './session-site';

interface Reply {
  status: number;
  text: string;
  setCookie: string[];
}

/** A site and its one visitor, who needs nothing but Node's own modules: no `fetch`, no timers. */
export interface BareSite {
  /** What a path answers: its status and text. The cookies of the reply are kept. */
  go(path: string): Promise<string>;
  /** The same for several at a time. */
  goTogether(paths: string[]): Promise<string[]>;
  readonly errors: unknown[];
  close(): Promise<void>;
}

export async function openBareSite(use: (app: Koa) => Koa.Middleware, routes: Routes): Promise<BareSite> {
  const app = new Koa();
  app.keys = ['a key'];
  const errors: unknown[] = [];
  app.on('error', (error) => errors.push(error));
  app.use(use(app));
  app.use(answer(routes));
  const { port, close } = await serve(app);
  let cookie = '';
  const go = async (path: string) => {
    const { status, text, setCookie } = await ask(port, path, cookie);
    if (setCookie.length > 0) cookie = setCookie.map((line) => line.split(';', 1)[0]).join('; ');
    return `${status} ${text}`;
  };
  return { go, goTogether: (paths) => Promise.all(paths.map(go)), errors, close };
}

function ask(port: number, path: string, cookie: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const read = (response: IncomingMessage) => {
      const { statusCode, headers } = response;
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ status: Number(statusCode), text, setCookie: headers['set-cookie'] ?? [] }));
    };
    const asked = httpRequest({ host: '127.0.0.1', port, path, agent: false, headers: { cookie } }, read);
    asked.on('error', reject).end();
  });
}
