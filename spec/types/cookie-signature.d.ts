/** What express-session signs its cookies with; not installed here under its own name. */
declare module 'cookie-signature' {
  export function sign(value: string, secret: string): string;
  export function unsign(value: string, secret: string): string | false;
}
