export type { KnexStoreOptions } from './stores/knex/options';
export { KnexStore, knexStore } from './stores/knex/store';
export { createSessionsTable, dropSessionsTable, type SessionsTableOptions } from './stores/knex/table';
export { createSessionUsersTable, dropSessionUsersTable } from './stores/knex/users-table';
