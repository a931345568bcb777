const ONE_DAY = 24 * 60 * 60 * 1000;

/** What `config.session` is where the application does not say otherwise; the rest is koa-session's. */
export = { session: { key: 'EGG_SESS', maxAge: ONE_DAY, httpOnly: true, encrypt: true, logValue: true } };
