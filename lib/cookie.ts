export { CookieStore, type CookieStoreOptions, cookieStore, type TokenKey } from './stores/cookie/store';
