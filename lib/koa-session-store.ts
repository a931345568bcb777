export { fromKoaSessionStore, type KoaSessionClient, type KoaSessionStoreLike } from './stores/koa-session-store';
