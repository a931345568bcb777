/** Random numbers that a seed repeats (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const NAMES = ['koa.sid', 'koa.sid.sig', 'koa:sess', 'KOA.SID', '__proto__', 'a', '', ' ', '$Version'];
const VALUES = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    '',
    '"',
    '""',
    '"a',
    'null',
    'undefined',
    '{}',
    '[]',
    '0',
  ],
  ...['%00', '%0d%0a', '../../..', 'koa:sess:', 'a=b', '\t', '=', ',', 'j:{"a":1}', 's:a.b'],
];
const PRINTABLE = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~%&\'()*+,/:;<=>?@[]^`{|}"\\ \t';

/** Makes Cookie headers: noise, near misses, and mutations of a valid one. */
export function cookieNoise(random: () => number, valid: string): () => string {
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const times = (count: number, make: () => string) => Array.from({ length: count }, make).join('');

  /** Controls are for Node to refuse; they come seldom, since it hangs up. */
  const byte = () => String.fromCharCode(random() < 0.005 ? below(32) : 128 + below(128));
  const character = () => (random() < 0.1 ? byte() : pick([...PRINTABLE]));
  const value = () => {
    const kind = random();
    if (kind < 0.3) return pick(VALUES);
    if (kind < 0.5) return times(24, () => pick([...PRINTABLE.slice(0, 64)]));
    if (kind < 0.51) return times(4000 + below(6000), () => 'x');
    return times(below(40), character);
  };
  const cookie = () => `${random() < 0.8 ? pick(NAMES) : times(below(8), character)}=${value()}`;
  const noise = () => Array.from({ length: 1 + below(5) }, cookie).join(pick([';', '; ', ' ;', ', ', ';;']));

  const mutations: ((header: string, at: number) => string)[] = [
    (header, at) => header.slice(0, at) + header.slice(at + 1),
    (header, at) => header.slice(0, at) + character() + header.slice(at),
    (header, at) => header.slice(0, at) + character() + header.slice(at + 1),
    (header, at) => header.slice(0, at) + header.slice(at, at + 4).toUpperCase() + header.slice(at + 4),
    (header, at) => header.slice(0, at),
    (header, at) => header.slice(at),
    (header, at) => `${header.slice(0, at)}${header}`,
    (header) => header.split('; ').reverse().join('; '),
    (header) => `${cookie()}; ${header}`,
    (header) => header.replace(/=([^;]*)/g, '="$1"'),
    (header) => header.replaceAll('.sig', ''),
  ];
  const mutation = () => {
    let header = valid;
    for (let left = 1 + below(3); left > 0; left -= 1) header = pick(mutations)(header, below(header.length + 1));
    return header;
  };

  return () => (random() < 0.5 ? noise() : mutation());
}
