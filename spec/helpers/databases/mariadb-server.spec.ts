import { databaseServerContract } from './database-server-contract';
import { startMariadb } from './mariadb-server';

describe('startMariadb', () => {
  databaseServerContract(startMariadb);
});
