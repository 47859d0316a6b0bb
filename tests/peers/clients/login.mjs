// A TypeScript SDK v1 client that knows an address and nothing else: the 401 and the metadata lead it to the provider,
// where it logs in (the browser is played here), and back with a token.
//
//   node login.mjs URL TOOL      prints one JSON line: { issuer, resource, result } or { error }
import { from, print } from './job.mjs';
const require = from('ts-v1');
const sdk = (path) => require(`@modelcontextprotocol/sdk/${path}.js`);
const { Client } = sdk('client/index');
const { StreamableHTTPClientTransport } = sdk('client/streamableHttp');

const [, , , url, tool] = process.argv;
const kept = {};
let asked;
const provider = {
  redirectUrl: 'http://127.0.0.1/callback',
  clientMetadata: { redirect_uris: ['http://127.0.0.1/callback'], client_name: 'carnet-tests', token_endpoint_auth_method: 'none' },
  clientInformation: () => ({ client_id: 'desktop' }),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => { kept.tokens = tokens; },
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => { kept.verifier = verifier; },
  redirectToAuthorization: (to) => { asked = to; },
};

/** Follows redirects with cookies until the callback address comes up. */
async function browse(at) {
  const jar = new Map();
  while (!at.startsWith(provider.redirectUrl)) {
    const cookie = [...jar].map(([k, v]) => `${k}=${v}`).join('; ');
    const r = await fetch(at, { redirect: 'manual', headers: { cookie } });
    for (const c of r.headers.getSetCookie()) {
      const [pair] = c.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const next = r.headers.get('location');
    if (!next) throw new Error(`no redirect: ${r.status} ${await r.text()}`);
    at = new URL(next, at).href;
  }
  return new URL(at).searchParams;
}

const open = () => new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
const client = () => new Client({ name: 'carnet-tests-login', version: '1.0.0' });
try {
  const first = open();
  await client().connect(first).then(() => { throw new Error('no login was asked for'); }, (e) => { if (!asked) throw e; });
  const back = await browse(asked.href);
  if (!back.get('code')) throw new Error(`no code: ${back}`);
  await first.finishAuth(back.get('code'));
  const session = client();
  await session.connect(open());
  const result = await session.callTool({ name: tool, arguments: {} });
  print({ issuer: asked.origin, resource: asked.searchParams.get('resource'), result });
} catch (e) {
  print({ error: String(e?.stack ?? e) });
}
process.exit(0);
