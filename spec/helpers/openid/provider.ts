import { exportJWK, generateKeyPair, type KeyLike } from 'jose';
import { makeCertificate } from '../network/certificate';
import { startNode } from '../programs/node-program';
import type { Answer, Surfer } from './surfer';

/** An OpenID provider on loopback, over TLS, that knows the application at one address. */
export interface OpenIdProvider {
  readonly issuer: string;
  readonly clientId: string;
  /** Signs its tokens. */
  readonly key: KeyLike;
  /** What the application is configured with. */
  readonly env: Record<string, string>;
  /** Logs in and agrees, from the login form on; the answer of the application. */
  signIn(visitor: Surfer, form: Answer, name: string): Promise<Answer>;
  /** The same up to the address of the callback, which is not asked for. */
  callbackOf(visitor: Surfer, form: Answer, name: string): Promise<string>;
  /** Agrees to log out, from the question on. */
  confirmLogout(visitor: Surfer, question: Answer): Promise<Answer>;
  stop(): Promise<void>;
}

export async function startProvider(baseUrl: string): Promise<OpenIdProvider> {
  const certificate = await makeCertificate();
  const { privateKey } = await generateKeyPair('ES256', { extractable: true });
  const jwk = { ...(await exportJWK(privateKey)), kid: 'spec', alg: 'ES256', use: 'sig' };
  const client = {
    client_id: 'shop',
    client_secret: 'the secret of the shop',
    id_token_signed_response_alg: 'ES256',
    redirect_uris: [`${baseUrl}/callback`],
    post_logout_redirect_uris: [`${baseUrl}/`],
    backchannel_logout_uri: `${baseUrl}/backchannel-logout`,
    backchannel_logout_session_required: true,
  };
  const { cert, key } = certificate;
  const program = await startNode(['spec/helpers/programs/oidc-provider.mjs'], {
    PROVIDER: JSON.stringify({ cert, key, jwks: { keys: [jwk] }, client }),
  });
  const [, issuer = ''] = await program.says(/^provider: (\S+)$/m);
  const isCallback = (target: string) => target.startsWith(`${baseUrl}/callback`);

  /** Fills in the forms in turn, until the application is asked. */
  async function callbackOf(visitor: Surfer, form: Answer, name: string): Promise<string> {
    let page = form;
    for (const body of [{ prompt: 'login', login: name, password: 'any' }, { prompt: 'consent' }]) {
      if (isCallback(page.url)) break;
      const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(page.text) ?? [];
      page = await visitor.post(action, new URLSearchParams(body).toString(), { until: isCallback });
    }
    if (!isCallback(page.url)) throw new Error(`The provider did not log in: ${page.url} ${page.text}`);
    return page.url;
  }

  return {
    issuer,
    clientId: client.client_id,
    key: privateKey,
    env: {
      ISSUER_URL: issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: client.client_secret,
      NODE_EXTRA_CA_CERTS: cert,
    },
    callbackOf,
    signIn: async (visitor, form, name) => visitor.get(await callbackOf(visitor, form, name)),
    confirmLogout: async (visitor, question) => {
      const [, action = ''] = /<form[^>]* action="([^"]+)"/.exec(question.text) ?? [];
      const [, xsrf = ''] = /name="xsrf" value="([^"]+)"/.exec(question.text) ?? [];
      return visitor.post(action, new URLSearchParams({ xsrf, logout: 'yes' }).toString());
    },
    stop: async () => {
      await program.end();
      await certificate.remove();
    },
  };
}
