// A transparent streaming HTTP proxy for suites that cannot send headers of their own.
//
//   INJECT='{"authorization": "Bearer ..."}' node inject-proxy.mjs UPSTREAM_URL LOG_FILE
//
// Whatever path is asked for, UPSTREAM_URL is what is sent to. A Host of the proxy's own becomes the upstream's; any
// other is left as it is, because a suite that sends a foreign one wants to see it refused. One JSON line an exchange
// goes to the log: { method, request, status, type, response, whole }; `whole` is false where the suite hung up. Before that, a
// line { method, request, arrived }: what is still open when the suite ends has no other.
import { appendFileSync } from 'node:fs';
import http from 'node:http';

const upstream = new URL(process.argv[2]);
const log = process.argv[3];
const inject = JSON.parse(process.env.INJECT ?? '{}');
const agent = new http.Agent({ keepAlive: true });

const server = http.createServer((req, res) => {
  const own = `:${server.address().port}`;
  const headers = { ...req.headers, ...inject };
  if (headers.host?.endsWith(own)) headers.host = upstream.host;
  if (headers.origin?.endsWith(own)) headers.origin = upstream.origin;
  const sent = [];
  const got = [];
  let logged = false;
  let reply;
  const note = (whole) => {
    if (logged) return;
    logged = true;
    appendFileSync(log, JSON.stringify({ method: req.method, request: Buffer.concat(sent).toString(), status: reply?.statusCode ?? 0, type: reply?.headers['content-type'] ?? '', response: Buffer.concat(got).toString(), whole }) + '\n');
  };
  const out = http.request({ host: upstream.hostname, port: upstream.port, method: req.method, path: upstream.pathname, headers, agent }, (answer) => {
    reply = answer;
    res.writeHead(reply.statusCode, reply.statusMessage, reply.headers);
    res.flushHeaders();
    reply.on('data', (chunk) => { got.push(chunk); res.write(chunk); });
    reply.on('end', () => { note(true); res.end(); });
    reply.on('error', () => { note(false); res.destroy(); });
  });
  out.on('error', (e) => { if (!res.headersSent) res.writeHead(502); res.end(String(e)); });
  req.on('data', (chunk) => { sent.push(chunk); out.write(chunk); });
  req.on('end', () => {
    appendFileSync(log, JSON.stringify({ method: req.method, request: Buffer.concat(sent).toString(), arrived: true }) + '\n');
    out.end();
  });
  res.on('close', () => { note(false); if (!res.writableEnded) out.destroy(); });
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}/mcp`));
