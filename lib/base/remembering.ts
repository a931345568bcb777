/**
 * A function of texts that remembers its results.
 *
 * @param most number of results after which it forgets them all
 */
export function remembering(compute: (text: string) => string, most: number): (text: string) => string {
  const results = new Map<string, string>();
  return (text) => {
    let result = results.get(text);
    if (result === undefined) {
      result = compute(text);
      if (results.size >= most) results.clear();
      results.set(text, result);
    }
    return result;
  };
}
