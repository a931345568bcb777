import { isAscii } from 'node:buffer';

/** Longest text that is decoded as a whole, in bytes: for a shorter one, splitting costs more. */
const SHORT = 1536;
/** Block size in bytes. */
const BLOCK = 1024;

/**
 * Decodes UTF-8. From the first non-ASCII character on, Node decodes byte by byte to the end; in blocks, such a
 * character slows down only its own block.
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

/** The first position from `at` on that is not inside a character of several bytes. */
function endOfLetter(bytes: Buffer, at: number): number {
  let end = Math.min(at, bytes.length);
  // Continuation bytes are 10xxxxxx (RFC 3629, section 3).
  while (end < bytes.length && ((bytes[end] as number) & 0xc0) === 0x80) end += 1;
  return end;
}
