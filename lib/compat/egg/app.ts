import type { EggApplication, EggSessionEvent } from './egg-application';

/** Egg calls it when `app.config` is complete. */
function install(app: EggApplication): void {
  const { session, coreMiddleware } = app.config;
  if (!session.httpOnly) {
    app.logger.warn(
      '[koa-evented-session] Set `config.session.httpOnly` to true: without it every script of the page can read the session cookie.',
    );
  }
  coreMiddleware.push('session');

  const logged = (value: unknown) => (app.config.session.logValue ? value : '');
  app.on('session:missed', ({ ctx, key }: EggSessionEvent) => {
    ctx.coreLogger.warn('[session][missed] key(%s)', key);
  });
  for (const name of ['expired', 'invalid']) {
    app.on(`session:${name}`, ({ ctx, key, value }: EggSessionEvent) => {
      ctx.coreLogger.warn(`[session][${name}] key(%s) value(%j)`, key, logged(value));
    });
  }
}

export = install;
