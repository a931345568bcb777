import type { EndReason } from '../base/types';

/** What processes tell each other about the end of a session. */
export interface EndedMessage {
  /** The handle of the session: a hash that does not lead to its id. */
  readonly handle: string;
  readonly reason: EndReason;
  /** The Store that tells, which hears its own messages too. */
  readonly from: string;
}

const REASONS: readonly unknown[] = [
  'logout',
  'invalid',
  'user',
  'limit',
  'regenerated',
  'expired',
  'operator',
  'gone',
] satisfies EndReason[];

/** The text of a message. */
export function textOf(message: EndedMessage): string {
  return JSON.stringify(message);
}

/** The message in a text; `undefined` for any other text, which another program may send. */
export function messageIn(text: string): EndedMessage | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { handle, reason, from } = Object(value) as Partial<EndedMessage>;
  if (typeof handle !== 'string' || typeof from !== 'string' || !REASONS.includes(reason)) return undefined;
  return { handle, reason: reason as EndReason, from };
}
