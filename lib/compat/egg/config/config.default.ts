const ONE_DAY = 24 * 60 * 60 * 1000;

/** The defaults of `config.session`; the other defaults are koa-session's. */
export = { session: { key: 'EGG_SESS', maxAge: ONE_DAY, httpOnly: true, encrypt: true, logValue: true } };
