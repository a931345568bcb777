import type { Command } from './command';
import { acl } from './commands/acl';
import { count } from './commands/count';
import { doctor } from './commands/doctor';
import { end } from './commands/end';
import { index } from './commands/index';
import { list } from './commands/list';
import { reseal } from './commands/reseal';

/** All commands, in the order in which the help lists them. */
export const COMMANDS: readonly Command[] = [doctor, acl, count, list, end, index, reseal];
