import { expected, hasMethod } from '../../base/expect';
import type { Answer, CompareAndSetStore, EndingStore, Session, SessionStore, StoredRecord } from '../../base/types';
import { settle, withAnswer } from '../../client/answers';
import { parseRecord } from '../../record/record';
import type { Seals } from './seals';

export type CompareAndSetClient = SessionStore & CompareAndSetStore & Partial<EndingStore>;

/** The methods that are not passed on as they are. */
type SealedMethods = Omit<CompareAndSetClient, 'destroy' | 'touch'>;

/** How often `set` loses to other writers before it gives up. */
const ATTEMPTS = 100;

/** The methods of a client that can compare: it stores sealed texts, and its revisions are those of these texts. */
export function sealedRecords(client: CompareAndSetClient, seals: Seals): SealedMethods {
  const open = <S extends StoredRecord>(key: string, stored: S): S => ({
    ...stored,
    record: seals.opened(key, stored.record),
  });
  const openIfAny = <S extends StoredRecord>(key: string, answer: Answer<S | null | undefined>) =>
    withAnswer(answer, (stored) => (stored ? open(key, stored) : stored));
  const textIfAny = (key: string, answer: Answer<string | null | undefined>) =>
    withAnswer(answer, (text) => (typeof text === 'string' ? seals.opened(key, text) : text));

  const records: SealedMethods = {
    load: (key, options) => openIfAny(key, options ? client.load(key, options) : client.load(key)),
    create: (key, record, ttl) => client.create(key, seals.sealed(key, record), ttl),
    swap: (key, record, ttl, revision) =>
      withAnswer(client.swap(key, seals.sealed(key, record), ttl, revision), (result) =>
        result.ok || result.gone ? result : open(key, result),
      ),
    get: async (key) => {
      const found = await records.load(key);
      return found ? (parseRecord((found as StoredRecord).record) as Session | undefined) : undefined;
    },
    set: (key, session, ttl) => set(client, key, seals.sealed(key, textOf(session)), ttl),
  };
  if (hasMethod(client, 'remove')) records.remove = (key) => textIfAny(key, ending(client).remove(key));
  if (hasMethod(client, 'take'))
    records.take = (key, marker, ttl) => textIfAny(key, ending(client).take(key, marker, ttl));
  if (hasMethod(client, 'mark')) records.mark = (key, length) => openIfAny(key, ending(client).mark(key, length));
  return records;
}

/** The JSON text of a session. */
export function textOf(session: Session): string {
  const text: string | undefined = JSON.stringify(session);
  if (text === undefined) throw expected('session', 'an object', session);
  return text;
}

function ending(client: CompareAndSetClient): EndingStore {
  return client as EndingStore;
}

/** Stores a text whatever is stored already. The client's `set` takes an object, and stores that as it likes. */
async function set(client: CompareAndSetClient, key: string, text: string, ttl: number): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const found = await settle(client.load(key));
    if (found) {
      const result = await settle(client.swap(key, text, ttl, found.revision));
      if (result.ok) return;
    } else if ((await settle(client.create(key, text, ttl))) !== false) return;
  }
  throw new Error('the record could not be replaced, since others kept writing it');
}
