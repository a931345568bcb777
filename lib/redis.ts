export { type RedisRevision, RedisStore, type RedisStoreEvents, redisStore } from './stores/redis';
export type { ClusterOptions, RedisConnectionOptions } from './stores/redis-connection';
