const POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "img-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** @type {import('koa').Middleware} */
async function secureHeaders(ctx, next) {
  ctx.set({
    'Content-Security-Policy': POLICY,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    // Pages are private: after a logout, even the back button must not show them.
    'Cache-Control': 'no-store',
  });
  await next();
}

/**
 * Refuses POSTs from other sites. The session cookie is `SameSite=Lax`, so that another site's form cannot act in a visitor's name;
 * this also protects actions that need no session, such as taking the store away.
 *
 * @type {import('koa').Middleware}
 */
async function refuseOtherSites(ctx, next) {
  if (ctx.method === 'POST' && isFromOtherSite(ctx)) ctx.throw(403, 'this form was sent by another site');
  await next();
}

/** @param {import('koa').Context} ctx */
function isFromOtherSite(ctx) {
  const site = ctx.get('sec-fetch-site');
  if (site) return site !== 'same-origin';
  const origin = ctx.get('origin');
  return origin !== '' && origin !== `${ctx.protocol}://${ctx.host}`;
}

module.exports = { refuseOtherSites, secureHeaders };
