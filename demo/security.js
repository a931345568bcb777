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
    // Pages are one visitor's own: after the logout not even the back button shows them.
    'Cache-Control': 'no-store',
  });
  await next();
}

/**
 * What changes something is a POST, and the session cookie is `SameSite=Lax`, so that no other site's form acts in a visitor's
 * name. This also guards what needs no session, such as taking the store away.
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
