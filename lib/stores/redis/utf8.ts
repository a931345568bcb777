import { isAscii } from 'node:buffer';

/** Bytes of the longest text that is decoded as one: blocks of it would cost more. */
const SHORT = 1536;
/** Bytes that are decoded at a time. */
const BLOCK = 1024;

/**
 * The text of UTF-8 bytes. From the first letter on that is no ASCII, Node decodes byte by byte, to the end: block by block such
 * a letter slows down only its own block.
 */
export function textOf(bytes: Buffer): string {
  if (bytes.length <= SHORT || isAscii(bytes)) return bytes.toString();
  let text = '';
  for (let start = 0; start < bytes.length; ) {
    const end = endOfLetter(bytes, start + BLOCK);
    text += bytes.toString(isAscii(bytes.subarray(start, end)) ? 'latin1' : 'utf8', start, end);
    start = end;
  }
  return text;
}

/** The first position from `at` on that is not within a letter of several bytes. */
function endOfLetter(bytes: Buffer, at: number): number {
  let end = Math.min(at, bytes.length);
  // Bytes that go on with a letter are 10xxxxxx (RFC 3629, 3).
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end += 1;
  return end;
}
