import { longResponses } from '../helpers/costs/long-response';

describe('A request that works on its session again and again', () => {
  longResponses(200);
});
