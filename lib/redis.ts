export { RedisStore, type RedisStoreEvents, redisStore } from './stores/redis';
export type { RedisConnectionOptions } from './stores/redis-connection';
