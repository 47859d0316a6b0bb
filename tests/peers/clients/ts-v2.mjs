// Drives a server with the TypeScript client v2. `mode` in the job chooses the era: legacy (its default), auto, or a pin.
import { answers, from, job, run } from './job.mjs';
const require = from('ts-v2');
const v2 = require('@modelcontextprotocol/client');

const mode = job.mode ?? 'legacy';
const newClient = () => {
  const client = new v2.Client(
    { name: 'carnet-tests-ts-v2', version: '1.0.0' },
    {
      capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} },
      versionNegotiation: { mode: mode === 'legacy' || mode === 'auto' ? mode : { pin: mode } },
    },
  );
  client.setRequestHandler('sampling/createMessage', async () => answers.sample);
  client.setRequestHandler('elicitation/create', async () => answers.elicit);
  client.setRequestHandler('roots/list', async () => answers.roots);
  return client;
};

const newTransport = (reach) => {
  const requestInit = { headers: reach.headers ?? {} };
  switch (reach.transport) {
    case 'http': return new v2.StreamableHTTPClientTransport(new URL(reach.url), { requestInit });
    case 'sse': return new v2.SSEClientTransport(new URL(reach.url), { requestInit });
    default: return new (require('@modelcontextprotocol/client/stdio').StdioClientTransport)({ command: reach.command[0], args: reach.command.slice(1), env: process.env, stderr: 'ignore' });
  }
};
// With `progress` in a step, what the server reports meanwhile goes into the line.
const call = async (client, step) => {
  const progress = [];
  const options = step.progress ? [{ onprogress: (p) => progress.push(p) }] : step.options ? [step.options] : [];
  const result = await client.callTool({ name: step.name, arguments: step.arguments ?? {} }, ...options);
  return step.progress ? { ...result, progress } : result;
};
await run((reach) => ({ client: newClient(), transport: newTransport(reach) }), { 'tools/call': call });
