/** The channels that the engine publishes on. */
export const START = 'tracing:koa-evented-session:store:start';
export const ASYNC_END = 'tracing:koa-evented-session:store:asyncEnd';
export const SESSION = 'koa-evented-session:session';
