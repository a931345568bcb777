import { until } from '../time/until';
import type { Address } from './drivers';
import { freePort, type RedisServer, startRedis } from './server';

const SLOTS = 16_384;

/** A Redis Cluster of private servers; it ends with `stop()` and never outlives the specs. */
export interface RedisCluster {
  /** The servers, those that were added later at the end. */
  readonly nodes: readonly RedisServer[];
  readonly addresses: readonly Address[];
  /** Sends a command about a key to the primary that serves it. */
  command(line: string): Promise<string>;
  /** The primary that serves a key. */
  primaryOf(key: string): Promise<RedisServer>;
  idOf(node: RedisServer): Promise<string>;
  /** Adds a server that follows a primary; resolves once it has all that the primary has. */
  addReplica(primary: RedisServer): Promise<RedisServer>;
  /** Resolves once every server that runs counts the cluster as whole. */
  whole(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a Redis Cluster of that many primaries, who share the slots. */
export async function startCluster(primaries = 3): Promise<RedisCluster> {
  const busPorts = new Map<RedisServer, number>();
  const nodes = await Promise.all(Array.from({ length: primaries }, () => startNode(busPorts)));
  const first = nodes[0] as RedisServer;

  /** Asks any of those that run, and then the one that it names. */
  const send = async (line: string) => {
    const node = nodes.find(runs) as RedisServer;
    try {
      return { node, reply: await node.command(line) };
    } catch (error) {
      const [, port] = /^(?:MOVED|ASK) \d+ \S*:(\d+)$/.exec((error as Error).message) ?? [];
      const named = nodes.find((it) => String(it.port) === port);
      if (named === undefined) throw error;
      return { node: named, reply: await named.command(line) };
    }
  };
  const meet = (node: RedisServer) => first.command(`CLUSTER MEET 127.0.0.1 ${node.port} ${busPorts.get(node)}`);
  const cluster: RedisCluster = {
    nodes,
    get addresses() {
      return nodes.map(({ port }) => ({ host: '127.0.0.1', port }));
    },
    command: async (line) => (await send(line)).reply,
    primaryOf: async (key) => (await send(`EXISTS ${key}`)).node,
    idOf: (node) => node.command('CLUSTER MYID'),
    addReplica: async (primary) => {
      const replica = await startNode(busPorts);
      nodes.push(replica);
      await meet(replica);
      const id = await cluster.idOf(primary);
      // A server takes part once it has heard of the one that it is to follow.
      await until(async () => (await replica.command('CLUSTER NODES')).includes(`${id} 127.0.0.1`));
      await replica.command(`CLUSTER REPLICATE ${id}`);
      await until(async () => (await replica.info('replication'))['master_link_status'] === 'up');
      // Primaries vote only for one whom they know as a replica.
      const follows = new RegExp(`^${await cluster.idOf(replica)} \\S+ \\S*slave ${id} `, 'm');
      for (const node of nodes.filter(runs)) {
        await until(async () => follows.test(await node.command('CLUSTER NODES')));
      }
      await cluster.whole();
      return replica;
    },
    whole: async () => {
      await Promise.all(nodes.filter(runs).map((node) => until(() => isWhole(node, nodes.length))));
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
  };

  await Promise.all(
    nodes.map(async (node, n) => {
      const [from, to] = [Math.ceil((n * SLOTS) / primaries), Math.ceil(((n + 1) * SLOTS) / primaries) - 1];
      await node.command(`CLUSTER ADDSLOTSRANGE ${from} ${to}`);
      await node.command(`CLUSTER SET-CONFIG-EPOCH ${n + 1}`);
    }),
  );
  await Promise.all(nodes.slice(1).map(meet));
  await cluster.whole();
  return cluster;
}

/** By itself the port between the servers is 10 000 above the other: that may be taken, or none at all. */
async function startNode(busPorts: Map<RedisServer, number>): Promise<RedisServer> {
  const busPort = await freePort();
  const node = await startRedis({
    args: [
      ...['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-port', String(busPort)],
      // Long enough that a busy machine causes no failover. Servers that have heard nothing of each other for half of
      // it ask, so that all know a new replica within this time.
      ...['--cluster-node-timeout', '10000', '--repl-diskless-sync-delay', '0'],
    ],
  });
  busPorts.set(node, busPort);
  return node;
}

function runs(node: RedisServer): boolean {
  try {
    return process.kill(node.pid, 0);
  } catch {
    return false;
  }
}

async function isWhole(node: RedisServer, size: number): Promise<boolean> {
  const info = await node.command('CLUSTER INFO');
  return info.includes('cluster_state:ok') && info.includes(`cluster_known_nodes:${size}\r`);
}
