const MAX_BYTES = 10_000;

/**
 * The fields of an HTML form.
 *
 * @param {import('koa').Context} ctx
 */
async function readForm(ctx) {
  if (!ctx.is('urlencoded')) ctx.throw(415);
  const chunks = [];
  let bytes = 0;
  for await (const chunk of ctx.req) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) ctx.throw(413);
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString());
}

module.exports = { readForm };
