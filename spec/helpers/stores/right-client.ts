import type {
  CompareAndSetStore,
  EndingStore,
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

/** The same with all abilities. */
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
