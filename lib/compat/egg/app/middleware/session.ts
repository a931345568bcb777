import type Koa = require('koa');

import { createSession } from '../../../koa-session/middleware';
import type { EggApplication, EggSessionConfig } from '../../egg-application';

/** The session middleware, as Egg makes it of `config.session`. */
function session(config: EggSessionConfig, app: EggApplication): Koa.Middleware {
  return createSession(config, app);
}

export = session;
