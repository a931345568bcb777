import type {
  BroadcastingStore,
  CompareAndSetStore,
  EndingStore,
  EnumerableStore,
  IndexingStore,
  IndexMember,
  KeysFound,
  PeekingStore,
  Session,
  SessionStore,
  StoredRecord,
  SwapResult,
} from '../../../lib/main';

export interface Row {
  text: string;
  end: number;
  revision: number;
}

/**
 * A client that keeps the contract, in small methods, for specs to break one by one. It answers after a while, as a database
 * does, and unlike a MemoryStore it frees nothing that has expired.
 */
export class RightClient implements SessionStore {
  readonly rows = new Map<string, Row>();
  #revision = 0;

  async get(key: string): Promise<unknown> {
    await this.reach();
    const row = this.find(key);
    return row && this.parse(row.text);
  }

  async set(key: string, session: Session, ttl: number): Promise<unknown> {
    await this.reach();
    this.write(key, this.stringify(session), ttl);
    return;
  }

  async destroy(key: string): Promise<unknown> {
    await this.reach();
    this.rows.delete(this.keyOf(key));
    return;
  }

  /** The way to the system. */
  async reach(): Promise<void> {}

  keyOf(key: string): string {
    return key;
  }

  parse(text: string): unknown {
    return JSON.parse(text);
  }

  stringify(session: Session): string {
    return JSON.stringify(session);
  }

  /** The row, unless it has expired. */
  find(key: string): Row | undefined {
    const row = this.rows.get(this.keyOf(key));
    return row && row.end > Date.now() ? row : undefined;
  }

  write(key: string, text: string, ttl: number): Row {
    const row = { text, end: this.endOf(ttl), revision: this.newRevision() };
    this.rows.set(this.keyOf(key), row);
    return row;
  }

  endOf(ttl: number): number {
    return Date.now() + ttl;
  }

  newRevision(): number {
    this.#revision += 1;
    return this.#revision;
  }
}

/** The same with `touch`. */
export class RightTouchableClient extends RightClient {
  async touch(key: string, ttl: number): Promise<boolean> {
    await this.reach();
    const row = this.find(key);
    if (!row || this.isMark(row.text)) return false;
    row.end = this.endOf(ttl);
    return true;
  }

  isMark(text: string): boolean {
    return text.startsWith('null');
  }
}

/** The same with the abilities to compare and set. */
export class RightCompareAndSetClient extends RightTouchableClient implements CompareAndSetStore<unknown> {
  async load(key: string, options?: { ttl?: boolean }): Promise<StoredRecord | null> {
    await this.reach();
    const row = this.find(key);
    if (!row) return null;
    const { text: record, revision, end } = row;
    return options?.ttl ? { record, revision, ttl: end - Date.now() } : { record, revision };
  }

  async create(key: string, record: string, ttl: number): Promise<unknown> {
    await this.reach();
    const row = this.find(key);
    if (!row) return this.write(key, record, ttl).revision;
    return row.text === record ? row.revision : false;
  }

  async swap(key: string, record: string, ttl: number, expected: unknown): Promise<SwapResult> {
    await this.reach();
    const row = this.find(key);
    if (!row) return { ok: false, gone: true };
    if (row.text === record) return { ok: true, revision: row.revision };
    if (row.revision !== expected) return { ok: false, record: row.text, revision: row.revision };
    return { ok: true, revision: this.write(key, record, ttl).revision };
  }
}

/** The same with the abilities to end a session in one step. */
export class RightEndingClient extends RightCompareAndSetClient implements EndingStore<unknown> {
  async remove(key: string): Promise<string | null> {
    await this.reach();
    const row = this.find(key);
    if (!row) return null;
    if (!this.isMark(row.text)) this.rows.delete(this.keyOf(key));
    return row.text;
  }

  async take(key: string, marker: string, ttl: number): Promise<string | null> {
    await this.reach();
    const row = this.find(key);
    if (!row) return null;
    if (row.text === marker || !this.isMark(row.text)) this.write(key, marker, ttl);
    return row.text;
  }

  async mark(key: string, length: number): Promise<StoredRecord | null> {
    await this.reach();
    const row = this.find(key);
    if (!row || this.isMark(row.text)) return null;
    row.text += ' '.repeat(length);
    row.revision = this.newRevision();
    return { record: row.text, revision: row.revision };
  }
}

export interface Enrolled {
  key: string;
  end: number;
  since: number;
}

export interface Mark {
  at: number;
  end: number;
}

/** The same with the abilities to know which sessions belong to a user. */
export class RightIndexingClient extends RightEndingClient implements IndexingStore {
  readonly indexes = new Map<string, Map<string, Enrolled>>();
  readonly marks = new Map<string, Mark>();

  async enroll(index: string, key: string, ttl: number, elapsed: number, from?: string): Promise<number | false> {
    await this.reach();
    const old = this.enrolled(index, key);
    if (this.isRefused(index, elapsed)) return false;
    const since = (old ?? this.enrolled(index, from))?.since ?? performance.now();
    this.put(index, { key, end: this.laterOf(old?.end ?? 0, this.endOf(ttl)), since });
    return this.ageOfMark(index);
  }

