// What the two TypeScript drivers share: a job comes as JSON in the first argument, one JSON line a step goes out.
//
//   { "mode": "auto" | "legacy" | "2026-07-28",
//     "reaches": [{ "transport": "http" | "sse" | "stdio", "url": "...", "headers": {...}, "command": ["...", ...] }, ...],
//     "steps": [{ "do": "tools/call", "name": "...", "arguments": {...} }, ...] }
//
// Each reach is a session of its own. A line is { "do": ..., "reach": n, "result": ... } or { ..., "error": { "code",
// "message", "data" } }; a session that cannot be opened has the one line `connect`.
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const job = JSON.parse(process.argv[2] ?? "{}");

/** `require` as a file in one of the installed folders would see it. */
export const from = (folder) => createRequire(join(process.env.CARNET_PEERS, 'npm', folder, 'package.json'));

export const print = (line) => process.stdout.write(JSON.stringify(line) + '\n');

/** What this client answers when a server asks it for something. */
export const answers = {
  sample: { role: 'assistant', model: 'none', stopReason: 'endTurn', content: { type: 'text', text: 'Paris' } },
  elicit: { action: 'accept', content: { username: 'tester', email: 'tester@example.org', name: 'tester', ok: true, confirm: true, value: 'v', context: 'c', color: 'red' } },
  roots: { roots: [{ uri: 'file:///fixture', name: 'fixture' }] },
};

const methods = (client) => ({
  'tools/list': () => client.listTools(),
  'tools/call': (s) => client.callTool({ name: s.name, arguments: s.arguments ?? {} }, ...(s.options ? [s.options] : [])),
  'resources/list': () => client.listResources(),
  'resources/templates/list': () => client.listResourceTemplates(),
  'resources/read': (s) => client.readResource({ uri: s.uri }),
  'prompts/list': () => client.listPrompts(),
  'prompts/get': (s) => client.getPrompt({ name: s.name, arguments: s.arguments ?? {} }),
  ping: () => client.ping(),
  info: async () => ({ server: client.getServerVersion(), capabilities: client.getServerCapabilities(), instructions: client.getInstructions() }),
});

const fault = (e) => ({ code: e.code ?? null, message: String(e.message ?? e), data: e.data ?? null });

/** One session: `make` gives the client and the transport for a reach. */
async function session(make, reach, number, special) {
  const line = (what, rest) => print({ do: what, reach: number, ...rest });
  const { client, transport } = make(reach);
  try {
    await client.connect(transport);
  } catch (e) {
    return line('connect', { error: fault(e) });
  }
  for (const step of job.steps) {
    try {
      const own = special[step.do];
      line(step.do, { result: own ? await own(client, step) : await methods(client)[step.do](step) });
    } catch (e) {
      line(step.do, { error: fault(e) });
    }
  }
  try {
    await transport.terminateSession?.();
    await client.close();
  } catch (e) {
    line('close', { error: fault(e) });
  }
}

/** `special` has ways of one client's own to do a step. */
export async function run(make, special = {}) {
  for (const [number, reach] of job.reaches.entries()) await session(make, reach, number, special);
  process.exit(0);
}
