// For specs: an OpenID provider on TLS with one client, as PROVIDER says in JSON. Any name and password log in.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const interop = createRequire(new URL('../../interop/package.json', import.meta.url));
const { default: Provider } = await import(pathToFileURL(interop.resolve('oidc-provider')).href);

const { cert, key, jwks, client } = JSON.parse(process.env['PROVIDER'] ?? '{}');
const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
server.listen(0, '127.0.0.1', () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  const provider = new Provider(`https://localhost:${port}`, {
    clients: [client],
    jwks,
    cookies: { keys: ['the key of the provider'] },
    // Its dispatcher refuses loopback, where the application is.
    fetch: (/** @type {URL} */ url, /** @type {{ dispatcher?: unknown }} */ { dispatcher: _, ...options }) =>
      fetch(url, options),
    features: { backchannelLogout: { enabled: true } },
  });
  provider.on('backchannel.error', (/** @type {unknown} */ _ctx, /** @type {Error} */ error) =>
    console.error('back-channel:', error.message),
  );
  server.on('request', provider.callback());
  console.log(`provider: https://localhost:${port}`);
});