  async members(index: string, limit: number, after?: Pick<IndexMember, 'key' | 'end'>): Promise<IndexMember[]> {
    await this.reach();
    return this.sorted(index)
      .filter((member) => this.isAlive(member) && (!after || this.isAfter(member, after)))
      .slice(0, limit)
      .map(({ key, end, since }) => ({ key, end, enrolledAgo: this.ageOf(since) }));
  }

  async dismiss(index: string, entries: readonly { key: string; end?: number | undefined }[]): Promise<void> {
    await this.reach();
    for (const { key, end } of entries) {
      const member = this.enrolled(index, key);
      if (member && this.isMeant(member, end)) this.drop(index, key);
    }
  }

  async endedNow(index: string, keepFor: number): Promise<void> {
    await this.reach();
    this.note(index, {
      at: performance.now(),
      end: this.laterOf(this.marks.get(index)?.end ?? 0, Date.now() + keepFor),
    });
  }

  /** The member, unless it is past its end. */
  enrolled(index: string, key: string | undefined): Enrolled | undefined {
    const member = key === undefined ? undefined : this.indexes.get(index)?.get(this.memberOf(key));
    return member && this.isAlive(member) ? member : undefined;
  }

  isAlive(member: Enrolled): boolean {
    return member.end > Date.now();
  }

  ageOfMark(index: string): number {
    const mark = this.marks.get(index);
    return mark !== undefined && mark.end > Date.now() ? performance.now() - mark.at : Number.POSITIVE_INFINITY;
  }

  isRefused(index: string, elapsed: number): boolean {
    const mark = this.marks.get(index);
    return mark !== undefined && mark.end > Date.now() && performance.now() - mark.at <= elapsed;
  }

  laterOf(old: number, end: number): number {
    return Math.max(old, end);
  }

  put(index: string, member: Enrolled): void {
    const members = this.indexes.get(index) ?? new Map<string, Enrolled>();
    this.indexes.set(index, members.set(this.memberOf(member.key), member));
  }

  drop(index: string, key: string): void {
    this.indexes.get(index)?.delete(this.memberOf(key));
  }

  note(index: string, mark: Mark): void {
    this.marks.set(index, mark);
  }

  sorted(index: string): Enrolled[] {
    return [...(this.indexes.get(index)?.values() ?? [])].sort((a, b) => (this.isAfter(a, b) ? 1 : -1));
  }

  isAfter(member: Enrolled, { key, end }: Pick<IndexMember, 'key' | 'end'>): boolean {
    return member.end > end || (member.end === end && member.key > key);
  }

  isMeant(member: Enrolled, end: number | undefined): boolean {
    return end === undefined || member.end === end;
  }

  memberOf(key: string): string {
    return key;
  }

  ageOf(since: number): number {
    return performance.now() - since;
  }
}

/** The same with all abilities. Its pages are small. */
export class RightEnumerableClient extends RightIndexingClient implements EnumerableStore {
  readonly page: number = 4;

  async keys(prefix: string, cursor?: string): Promise<KeysFound> {
    await this.reach();
    const rest = this.records()
      .filter((key) => this.isMeantBy(prefix, key) && this.isBehind(cursor, key))
      .sort();
    const keys = rest.slice(0, this.page);
    return { keys, cursor: rest.length > keys.length ? this.cursorAt(keys.at(-1) as string) : undefined };
  }

  /** The keys of what has not expired. */
  records(): string[] {
    return [...this.rows.keys()].filter((key) => this.find(key) !== undefined);
  }

  isMeantBy(prefix: string, key: string): boolean {
    return key.startsWith(prefix) && !key.startsWith(`${prefix}\u001f`);
  }

  isBehind(cursor: string | undefined, key: string): boolean {
    return cursor === undefined || key > cursor;
  }

  cursorAt(key: string): string {
    return key;
  }
}

/** The same, which also passes messages and looks at many records at once. */
export class RightBroadcastingClient extends RightEnumerableClient implements PeekingStore, BroadcastingStore {
  readonly listeners: { channel: string; listener: (message: string) => void }[] = [];

  async peek(keys: readonly string[]): Promise<(string | null)[]> {
    await this.reach();
    return keys.map((key) => this.beginning(key));
  }

  beginning(key: string): string | null {
    return this.find(key)?.text.slice(0, 4) ?? null;
  }

  async publish(channel: string, message: string): Promise<void> {
    await this.reach();
    for (const listener of this.listenersOf(channel)) listener(message);
  }

  subscribe(channel: string, listener: (message: string) => void, began: () => void): () => void {
    const entry = { channel, listener };
    this.listeners.push(entry);
    setImmediate(began);
    return () => {
      this.listeners.splice(this.listeners.indexOf(entry), 1);
    };
  }

  listenersOf(published: string): ((message: string) => void)[] {
    return this.listeners.filter(({ channel }) => this.isOn(channel, published)).map(({ listener }) => listener);
  }

  isOn(channel: string, published: string): boolean {
    return channel === published;
  }
}
