import type { KeysFound } from '../../../lib/main';
import { RightEnumerableClient } from './right-client';

const where = (title: string) => `${title}, if it has \`keys\``;

const faults: Record<string, { client: new () => object; noticedBy: string }> = {
  'returns a bare list of keys': {
    client: class extends RightEnumerableClient {
      override async keys(prefix: string) {
        return (await super.keys(prefix)).keys as unknown as KeysFound;
      }
    },
    noticedBy: where('lists the keys that start with a prefix, and no others'),
  },
  'takes a prefix for a pattern': {
    client: class extends RightEnumerableClient {
      override isMeantBy(prefix: string, key: string) {
        const pattern = prefix
          .replace(/[.+^${}()|[\]\\]/g, '\\$&')
          .replaceAll('*', '.*')
          .replaceAll('?', '.');
        return new RegExp(`^${pattern}[^\u001f]`).test(key);
      }
    },
    noticedBy: where('lists the keys that start with a prefix, and no others'),
  },
  'does not tell the case of a prefix': {
    client: class extends RightEnumerableClient {
      override isMeantBy(prefix: string, key: string) {
        return super.isMeantBy(prefix.toLowerCase(), key.toLowerCase());
      }
    },
    noticedBy: where('lists the keys that start with a prefix, and no others'),
  },
  'lists only the first page': {
    client: class extends RightEnumerableClient {
      override async keys(prefix: string) {
        return { keys: (await super.keys(prefix)).keys };
      }
    },
    noticedBy: where('lists every key in pages, and goes on from the same cursor twice'),
  },
  'goes on one key too far': {
    client: class extends RightEnumerableClient {
      override async keys(prefix: string, cursor?: string) {
        const found = await super.keys(prefix, cursor);
        return cursor === undefined ? found : { ...found, keys: found.keys.slice(1) };
      }
    },
    noticedBy: where('lists every key in pages, and goes on from the same cursor twice'),
  },
  'returns a cursor that is no text': {
    client: class extends RightEnumerableClient {
      override cursorAt(key: string) {
        return { key } as unknown as string;
      }
      override isBehind(cursor: string | undefined, key: string) {
        return super.isBehind((cursor as { key: string } | undefined)?.key, key);
      }
    },
    noticedBy: where('lists every key in pages, and goes on from the same cursor twice'),
  },
  'forgets a cursor once it has been used': {
    client: class extends RightEnumerableClient {
      readonly #used = new Set<string>();
      override async keys(prefix: string, cursor?: string) {
        if (cursor === undefined) return super.keys(prefix);
        if (this.#used.has(cursor)) return { keys: [] };
        this.#used.add(cursor);
        return super.keys(prefix, cursor);
      }
    },
    noticedBy: where('lists every key in pages, and goes on from the same cursor twice'),
  },
  'counts how many it has listed': {
    client: class extends RightEnumerableClient {
      override async keys(prefix: string, cursor = '0') {
        await this.reach();
        const keys = this.records().filter((key) => this.isMeantBy(prefix, key));
        const end = Number(cursor) + this.page;
        return { keys: keys.slice(Number(cursor), end), cursor: end < keys.length ? String(end) : undefined };
      }
    },
    noticedBy: where('lists every key that stays while others come and go'),
  },
  'lists what has expired': {
    client: class extends RightEnumerableClient {
      override records() {
        return [...this.rows.keys()];
      }
    },
    noticedBy: where('lists no key that was destroyed or has expired'),
  },
  'lists its indexes': {
    client: class extends RightEnumerableClient {
      override isMeantBy(prefix: string, key: string) {
        return key.startsWith(prefix);
      }
      override records() {
        return [...super.records(), ...this.indexes.keys()];
      }
    },
    noticedBy: 'lists no keys of indexes, if it has `keys` and `enroll`',
  },
};

/** Faults of `keys`. All other cases would only cost time. */
export const faultsOfWalks = Object.fromEntries(
  Object.entries(faults).map(([what, fault]) => [what, { ...fault, about: 'if it has `keys`' }]),
);
