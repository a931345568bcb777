import { longResponses } from '../helpers/costs/long-response';

jest.setTimeout(300_000);

describe('A request that works on its session ten thousand times', () => {
  longResponses(10_000);
});
