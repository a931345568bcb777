import { type CountingProgram, startCounting, tell } from '../helpers/programs/counting-program';
import { type RedisTopology, startSentinel } from '../helpers/redis/sentinel';
import { CountingClients } from '../helpers/stores/counting-clients';

describe('An application whose Redis primary is killed, with a replica and a sentinel', () => {
  let redis: RedisTopology;
  let program: CountingProgram;
  let clients: CountingClients | undefined;

  beforeAll(async () => {
    redis = await startSentinel(300);
  });
  beforeEach(async () => {
    program = await startCounting(redis.options);
  });
  afterEach(async () => {
    clients?.close();
    await program.end();
  });
  afterAll(() => redis.stop());

  it('continues with the replica: no visitor is logged out, and no request hangs', async () => {
    clients = new CountingClients(program.port, { clients: 50, patience: 10_500, rest: 50 });
    await clients.start();
    // A session that the primary alone knows would end with it.
    await redis.replicated();
    await clients.busy(500);
    const killed = performance.now();
    await redis.primary.kill('SIGKILL');
    const gone = performance.now();
    await clients.everyoneSucceeds(gone);
    const firstSuccess = (await clients.firstSuccess(gone)) + gone - killed;
    const figures = { ...(await clients.stop()), firstSuccess, rejections: (await program.alive()).rejections };
    tell('Failover to the replica', figures);

    // Replication is asynchronous: counts acknowledged in the last moment may be `lost`, as docs/outages.md says.
    expect(figures).toMatchObject({ hung: 0, cookiesCleared: 0, cookiesReplaced: 0, rejections: 0 });
    expect(figures.lost).toBeLessThan(figures.acknowledged);
    expect((await redis.replica.info('replication'))['role']).toBe('master');
    expect(await program.alive()).toMatchObject({ status: 'available', heard: ['connect', 'disconnect', 'connect'] });
    expect(program.complaints()).toBe('');
  });
});
