import type { CookieOptions, Session } from '../base/types';
import type { SessionCookie } from '../cookies/session-cookie';
import type { Stored } from '../persistence/records';
import { type SessionData, stringify } from '../record/record';
import { Baseline } from './baseline';
import { HeldSession } from './held-session';
import type { SessionCodec } from './settings';

/** A session in the form of another package: a codec translates between it and its record, and its cookie is part of neither. */
export class CodedSession extends HeldSession {
  readonly #codec: SessionCodec;

  constructor(cookieDefaults: () => Readonly<CookieOptions>, codec: SessionCodec) {
    super(cookieDefaults);
    this.#codec = codec;
  }

  override get isEmpty(): boolean {
    return !this.current || this.#codec.isEmpty(this.current);
  }

  override text(session: Session): string {
    return stringify(() => this.#codec.toData(session));
  }

  override modifiedText(session: Session): string | undefined {
    const text = this.text(session);
    return text === this.stored?.text ? undefined : text;
  }

  override cookieOf(): SessionCookie {
    return this.cookieInUse;
  }

  override withCookie(session: Session): Session {
    return this.plain(session) as Session;
  }

  override asSent(): Session {
    return this.stored?.data as Session;
  }

  override cookiesAsSent(): CookieOptions[] {
    return [];
  }

  override dataOf(record: SessionData): SessionData {
    return this.#codec.dataOf(record);
  }

  override bind(stored: Stored): void {
    this.stored = new Baseline(stored, stored.data);
  }

  override takeStored(): Session {
    const stored = this.stored as Baseline;
    const session = this.#codec.make(stored.data) as Session;
    stored.compareWith(this.text(session));
    return session;
  }

  protected override make(): Session {
    return this.#codec.make(undefined) as Session;
  }

  protected override adopt(session: Session | null): Session | null {
    // What it takes the place of tells what has changed.
    if (this.stored !== undefined) this.take();
    return session && (this.#codec.make(session) as Session);
  }

  protected override plain(session: Session): SessionData {
    return this.#codec.toData(session);
  }
}
