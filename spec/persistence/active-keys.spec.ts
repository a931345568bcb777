import { ActiveKeys } from '../../lib/persistence/active-keys';

describe('ActiveKeys', () => {
  it('finds what was added, until it is deleted', () => {
    const keys = new ActiveKeys<number>();
    keys.add('koa:sess:ann', 1);
    keys.add('koa:sess:bob', 2);
    expect([keys.get('koa:sess:ann'), keys.get('koa:sess:bob'), keys.get('koa:sess:eve')]).toEqual([1, 2, undefined]);
    keys.delete('koa:sess:ann');
    expect([keys.get('koa:sess:ann'), keys.get('koa:sess:bob')]).toEqual([undefined, 2]);
  });

  it.each([
    ['the first', 'first-same'],
    ['one in the middle', 'middle-same'],
    ['the last', 'last-same'],
  ])('distinguishes keys with the same end when %s of them is deleted', (_which, gone) => {
    const keys = new ActiveKeys<string>();
    const all = ['last-same', 'middle-same', 'first-same'];
    for (const key of all) keys.add(key, key);
    keys.delete(gone);
    expect(all.filter((key) => keys.get(key) === key)).toEqual(all.filter((key) => key !== gone));
  });

  it('accepts keys of any length, and changes nothing when a key is missing', () => {
    const keys = new ActiveKeys<string>();
    for (const key of ['', 'a', 'ab', 'ünïcode ☃']) keys.add(key, key);
    keys.delete('b');
    expect(['', 'a', 'ab', 'ünïcode ☃'].map((key) => keys.get(key))).toEqual(['', 'a', 'ab', 'ünïcode ☃']);
  });

  it('accepts a deleted key again', () => {
    const keys = new ActiveKeys<number>();
    keys.add('ann', 1);
    keys.delete('ann');
    keys.add('ann', 2);
    expect(keys.get('ann')).toBe(2);
  });
});
