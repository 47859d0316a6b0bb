// Drives a server with the TypeScript SDK v1.
import { answers, from, job, run } from './job.mjs';
const require = from('ts-v1');
const sdk = (path) => require(`@modelcontextprotocol/sdk/${path}.js`);
const { Client } = sdk('client/index');
const types = sdk('types');

const newClient = () => {
  const client = new Client(
    { name: 'carnet-tests-ts-v1', version: '1.0.0' },
    { capabilities: { sampling: {}, elicitation: { form: {} }, roots: {} } },
  );
  client.setRequestHandler(types.CreateMessageRequestSchema, async () => answers.sample);
  client.setRequestHandler(types.ElicitRequestSchema, async () => answers.elicit);
  client.setRequestHandler(types.ListRootsRequestSchema, async () => answers.roots);
  // A result is shown as it came, whatever schema the tool promised: comparing is the test's work.
  client.callTool = (params, options) => client.request({ method: 'tools/call', params }, types.CallToolResultSchema, options);
  return client;
};

const newTransport = (reach) => {
  const requestInit = { headers: reach.headers ?? {} };
  switch (reach.transport) {
    case 'http': return new (sdk('client/streamableHttp').StreamableHTTPClientTransport)(new URL(reach.url), { requestInit });
    case 'sse': return new (sdk('client/sse').SSEClientTransport)(new URL(reach.url), {
      requestInit,
      eventSourceInit: { fetch: (url, init) => fetch(url, { ...init, headers: { ...init?.headers, ...requestInit.headers, accept: 'text/event-stream' } }) },
    });
    default: return new (sdk('client/stdio').StdioClientTransport)({ command: reach.command[0], args: reach.command.slice(1), env: process.env, stderr: 'ignore' });
  }
};
await run((reach) => ({ client: newClient(), transport: newTransport(reach) }));
