import { farEndsContract } from './helpers/far-ends';

// All servers and distances: spec/long/far-ends.spec.ts.
farEndsContract('Redis', [{ writers: 8, ms: 40 }], 2);
