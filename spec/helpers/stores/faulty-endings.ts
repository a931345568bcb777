import { setImmediate as soon } from 'node:timers/promises';
import { RightCompareAndSetClient, RightEndingClient } from './right-client';

const SECOND = 1000;

/** As such a case is called, since clients need not have the abilities. */
const where = (title: string) => `${title}, if it has \`remove\`, \`take\` and \`mark\``;

/** Takes a record for alive that has expired. */
class Immortal extends RightEndingClient {
  protected revive(key: string): void {
    const row = this.rows.get(key);
    if (row && row.end < Date.now()) row.end = Date.now() + SECOND;
  }
}

/** Faults of `remove`, `take` and `mark`. */
export const faultsOfEnding: Record<string, { client: new () => object; noticedBy: string }> = {
  'can remove, but neither take nor mark': {
    client: class extends RightCompareAndSetClient {
      readonly remove = async () => null;
    },
    noticedBy: 'has all of `remove`, `take` and `mark`, or none of them',
  },
  'does not return the removed text': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        await super.remove(key);
        return null;
      }
    },
    noticedBy: where('removes a record and returns its text'),
  },
  'returns the number of removed records': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        return (await super.remove(key)) === null ? (0 as never) : (1 as never);
      }
    },
    noticedBy: where('removes a record and returns its text'),
  },
  'removes nothing': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        return this.find(key)?.text ?? null;
      }
    },
    noticedBy: where('removes a record and returns its text'),
  },
  'removes all keys with the same beginning': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        const removed = await super.remove(key);
        for (const each of this.rows.keys()) if (each.startsWith(key)) this.rows.delete(each);
        return removed;
      }
    },
    noticedBy: where('removes a record and returns its text'),
  },
  'fails to remove a missing record': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        if (!this.find(key)) throw new Error('no such record');
        return super.remove(key);
      }
    },
    noticedBy: where('removes, takes and marks nothing if there is no record'),
  },
  'removes an expired record': {
    client: class extends Immortal {
      override async remove(key: string) {
        this.revive(key);
        return super.remove(key);
      }
    },
    noticedBy: where('removes, takes and marks nothing if there is no record'),
  },
  'leaves a marker for a missing record': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const found = await super.take(key, marker, ttl);
        if (found === null) this.write(key, marker, ttl);
        return found;
      }
    },
    noticedBy: where('removes, takes and marks nothing if there is no record'),
  },
  'marks an expired record': {
    client: class extends Immortal {
      override async mark(key: string, length: number) {
        this.revive(key);
        return super.mark(key, length);
      }
    },
    noticedBy: where('removes, takes and marks nothing if there is no record'),
  },
  'returns the new marker instead of the text': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        await super.take(key, marker, ttl);
        return this.find(key)?.text ?? null;
      }
    },
    noticedBy: where('takes a record, and keeps the marker for its ttl'),
  },
  'keeps the ttl of the record for the marker': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        return super.take(key, marker, (this.find(key)?.end ?? ttl) - Date.now());
      }
    },
    noticedBy: where('takes a record, and keeps the marker for its ttl'),
  },
  'treats all markers as equal': {
    client: class extends RightEndingClient {
      override async take(key: string, _marker: string, ttl: number) {
        return super.take(key, 'null', ttl);
      }
    },
    noticedBy: where('takes a record, and keeps the marker for its ttl'),
  },
  'does not find its own marker': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const found = await super.take(key, marker, ttl);
        return found === marker ? null : found;
      }
    },
    noticedBy: where('accepts its own marker when a `take` is repeated'),
  },
  'does not extend its own marker': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        return this.find(key)?.text === marker ? marker : super.take(key, marker, ttl);
      }
    },
    noticedBy: where('accepts its own marker when a `take` is repeated'),
  },
  'removes a marker': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        const removed = await super.remove(key);
        this.rows.delete(key);
        return removed;
      }
    },
    noticedBy: where('leaves a marker in place'),
  },
  'replaces the marker of another request': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const found = await super.take(key, marker, ttl);
        if (found !== null) this.write(key, marker, ttl);
        return found;
      }
    },
    noticedBy: where('leaves a marker in place'),
  },
  'extends the marker of another request': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const row = this.find(key);
        if (row && this.isMark(row.text)) row.end = this.endOf(ttl);
        return super.take(key, marker, ttl);
      }
    },
    noticedBy: where('leaves a marker in place'),
  },
  'marks a marker': {
    client: class extends RightEndingClient {
      override async mark(key: string, length: number) {
        const row = this.find(key);
        if (!row) return null;
        row.text += ' '.repeat(length);
        return { record: row.text, revision: row.revision };
      }
    },
    noticedBy: where('leaves a marker in place'),
  },
  'appends one space, whatever the length': {
    client: class extends RightEndingClient {
      override async mark(key: string) {
        return super.mark(key, 1);
      }
    },
    noticedBy: where('marks a record with spaces, and keeps its ttl'),
  },
  'returns a mark that it does not store': {
    client: class extends RightEndingClient {
      override async mark(key: string, length: number) {
        const row = this.find(key);
        const { text = '' } = row ?? {};
        const marked = await super.mark(key, length);
        if (row && marked) row.text = text;
        return marked;
      }
    },
    noticedBy: where('marks a record with spaces, and keeps its ttl'),
  },
  'shortens the life of a marked record': {
    client: class extends RightEndingClient {
      override async mark(key: string, length: number) {
        const row = this.find(key);
        if (row) row.end = Math.min(row.end, Date.now() + 10 * SECOND);
        return super.mark(key, length);
      }
    },
    noticedBy: where('marks a record with spaces, and keeps its ttl'),
  },
  'keeps the revision on mark': {
    client: class extends RightEndingClient {
      override async mark(key: string, length: number) {
        const row = this.find(key);
        const { revision } = row ?? {};
        const marked = await super.mark(key, length);
        if (row) row.revision = revision as number;
        return marked && { ...marked, revision };
      }
    },
    noticedBy: where('swaps the revision of a marked record, and no earlier one'),
  },
  'returns the old revision after a mark': {
    client: class extends RightEndingClient {
      override async mark(key: string, length: number) {
        const { revision } = this.find(key) ?? {};
        const marked = await super.mark(key, length);
        return marked && { ...marked, revision };
      }
    },
    noticedBy: where('swaps the revision of a marked record, and no earlier one'),
  },
  'removes in two steps': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        const text = this.find(key)?.text ?? null;
        await soon();
        await super.remove(key);
        return text;
      }
    },
    noticedBy: where('returns the text to only one of many removals'),
  },
  'takes in two steps': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const text = this.find(key)?.text ?? null;
        if (text === null || this.isMark(text)) return super.take(key, marker, ttl);
        await soon();
        this.write(key, marker, ttl);
        return text;
      }
    },
    noticedBy: where('returns the text to only one of many takes'),
  },
  'removes only an unchanged record': {
    client: class extends RightEndingClient {
      override async remove(key: string) {
        const { revision } = this.find(key) ?? {};
        await soon();
        return this.find(key)?.revision === revision ? super.remove(key) : null;
      }
    },
    noticedBy: where('removes a record that others are swapping'),
  },
  'takes only an unchanged record': {
    client: class extends RightEndingClient {
      override async take(key: string, marker: string, ttl: number) {
        const { revision } = this.find(key) ?? {};
        await soon();
        return this.find(key)?.revision === revision ? super.take(key, marker, ttl) : null;
      }
    },
    noticedBy: where('takes a record that others are swapping'),
  },
  'lets a late swap restore a removed record': {
    client: class extends RightEndingClient {
      readonly #removed = new Map<string, unknown>();
      override async remove(key: string) {
        this.#removed.set(key, this.find(key)?.revision);
        return super.remove(key);
      }
      override async swap(key: string, record: string, ttl: number, expected: unknown) {
        if (this.find(key) || this.#removed.get(key) !== expected) return super.swap(key, record, ttl, expected);
        return { ok: true as const, revision: this.write(key, record, ttl).revision };
      }
    },
    noticedBy: where('does not swap a removed record'),
  },
};
