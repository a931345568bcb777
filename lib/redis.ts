export type { ClusterOptions, RedisConnectionOptions } from './stores/redis/connection';
export { type RedisRevision, RedisStore, type RedisStoreEvents, redisStore } from './stores/redis/store';
