/** A flat copy: a slice keeps the text alive that it was cut from, a concatenation all its parts. */
export function compact(text: string): string {
  const copy = Buffer.from(text).toString();
  // UTF-8 cannot encode lone surrogates.
  return copy === text ? copy : text;
}
