import Koa from 'koa';
import session from '../../../lib/koa-session';

describe('options that the entry point for koa-session does not have', () => {
  it.each(['user', 'device', 'maxPerUser', 'renewId', 'absoluteTimeout', 'ids'])('are warned of: %s', (name) => {
    const warnings = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const app = new Koa();
    app.keys = ['a key of the specs, which is long enough'];
    session({ [name]: 1 } as object, app);
    expect(warnings.mock.calls.map(([text]) => text)).toEqual([
      `koa-evented-session does not know koa-session's option \`${name}\`; use the middleware of \`koa-evented-session\` itself`,
    ]);
    warnings.mockRestore();
  });
});
