import { sqlFaults } from '../helpers/cli/sql-faults';

sqlFaults('MariaDB');
sqlFaults('PostgreSQL');
