// An OpenID provider for tests (the certified npm oidc-provider), with what a test needs to change while it runs:
//
//   node provider.mjs [RESOURCE...]     listens on a free port, prints `ready ISSUER`; RESOURCE: accepted audiences
//
//   POST /admin/rotate {"keep": bool}               a new signing key; the old ones stay published or go
//   POST /admin/groups {"user": "...", "groups": []} what the next tokens of that user or client say
//   POST /admin/region {"user": "...", "region": "..."}   where the next tokens say that user is
//   POST /admin/expired {"user": "...", "resource": "..."}   a token as above that ended two minutes ago
//   POST /admin/page {"redirect": "..."}   registers the client `page` of the gateway's page, with a secret
//   POST /admin/person {"user": "...", "acr": "...", "age": 0}   who is at the browser: whoever signs in from now on, how, and
//                                                  how many seconds ago the provider says that was
//   POST /admin/act {"user": "...", "act": {}}     who the next tokens of that user say acts for them
//   POST /admin/login  {"user": "...", "resource": "..."}    authorization code with PKCE, as a browser would; the tokens
//   POST /admin/client {"client": "ci-bot", "resource": "..."}  client credentials; the tokens
//
// It is reachable on loopback only, and everybody who reaches it is an administrator.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.CARNET_PEERS, 'npm/oidc/package.json'));
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { default: Provider } = await load('oidc-provider');
const jose = await load('jose');

const users = {
  alice: { email: 'alice@example.com', groups: ['analysts'] },
  bob: { email: 'bob@example.com', groups: ['contractors'] },
  petra: { email: 'petra@example.com', groups: ['privacy'] },
};
const clients = { 'ci-bot': ['automation'], 'agent': ['agents'] };
const ttl = 300;
let keys = [];
let person = 'alice';
let how = {};
const acts = {};
let pages = [];
let provider;
const resources = process.argv.slice(2);

const newKey = async () => {
  const { privateKey } = await jose.generateKeyPair('ES256', { extractable: true });
  return { ...(await jose.exportJWK(privateKey)), alg: 'ES256', use: 'sig', kid: randomUUID() };
};

const server = createServer((req, res) => app(req, res).catch((e) => { res.statusCode = 500; res.end(String(e?.stack ?? e)); }));
await new Promise((done) => server.listen(0, '127.0.0.1', done));
const issuer = `http://127.0.0.1:${server.address().port}`;

const build = () => new Provider(issuer, {
  jwks: { keys },
  clients: [
    ...Object.keys(clients).map((id) => ({ client_id: id, client_secret: `${id}-secret`, grant_types: ['client_credentials'], redirect_uris: [], response_types: [] })),
    ...pages,
    { client_id: 'desktop', token_endpoint_auth_method: 'none', application_type: 'native', grant_types: ['authorization_code', 'refresh_token'], redirect_uris: ['http://127.0.0.1/callback'], response_types: ['code'] },
  ],
  clientDefaults: { id_token_signed_response_alg: 'ES256' },
  scopes: ['openid', 'offline_access', 'mcp'],
  claims: { openid: ['sub'], email: ['email'], groups: ['groups', 'region'] },
  // As most providers do, the ID token has the groups.
  conformIdTokenClaims: false,
  acrValues: ['password', 'smartcard'],
  pkce: { required: () => true },
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    introspection: { enabled: true, allowedPolicy: () => true },
    registration: { enabled: true },
    revocation: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => resources[0],
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, resource) => ({ scope: 'mcp', audience: resource, accessTokenTTL: ttl, accessTokenFormat: 'jwt', jwt: { sign: { alg: 'ES256' } } }),
    },
  },
  extraTokenClaims: (_ctx, token) => token.kind === 'ClientCredentials'
    ? { groups: clients[token.clientId] ?? [] }
    : { groups: users[token.accountId]?.groups ?? [], email: users[token.accountId]?.email, ...(acts[token.accountId] && { act: acts[token.accountId] }) },
  findAccount: (_ctx, id) => users[id] && ({ accountId: id, claims: () => ({ sub: id, ...users[id] }) }),
  interactions: { url: (_ctx, i) => `/login/${i.uid}` },
  cookies: { keys: ['test'] },
  ttl: { AccessToken: () => ttl, ClientCredentials: () => ttl, IdToken: 300, Session: 3600, Grant: 3600, Interaction: 600 },
});

