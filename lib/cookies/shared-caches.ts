import type Koa = require('koa');

/** The Cache-Control of a response that sets the session cookie. */
export type CacheRule = 'no-store' | 'private';

/**
 * Adds `Vary: Cookie`, so that a shared cache does not answer one visitor with another's response (RFC 9110, section
 * 12.5.5).
 */
export function varyOnCookie(ctx: Koa.Context): void {
  const { res } = ctx;
  // A context may have no response, or a replacement without headers.
  if (res?.headersSent !== false) return;
  const vary = res.getHeader('Vary');
  if (vary === undefined) res.setHeader('Vary', 'Cookie');
  else if (vary !== 'Cookie') ctx.vary('Cookie');
}

/** Whether a `Vary` header covers the cookie. */
export function variesOnCookie(vary: readonly string[]): boolean {
  return directivesOf(vary.join(',')).some((field) => field === 'cookie' || field === '*');
}

const CODE = 'KOA_EVENTED_SESSION_SHARED_CACHE';

let hasWarned = false;

/** Warns, once per process, if the application lets shared caches store a complete response with the session cookie. */
export function warnOfSharing(res: Koa.Context['res']): void {
  if (hasWarned) return;
  const rule = String(res.getHeader('Cache-Control') ?? '');
  // Nearly always it is the rule of this package.
  if (rule === 'private' || !allowsSharing(rule)) return;
  hasWarned = true;
  process.emitWarning(
    `A response that sets the session cookie has \`Cache-Control: ${rule}\`: a shared cache may hand the cookie to other visitors. ` +
      'Send `private` or `no-store` with this response, or leave the header to koa-evented-session.',
    { code: CODE },
  );
}

function allowsSharing(rule: string): boolean {
  const directives = directivesOf(rule);
  if (directives.includes('private') || directives.includes('no-store')) return false;
  return directives.some((directive) => directive === 'public' || directive.startsWith('s-maxage'));
}

function directivesOf(header: string): string[] {
  return header
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
}
