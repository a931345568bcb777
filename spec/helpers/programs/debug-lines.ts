import { format, stripVTControlCharacters } from 'node:util';

import createDebug = require('debug');

/** Turns debug output on in each test, printing nothing. Gives the lines since the last time, without colours and times. */
export function heardDebugLines(): () => string[] {
  let lines: string[] = [];
  let log: typeof createDebug.log;
  beforeEach(() => {
    lines = [];
    log = createDebug.log;
    createDebug.log = (...args: unknown[]) => {
      lines.push(format(...args));
    };
    createDebug.enable('koa-evented-session:*');
  });
  afterEach(() => {
    createDebug.disable();
    createDebug.log = log;
  });
  return () =>
    lines
      .splice(0)
      .map((line) => /koa-evented-session:(.*)/.exec(line)?.[1] ?? line)
      .map((line) => stripVTControlCharacters(line).replace(/ \+\w+$/, ''))
      .map((line) => line.replace(/\d+(?= bytes)/, 'some'));
}
