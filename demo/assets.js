const { createHash } = require('node:crypto');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const files = new Map(
  ['base.css', 'pages.css', 'panel.css', 'live.js', 'icon.svg'].map((name) => {
    const content = readFileSync(join(__dirname, 'public', name));
    return [`/assets/${name}`, { name, content, etag: createHash('sha1').update(content).digest('hex') }];
  }),
);

/** Serves the style sheets and scripts. @type {import('koa').Middleware} */
async function assets(ctx, next) {
  const file = files.get(ctx.path);
  if (!file || !['GET', 'HEAD'].includes(ctx.method)) return next();
  ctx.status = 200;
  ctx.set('Cache-Control', 'no-cache');
  ctx.etag = file.etag;
  ctx.type = file.name;
  if (ctx.fresh) ctx.status = 304;
  else ctx.body = file.content;
}

module.exports = { assets };