/** Login and consent without a person: the login hint is the user. */
async function interact(req, res) {
  const d = await provider.interactionDetails(req, res);
  if (d.prompt.name === 'login') {
    return provider.interactionFinished(req, res, { login: { accountId: d.params.login_hint ?? person, ...how } }, { mergeWithLastSubmission: false });
  }
  const grant = d.grantId ? await provider.Grant.find(d.grantId) : new provider.Grant({ accountId: d.session.accountId, clientId: d.params.client_id });
  const missing = d.prompt.details;
  if (missing.missingOIDCScope) grant.addOIDCScope(missing.missingOIDCScope.join(' '));
  if (missing.missingOIDCClaims) grant.addOIDCClaims(missing.missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missing.missingResourceScopes ?? {})) grant.addResourceScope(resource, scopes.join(' '));
  return provider.interactionFinished(req, res, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
}

const form = (body, headers = {}) => fetch(`${issuer}/token`, { method: 'POST', headers, body: new URLSearchParams(body) }).then((r) => r.json());

/** Follows redirects with cookies until the callback address comes up. */
async function browse(url) {
  const jar = new Map();
  while (!url.startsWith('http://127.0.0.1/callback')) {
    const cookie = [...jar].map(([k, v]) => `${k}=${v}`).join('; ');
    const r = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const c of r.headers.getSetCookie()) {
      const [pair] = c.split(';');
      jar.set(pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1));
    }
    const next = r.headers.get('location');
    if (!next) throw new Error(`no redirect from ${url}: ${r.status} ${await r.text()}`);
    url = new URL(next, url).href;
  }
  return new URL(url).searchParams;
}

async function login({ user, resource }) {
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const ask = new URLSearchParams({ client_id: 'desktop', response_type: 'code', redirect_uri: 'http://127.0.0.1/callback', scope: 'openid mcp', code_challenge: challenge, code_challenge_method: 'S256', login_hint: user, ...(resource && { resource }) });
  const code = (await browse(`${issuer}/auth?${ask}`)).get('code');
  return form({ grant_type: 'authorization_code', client_id: 'desktop', code, redirect_uri: 'http://127.0.0.1/callback', code_verifier: verifier, ...(resource && { resource }) });
}

const admin = {
  page: async ({ redirect }) => {
    pages = [{ client_id: 'page', client_secret: 'page-secret', grant_types: ['authorization_code'], redirect_uris: [redirect], response_types: ['code'], require_auth_time: true }];
    provider = build();
    return {};
  },
  person: async ({ user, acr, age }) => {
    person = user;
    how = { ...(acr && { acr }), ...(age && { ts: Math.floor(Date.now() / 1000) - age }) };
    return {};
  },
  act: async ({ user, act }) => { acts[user] = act; return {}; },
  rotate: async ({ keep }) => {
    keys = [await newKey(), ...(keep ? keys : [])];
    provider = build();
    return { kid: keys[0].kid };
  },
  groups: async ({ user, groups }) => {
    if (users[user]) users[user].groups = groups;
    else clients[user] = groups;
    return {};
  },
  region: async ({ user, region }) => { users[user].region = region; return {}; },
  expired: async ({ user, resource }) => {
    const now = Math.floor(Date.now() / 1000);
    const key = await jose.importJWK(keys[0], 'ES256');
    const token = new jose.SignJWT({ groups: users[user].groups, client_id: 'desktop', scope: 'mcp' })
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: keys[0].kid })
      .setIssuer(issuer).setSubject(user).setAudience(resource).setJti(randomUUID()).setIssuedAt(now - 420).setExpirationTime(now - 120);
    return { access_token: await token.sign(key) };
  },
  login,
  client: ({ client, resource }) => form(
    { grant_type: 'client_credentials', scope: 'mcp', ...(resource && { resource }) },
    { authorization: `Basic ${btoa(`${client}:${client}-secret`)}` },
  ),
};

async function app(req, res) {
  const { pathname } = new URL(req.url, issuer);
  const [, area, name] = pathname.split('/');
  if (area === 'login') return interact(req, res);
  if (area !== 'admin') return provider.callback()(req, res);
  let body = '';
  for await (const chunk of req) body += chunk;
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify(await admin[name](JSON.parse(body || '{}'))));
}

await admin.rotate({ keep: false });
console.log(`ready ${issuer}`);
