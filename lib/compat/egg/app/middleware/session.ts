import type Koa = require('koa');

import { createSession } from '../../../koa-session/middleware';
import type { EggApplication, EggSessionConfig } from '../../egg-application';

/** Creates the session middleware from `config.session`, as Egg calls it. */
function session(config: EggSessionConfig, app: EggApplication): Koa.Middleware {
  return createSession(config, app);
}

export = session;
