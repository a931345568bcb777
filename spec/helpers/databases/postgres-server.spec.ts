import { databaseServerContract } from './database-server-contract';
import { startPostgres } from './postgres-server';

describe('startPostgres', () => {
  databaseServerContract(startPostgres);
});
