export { fromKeyv, type KeyvClient, type KeyvLike } from './stores/keyv';
