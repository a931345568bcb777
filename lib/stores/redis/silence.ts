import { unref } from '../../base/timer';
import type { IoRedisClient } from './driver';

/** Milliseconds that a connection has to be silent at least: a server that is busy for a moment is no reason to make another. */
export const LEAST_SILENCE = 1000;

/** What came last on a connection. */
interface Heard {
  at: number;
  isSuspected: boolean;
}

/**
 * Watches the connections of a client that was made here, for those that break without a word: a host that vanishes, a proxy that forgets. TCP itself
 * notices after many minutes, if at all.
 *
 * @returns what to call once a call has had no answer for that many milliseconds: a connection on which nothing at all came since is dropped, so
 * that ioredis makes another, and sends there what is unanswered.
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
      // Nothing is asked of the store before the connection is ready: this is the one call whose answer is awaited.
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
