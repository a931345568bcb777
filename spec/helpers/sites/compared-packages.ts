import type Koa from 'koa';

import predecessor = require('koa-generic-session');
import session = require('../../../lib/main');

import { member } from '../requests/variant';
import { MapClient } from '../stores/map-client';
import type { OpenClient } from '../stores/open-clients';
import { closedAfterTest } from './open-sites';
import { openSite, type Routes, type Site } from './session-site';

/** A site of the package under comparison, and the store behind it. */
export interface ComparedSite extends Site {
  readonly client: OpenClient;
}

export interface Bench {
  readonly defer: boolean;
  newClient(): OpenClient;
  open(
    options?: session.SessionOptions,
    routes?: Routes,
    setup?: { before?: Koa.Middleware; client?: OpenClient },
  ): Promise<ComparedSite>;
  /** A visitor who has a session with `user: 'ann'`. */
  member: typeof member;
}

/** What a user meets: with the fault, and without. */
interface Outcomes<T> {
  /** The result with koa-generic-session 2.3.1. */
  fault: T;
  right: T;
}

const MODES = { eager: false, defer: true };

/**
 * Plays one scenario with koa-generic-session 2.3.1, which shows that the fault is real and that the scenario finds it, and
 * with this package, which must not have it.
 */
export function compare<T>(
  title: string,
  modes: (keyof typeof MODES)[],
  scenario: (bench: Bench) => Promise<T>,
  { fault, right }: Outcomes<NoInfer<T>>,
): void {
  describe(title, () => {
    for (const mode of modes) {
      const play = (make: Make, newClient: () => OpenClient) => scenario(benchOf(make, newClient, MODES[mode]));
      it(`happens with koa-generic-session (${mode})`, async () => {
        expect(await play(predecessor as Make, () => new MapClient())).toEqual(fault);
      });
      it(`does not happen on a client that can only get, set and destroy (${mode})`, async () => {
        expect(await play(session, () => new MapClient())).toEqual(right);
      });
      it(`does not happen on a MemoryStore (${mode})`, async () => {
        expect(await play(session, () => new session.MemoryStore())).toEqual(right);
      });
    }
  });
}

type Make = (options: session.SessionOptions) => Koa.Middleware;

function benchOf(make: Make, newClient: () => OpenClient, defer: boolean): Bench {
  return {
    defer,
    newClient,
    member,
    async open(options = {}, routes = {}, { before, client = newClient() } = {}) {
      const middleware = make({ store: client, defer, ...options });
      const use = before === undefined ? [middleware] : [before, middleware];
      return { ...(await closedAfterTest(openSite({ use, routes }))), client };
    },
  };
}
