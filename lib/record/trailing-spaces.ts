/** The text without the spaces at its end. Other white space stays. */
export function withoutSpaces(text: string): string {
  let { length } = text;
  while (text[length - 1] === ' ') length -= 1;
  return text.slice(0, length);
}
