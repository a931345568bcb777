import { MemoryStore, type SessionOptions } from '../../../lib/main';
import type { Reply } from '../http/serve';
import { member } from '../requests/variant';
import { siteWith } from '../sites/open-sites';
import type { Routes } from '../sites/session-site';
import { MapClient } from '../stores/map-client';
import type { OpenClient } from '../stores/open-clients';

/** For `describe.each`: a client of either guarantee. */
export const eitherClient: [string, () => OpenClient][] = [
  ['a MemoryStore', () => new MemoryStore()],
  ['a client that can only get, set and destroy', () => new MapClient()],
];

/**
 * A site and a member of it, `user: 'ann'`. Its routes can run another request of hers while they run:
 * `meanwhile('/logout')`.
 */
export async function siteWithMember(
  options: SessionOptions,
  routes: (meanwhile: (path: string) => Promise<Reply>) => Routes = () => ({}),
) {
  let ann: Awaited<ReturnType<typeof member>> | undefined;
  const meanwhile = async (path: string) => {
    if (ann === undefined) throw new Error('nobody is a member yet');
    return ann.get(path);
  };
  const site = await siteWith(options, routes(meanwhile));
  ann = await member(site);
  return { site, ann, see: async () => ((await meanwhile('/see')) as Reply).json<unknown>() };
}
