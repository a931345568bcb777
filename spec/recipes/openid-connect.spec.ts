import { generateKeyPair, type KeyLike, SignJWT } from 'jose';
import { recipe } from '../helpers/docs/recipe';
import { type OpenIdProvider, startProvider } from '../helpers/openid/provider';
import { type Surfer, surfer } from '../helpers/openid/surfer';
import { freePort } from '../helpers/redis/server';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe('docs/recipes/openid-connect.md', () => {
  const program = recipe('openid-connect', "router.get('/callback'");
  let provider: OpenIdProvider;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}`;
    provider = await startProvider(url);
    await program.start({ SPEC_PORT: String(port), BASE_URL: url, ...provider.env });
  });
  afterAll(async () => {
    await program.end();
    await provider.stop();
  });

  interface Home {
    user?: string;
    cart?: string[];
  }
  const home = async (visitor: Surfer) => JSON.parse((await visitor.get(`${url}/`)).text) as Home;
  const id = (visitor: Surfer) => /koa\.sid=([^;]+)/.exec(visitor.cookies(url))?.[1];

  /** Logs in as somebody does: at the provider, with its forms. */
  async function logIn(visitor: Surfer, name: string, to = '/'): Promise<{ status: number; url: string }> {
    const form = await visitor.get(`${url}/login?to=${encodeURIComponent(to)}`);
    return provider.signIn(visitor, form, name);
  }

  it('logs in under a new id, keeps the basket and nothing else, and returns to the page', async () => {
    const visitor = surfer();
    await visitor.post(`${url}/cart/tea`);
    const planted = visitor.cookies(url);
    const last = await logIn(visitor, 'ann', '/?from=here');
    expect(last).toMatchObject({ status: 200, url: `${url}/?from=here` });
    expect(await home(visitor)).toEqual({ user: 'ann', cart: ['tea'] });
    expect(visitor.cookies(url)).not.toBe(planted);
    const thief = surfer();
    expect(JSON.parse((await thief.get(`${url}/`, { cookie: planted })).text)).toEqual({});
  });

  it('sends a state, a nonce and a challenge, each time others', async () => {
    const visitor = surfer();
    const parameters = async () => {
      const { headers } = await visitor.get(`${url}/login`, {}, { follow: false });
      return new URL(String(headers.location)).searchParams;
    };
    const [one, other] = [await parameters(), await parameters()];
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect([name, one.get(name)?.length]).toEqual([name, 43]);
      expect(one.get(name)).not.toBe(other.get(name));
    }
    expect(one.get('code_challenge_method')).toBe('S256');
  });

  it('lets two tabs begin a login: the first to come back logs in, and the other is sent to the first page', async () => {
    const visitor = surfer();
    await visitor.post(`${url}/cart/tea`);
    const [first, second] = await Promise.all([visitor.get(`${url}/login`), visitor.get(`${url}/login?to=/?second`)]);
    expect((await provider.signIn(visitor, first, 'ann')).status).toBe(200);
    expect(await provider.signIn(visitor, second, 'ann')).toMatchObject({ status: 200, url: `${url}/` });
    expect(await home(visitor)).toEqual({ user: 'ann', cart: ['tea'] });
  });

  it('refuses one of two logins that begin at once without a session', async () => {
    const visitor = surfer();
    const statuses: number[] = [];
    const forms = await Promise.all([visitor.get(`${url}/login`), visitor.get(`${url}/login`)]);
    const cookie = visitor.cookies(url);
    for (const form of forms) {
      const callback = await provider.callbackOf(visitor, form, 'ann');
      statuses.push((await surfer().get(callback, { cookie }, { follow: false })).status);
    }
    expect(statuses.sort()).toEqual([302, 400]);
  });

  it('refuses a callback that the visitor did not ask for, and does nothing if one comes again', async () => {
    const [ann, eve] = [surfer(), surfer()];
    const callback = await provider.callbackOf(eve, await eve.get(`${url}/login`), 'eve');
    expect((await ann.get(callback)).status).toBe(400);
    expect((await eve.get(callback)).status).toBe(200);
    const before = eve.cookies(url);
    expect([(await eve.get(callback)).status, eve.cookies(url) === before]).toEqual([200, true]);
    expect([await home(ann), await home(eve)]).toEqual([{}, { user: 'eve' }]);
  });

  it('answers 403 if the provider refuses the login', async () => {
    const visitor = surfer();
    const { headers } = await visitor.get(`${url}/login`, {}, { follow: false });
    const state = new URL(String(headers.location)).searchParams.get('state');
    const refused = `${url}/callback?error=access_denied&state=${state}&iss=${encodeURIComponent(provider.issuer)}`;
    expect([(await visitor.get(refused)).status, (await visitor.get(refused)).status]).toEqual([403, 400]);
  });

  it.each(['https://evil.example/', '//evil.example/', '/\\evil.example', 'javascript:alert(1)'])(
    'does not return to another site: %s',
    async (to) => {
      expect((await surfer().get(`${url}/login?to=${encodeURIComponent(to)}`)).status).toBe(400);
    },
  );

  it('logs out here and at the provider', async () => {
    const visitor = surfer();
    await logIn(visitor, 'ann');
    const before = visitor.cookies(url);
    const question = await visitor.post(`${url}/logout`);
    expect(question.url).toMatch(`${provider.issuer}/session/end`);
    expect(await home(visitor)).toEqual({});
    expect(JSON.parse((await surfer().get(`${url}/`, { cookie: before })).text)).toEqual({});
    const last = await provider.confirmLogout(visitor, question);
    expect(last).toMatchObject({ status: 200, url: `${url}/` });
    expect((await visitor.get(`${url}/login`)).text).toContain('name="login"');
  });

  it('ends the session of the browser that logs out at the provider, and no other', async () => {
    const [phone, laptop, bob] = [surfer(), surfer(), surfer()];
    for (const visitor of [phone, laptop]) await logIn(visitor, 'ann');
    await logIn(bob, 'bob');
    const old = id(phone);
    await provider.confirmLogout(phone, await phone.get(`${provider.issuer}/session/end`));
    expect([id(phone), await home(phone)]).toEqual([old, {}]);
    expect([await home(laptop), await home(bob)]).toEqual([{ user: 'ann' }, { user: 'bob' }]);
  });

  describe('with a logout token', () => {
    let ann: Surfer;
    beforeEach(async () => {
      ann = surfer();
      await logIn(ann, 'ann');
    });

    const claims = { sub: 'ann', jti: 'one', events: { [EVENT]: {} } };
    async function tell(payload: object, { key = provider.key, audience = provider.clientId } = {}): Promise<number> {
      const token = new SignJWT({ ...payload }).setProtectedHeader({ alg: 'ES256', kid: 'spec' });
      const signed = await token
        .setIssuer(provider.issuer)
        .setAudience(audience)
        .setIssuedAt()
        .sign(key as KeyLike);
      const body = new URLSearchParams({ logout_token: signed }).toString();
      return (await surfer().post(`${url}/backchannel-logout`, body)).status;
    }

    it('ends all sessions of the user if it names no session', async () => {
      const [tablet, bob] = [surfer(), surfer()];
      await logIn(tablet, 'ann');
      await logIn(bob, 'bob');
      expect(await tell(claims)).toBe(200);
      expect([await home(ann), await home(tablet), await home(bob)]).toEqual([{}, {}, { user: 'bob' }]);
    });

    it('accepts no token that is forged, old, for another client, or an ID token', async () => {
      const { privateKey } = await generateKeyPair('ES256');
      expect(await tell(claims, { key: privateKey })).toBe(400);
      expect(await tell(claims, { audience: 'another' })).toBe(400);
      expect(await tell({ ...claims, events: undefined })).toBe(400);
      expect(await tell({ ...claims, nonce: 'one' })).toBe(400);
      expect(await tell({ ...claims, sub: undefined, sid: 'one' })).toBe(400);
      expect((await surfer().post(`${url}/backchannel-logout`)).status).toBe(400);
      expect(await home(ann)).toEqual({ user: 'ann' });
    });
  });
});
