import 'koa';

declare module 'koa' {
  interface Request {
    /** What a body parser has read, as far as the documentation shows its use. */
    body?: Record<string, string>;
  }
}
