import { farEndsContract, farWritesContract } from '../helpers/races/far-ends';

// All servers and distances: spec/long/far-ends.spec.ts.
farEndsContract('Redis', [{ writers: 8, ms: 40 }], 2);
farWritesContract('Redis', [{ writers: 4, ms: 40 }], 2);
