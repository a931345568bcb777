export { CookieStore, type CookieStoreOptions, cookieStore, type SealingKey } from './stores/cookie/store';
