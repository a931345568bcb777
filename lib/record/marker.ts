import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { hashedName } from '../base/hashed-names';
import { isRegeneratedMarker } from './record';
import { stampOf } from './unfinished';

/** The content of a regenerated session's marker. */
export interface Marker {
  /**
   * The name under which the session continues in the store: its id, or the hash of it. Follow it only to end that
   * session or to judge a cookie; never read the session through it or send it out.
   */
  successor: string;
  /** Distinguishes the marker from others. */
  stamp?: string | undefined;
  /** The id under which the session continues, unless the store holds only its hash. */
  id?: string | undefined;
  /** That id, sealed for those who have the id before. */
  sealedId?: Buffer | undefined;
  /**
   * Whether the successor took over the session's data. After a login it did not: the old session ended with the
   * marker.
   */
  keepsData: boolean;
  /**
   * When the session got a new id only because of its age, in milliseconds since 1970. For a while, requests with the
   * old id may read the successor.
   */
  renewedAt?: number | undefined;
  /** Whether the session has kept its id, and only moved to another key. */
  isMove?: boolean | undefined;
}

/** What a marker is written from. */
export interface MarkerContent extends Pick<Marker, 'keepsData' | 'renewedAt' | 'isMove'> {
  /** The id under which the session continues; `''` if it ends. */
  successor: string;
  /**
   * Names the successor by the hash of its id. With the id that the session had before, also tells the new one to those
   * who present that: what lies in the store is of no use without it.
   */
  hashed?: { before: string | undefined } | undefined;
}

/** JSON's white space, which other readers ignore, as digits of two bits each. */
const SPACES = [' ', '\t', '\n', '\r'] as const;
/** Random bytes that distinguish the markers of different requests. */
const RANDOM_BYTES = 8;
/** Enough for milliseconds since 1970. */
const TIME_BYTES = 6;
/** Flags in a marker's first byte. */
const KEEPS_DATA = 1;
const RENEWS = 2;
const HASHED = 4;
const MOVES = 8;
/** Length of a hashed name. Behind it is the sealed id, if there is one. */
const NAME_LENGTH = 43;

/**
 * The text that replaces the record of a regenerated session: JSON's `null`, which no reader takes for a session, and
 * white space that encodes the successor.
 */
export function regeneratedMarker({ successor, keepsData, renewedAt, hashed, isMove }: MarkerContent): string {
  const time = Buffer.alloc(renewedAt === undefined ? 0 : TIME_BYTES);
  if (renewedAt !== undefined) time.writeUIntBE(renewedAt, 0, TIME_BYTES);
  const isHashed = hashed !== undefined && successor !== '';
  const flags = [
    keepsData && KEEPS_DATA,
    renewedAt !== undefined && RENEWS,
    isHashed && HASHED,
    isMove === true && MOVES,
  ].reduce<number>((all, flag) => all | Number(flag), 0);
  const random = randomBytes(RANDOM_BYTES);
  const name = Buffer.from(isHashed ? hashedName(successor) : successor);
  const sealed = isHashed && hashed.before !== undefined ? sealId(successor, hashed.before, random) : Buffer.alloc(0);
  return `null${spaced(Buffer.concat([Buffer.of(flags), random, time, name, sealed]))}`;
}

/** The marker of a session that ends, and does not continue under another id. */
export function endMarker(): string {
  return regeneratedMarker({ successor: '', keepsData: false });
}

/** The content of a marker; `undefined` for any other record, and for a marker without a successor. */
export function readMarker(record: string): Marker | undefined {
  if (!isRegeneratedMarker(record)) return undefined;
  const bytes = unspaced(record.slice('null'.length));
  const flags = bytes[0] ?? 0;
  const isRenewal = (flags & RENEWS) !== 0 && bytes.length > 1 + RANDOM_BYTES + TIME_BYTES;
  const rest = bytes.subarray(1 + RANDOM_BYTES + (isRenewal ? TIME_BYTES : 0));
  if (rest.length === 0) return undefined;
  const marker: Marker = {
    ...successorIn(rest, flags, bytes),
    stamp: stampOf(record),
    keepsData: (flags & KEEPS_DATA) !== 0,
  };
  if ((flags & MOVES) !== 0) marker.isMove = true;
  return isRenewal ? { ...marker, renewedAt: bytes.readUIntBE(1 + RANDOM_BYTES, TIME_BYTES) } : marker;
}

function successorIn(rest: Buffer, flags: number, bytes: Buffer): Pick<Marker, 'successor' | 'id' | 'sealedId'> {
  if ((flags & HASHED) === 0) return { successor: rest.toString(), id: rest.toString() };
  const successor = rest.toString('latin1', 0, NAME_LENGTH);
  if (rest.length <= NAME_LENGTH) return { successor };
  const random = bytes.subarray(1, 1 + RANDOM_BYTES);
  return { successor, sealedId: Buffer.concat([random, rest.subarray(NAME_LENGTH)]) };
}

/** Whether a session goes on under this id. */
export function isSuccessor(sid: string, { id, successor }: Marker): boolean {
  return id === undefined ? hashedName(sid) === successor : sid === id;
}

/** The id under which the session `before` goes on; `undefined` if the marker does not tell it to those who have that id. */
export function successorOf({ id, sealedId }: Marker, before: string): string | undefined {
  return id ?? (sealedId && openId(sealedId, before));
}

const CIPHER = 'aes-256-gcm';
const KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;

/** The store holds only the hash of the id before, from which nobody can derive this key. It is used once. */
function keyFrom(before: string, salt: Buffer): [key: Buffer, iv: Buffer] {
  const bytes = Buffer.from(hkdfSync('sha256', before, salt, 'koa-evented-session successor', KEY_BYTES + IV_BYTES));
  return [bytes.subarray(0, KEY_BYTES), bytes.subarray(KEY_BYTES)];
}

function sealId(sid: string, before: string, salt: Buffer): Buffer {
  const cipher = createCipheriv(CIPHER, ...keyFrom(before, salt));
  const text = Buffer.concat([cipher.update(sid), cipher.final()]);
  return Buffer.concat([cipher.getAuthTag(), text]);
}

function openId(sealed: Buffer, before: string): string | undefined {
  const salt = sealed.subarray(0, RANDOM_BYTES);
  const tag = sealed.subarray(RANDOM_BYTES, RANDOM_BYTES + TAG_BYTES);
  if (tag.length < TAG_BYTES) return undefined;
  const decipher = createDecipheriv(CIPHER, ...keyFrom(before, salt), { authTagLength: TAG_BYTES }).setAuthTag(tag);
  try {
    const text = [decipher.update(sealed.subarray(RANDOM_BYTES + TAG_BYTES)), decipher.final()];
    return Buffer.concat(text).toString();
  } catch {
    return undefined;
  }
}

function spaced(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) for (const shift of [6, 4, 2, 0]) text += SPACES[(byte >> shift) & 3];
  return text;
}

function unspaced(text: string): Buffer {
  const bytes: number[] = [];
  for (let at = 0; at + 4 <= text.length; at += 4) {
    bytes.push([...text.slice(at, at + 4)].reduce((byte, space) => (byte << 2) | SPACES.indexOf(space as ' '), 0));
  }
  return Buffer.from(bytes);
}
