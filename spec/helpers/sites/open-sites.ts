import session = require('../../../lib/main');

import type { Served } from '../http/serve';
import { openSite, type Routes, type Site, type SiteSetup } from './session-site';

const open = new Set<Served>();

// Registered in every spec file that imports this one.
afterEach(async () => {
  await Promise.all([...open].map((site) => site.close()));
  open.clear();
});

/** A site with these session options, closed after the test. */
export function siteWith(
  options: session.SessionOptions,
  routes?: Routes,
  setup: Partial<SiteSetup> & { keys?: string[] } = {},
): Promise<Site> {
  return closedAfterTest(openSite({ use: session(options), routes, ...setup }));
}

/** Any site, closed after the test. */
export async function closedAfterTest<Opened extends Served>(opening: Promise<Opened>): Promise<Opened> {
  const site = await opening;
  open.add(site);
  return site;
}
