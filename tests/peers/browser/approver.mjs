// An approver in a real browser (Chromium, headless) with a virtual authenticator (CDP WebAuthn), who does what the lines on
// standard input say and prints one line of JSON for each:
//
//   node approver.mjs             prints `ready` when the browser runs; CHROMIUM names its program
//
//   open URL                      {"url", "title", "text"}   where it ended, after every redirect
//   register NAME                 presses the button that registers a passkey
//   approve REASON | deny REASON  fills in the form and presses the button; approve by passkey where there is such a button
//   verified true|false           whether the authenticator verifies its user from now on
//   count                         how many keys the authenticator holds, and their counters
//   follow ADDRESS                {"url", "title", "text"}   follows the link that the page has to there
//   unmask REASON                 asks for what is masked
//   from TEXT                     the hosts that have sent a body with this text, and those that have sent any
//   violations                    what the page's policy refused since the start
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.CARNET_PEERS, 'npm/browser/package.json'));
const { chromium } = (await import(pathToFileURL(require.resolve('playwright-core')))).default;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
const page = await (await browser.newContext()).newPage();
page.setDefaultTimeout(30000);
const violations = [];
page.on('console', (m) => { if (/Content Security Policy|Refused to/.test(m.text())) violations.push(m.text()); });
const bodies = [];
page.on('response', (r) => bodies.push(r.text().then((text) => [new URL(r.url()).host, text], () => [new URL(r.url()).host, ''])));
page.on('pageerror', (e) => violations.push(String(e)));
const cdp = await page.context().newCDPSession(page);
await cdp.send('WebAuthn.enable', { enableUI: false });
const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', {
  options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
});

const state = async () => ({ url: page.url(), title: await page.title(), text: await page.locator('body').innerText() });

/** Presses a button and waits for the next page, or for a word of why there is none. */
async function press(button) {
  const next = page.waitForNavigation().then(() => null);
  const word = page.locator('[data-say]:not(:empty)').first().waitFor().then(() => null, () => null);
  await button.click();
  await Promise.race([next, word]);
  next.catch(() => {});
  return state();
}

const acts = {
  open: async (url) => { await page.goto(url); return state(); },
  register: async (name) => {
    await page.fill('input[name="passkey.name"]', name);
    return press(page.locator('button[data-ask]'));
  },
  approve: async (reason) => {
    await page.locator('textarea[name="reason"]:visible').first().fill(reason);
    const passkey = page.locator('button[data-ask]');
    return press(await passkey.count() ? passkey : page.locator('button[value="approve"]'));
  },
  deny: async (reason) => {
    await page.locator('textarea[name="reason"]:visible').first().fill(reason);
    return press(page.locator('button[value="deny"]'));
  },
  follow: async (address) => {
    await Promise.all([page.waitForNavigation(), page.locator(`a[href="${address}"]`).first().click()]);
    return state();
  },
  unmask: async (reason) => {
    await page.locator('details:has(form[action$="/unmask"])').evaluate((d) => { d.open = true; });
    const form = page.locator('form[action$="/unmask"]');
    await form.locator('[name="reason"]').fill(reason);
    return press(form.locator('button'));
  },
  from: async (text) => {
    const all = await Promise.all(bodies);
    const hosts = (of) => [...new Set(of.map(([host]) => host))].sort();
    return { with: hosts(all.filter(([, body]) => body.includes(text))), all: hosts(all) };
  },
  verified: async (yes) => {
    await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: yes === 'true' });
    return {};
  },
  count: async () => {
    const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
    return { counters: credentials.map((c) => c.signCount) };
  },
  violations: async () => ({ violations }),
};

console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const at = line.indexOf(' ');
  const [act, rest] = at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
  try {
    console.log(JSON.stringify(await acts[act](rest)));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
}
await browser.close();
