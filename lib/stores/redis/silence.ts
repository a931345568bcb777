import { unref } from '../../base/timer';
import type { IoRedisClient } from './driver';

/** Minimum silence of a connection in milliseconds: a server that is busy for a moment is no reason to reconnect. */
export const LEAST_SILENCE = 1000;

/** The latest data of a connection. */
interface Heard {
  at: number;
  isSuspected: boolean;
}

/**
 * Watches the connections of a client that this package created, for connections that break silently because a host
 * vanishes or a proxy forgets them. TCP notices only after many minutes, if at all.
 *
 * @returns a function to call when a call has had no answer for that many milliseconds. It drops a connection that has
 *   received nothing since; ioredis then reconnects and resends the unanswered commands.
 */
export function watchSilence(client: IoRedisClient): (ms: number) => void {
  const heard = new WeakMap<object, Heard>();
  const isSilentSince = (node: IoRedisClient, stream: object | null | undefined, at: number) =>
    node.stream === stream && heard.get(stream as object)?.at === at;

  const watch = (node: IoRedisClient) =>
    node.on('connect', () => {
      const { stream } = node;
      if (!stream) return;
      const last: Heard = { at: performance.now(), isSuspected: false };
      heard.set(stream, last);
      stream.on('data', () => {
        last.at = performance.now();
      });
      // The store sends nothing before the connection is ready, so this is the only call with a pending answer.
      const { at } = last;
      const patience = setTimeout(() => {
        if (node.status === 'connect' && isSilentSince(node, stream, at)) stream.destroy();
      }, node.options?.connectTimeout ?? 10_000);
      unref(patience);
      stream.on('close', () => clearTimeout(patience));
    });
  const nodes = () => client.nodes?.() ?? [client];
  if (client.isCluster === true) client.on('+node', (node) => void watch(node as IoRedisClient));
  for (const node of nodes()) watch(node);

  const suspect = (node: IoRedisClient, ms: number) => {
    const { stream } = node;
    const last = stream ? heard.get(stream) : undefined;
    if (!stream || last === undefined || last.isSuspected || performance.now() - last.at < ms) return;
    const { at } = last;
    last.isSuspected = true;
    const decide = () => {
      last.isSuspected = false;
      if (isSilentSince(node, stream, at) && node.commandQueue?.length) stream.destroy();
    };
    if (ms >= LEAST_SILENCE) decide();
    else unref(setTimeout(decide, LEAST_SILENCE - ms));
  };
  return (ms) => {
    for (const node of nodes()) suspect(node, ms);
  };
}
