import { codeBlocks } from '../helpers/docs/markdown';
import { recipe } from '../helpers/docs/recipe';
import { type OpenIdProvider, startProvider } from '../helpers/openid/provider';
import { type Chromium, startChromium } from '../helpers/programs/chromium';
import { freePort } from '../helpers/redis/server';

describe('docs/recipes/openid-connect.md in Chromium', () => {
  /** Tells in which requests of the callback the session's cookie came; adds the page's handler of a form. */
  const watched = (sameSite: string, mode: string) => (code: string) => {
    const handler = codeBlocks('docs/recipes/openid-connect.md').find((block) =>
      block.code.startsWith("router.post('/callback'"),
    );
    return code
      .replace("sameSite: 'lax'", `sameSite: '${sameSite}'`)
      .replace("scope: 'openid',", `scope: 'openid', response_mode: '${mode}',`)
      .replace('const app = new Koa();', `${handler?.code}\nconst app = new Koa();`)
      .replace(
        'app.use(sessions);',
        `app.use((ctx, next) => {
          if (ctx.path === '/callback') console.log(ctx.method, ctx.get('Cookie') ? 'with' : 'without');
          return next();
        });
        app.use(sessions);`,
      );
  };
  const setups = [
    { sameSite: 'lax', mode: 'query', heard: ['GET with'], user: 'ann' },
    { sameSite: 'strict', mode: 'query', heard: ['GET without'], user: undefined },
    { sameSite: 'lax', mode: 'form_post', heard: ['POST without', 'GET with'], user: 'ann' },
    { sameSite: 'strict', mode: 'form_post', heard: ['POST without', 'GET without'], user: undefined },
  ] as const;
  const programs = setups.map(({ sameSite, mode }) =>
    recipe('openid-connect', "router.get('/callback'", watched(sameSite, mode)),
  );

  let browser: Chromium;
  let provider: OpenIdProvider;
  let port: number;
  beforeAll(async () => {
    browser = await startChromium();
    port = await freePort();
    provider = await startProvider(`http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    await browser.close();
    await provider.stop();
  });

  it.each(setups.map((setup, index) => [setup.sameSite, setup.mode, setup, programs[index]] as const))(
    'comes back with `%s` and %s',
    async (_sameSite, _mode, { heard, user }, program) => {
      const url = `http://127.0.0.1:${port}`;
      await program?.start({ SPEC_PORT: String(port), BASE_URL: url, ...provider.env });
      const page = await browser.open({ ignoreHTTPSErrors: true });
      await page.goto(`${url}/login`);
      await page.fill('[name=login]', 'ann');
      await page.fill('[name=password]', 'any');
      await page.click('[type=submit]');
      await page.click('[type=submit]');
      await page.waitForURL((at) => at.href.startsWith(url));
      await page.goto(`${url}/`);
      expect(program?.program.output.match(/^(GET|POST) with(out)?$/gm)).toEqual(heard);
      expect(JSON.parse(await page.innerText('body')).user).toBe(user);
      await program?.end();
      await browser.forget();
    },
  );
});
