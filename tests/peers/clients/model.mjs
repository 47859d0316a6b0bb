// A model on loopback for tests of agents: the Messages API of Anthropic as far as an agent needs it. It asks for one tool once, and then
// says what came back. Prints `ready PORT`, and a JSON line for each result of a tool that it is given.
//
//   node model.mjs TOOL ARGUMENTS
import { createServer } from 'node:http';

const [tool, input] = process.argv.slice(2);
const seen = new Set();

const events = (blocks, stop) => {
  const out = [['message_start', { message: { id: 'msg_1', type: 'message', role: 'assistant', model: 'fake', content: [], stop_reason: null, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } } }]];
  blocks.forEach((block, index) => {
    const text = block.type === 'text';
    out.push(['content_block_start', { index, content_block: text ? { type: 'text', text: '' } : { ...block, input: {} } }]);
    out.push(['content_block_delta', { index, delta: text ? { type: 'text_delta', text: block.text } : { type: 'input_json_delta', partial_json: JSON.stringify(block.input) } }]);
    out.push(['content_block_stop', { index }]);
  });
  out.push(['message_delta', { delta: { stop_reason: stop, stop_sequence: null }, usage: { output_tokens: 1 } }], ['message_stop', {}]);
  return out.map(([type, data]) => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`).join('');
};

/** What the model says next: the tool until it has answered with more than a call to come again. */
function next(request) {
  const results = (request.messages ?? []).flatMap((m) => (Array.isArray(m.content) ? m.content : [])).filter((c) => c.type === 'tool_result');
  for (const result of results) {
    if (!seen.has(result.tool_use_id)) console.log(JSON.stringify({ result: result.content, error: result.is_error ?? false }));
    seen.add(result.tool_use_id);
  }
  const last = JSON.stringify(results.at(-1)?.content ?? '');
  const has = (request.tools ?? []).some((t) => t.name === tool);
  if (has && (results.length === 0 || last.includes('Call again'))) {
    return [[{ type: 'tool_use', id: `toolu_${results.length + 1}`, name: tool, input: JSON.parse(input) }], 'tool_use'];
  }
  return [[{ type: 'text', text: 'done' }], 'end_turn'];
}

const server = createServer(async (req, res) => {
  let body = '';
  for await (const chunk of req) body += chunk;
  if (req.url.startsWith('/v1/messages/count_tokens')) return res.end('{"input_tokens":1}');
  if (!req.url.startsWith('/v1/messages')) { res.statusCode = 404; return res.end('{}'); }
  const request = JSON.parse(body);
  const [blocks, stop] = next(request);
  if (request.stream) {
    res.setHeader('content-type', 'text/event-stream');
    return res.end(events(blocks, stop));
  }
  res.setHeader('content-type', 'application/json');
  res.end(JSON.stringify({ id: 'msg_1', type: 'message', role: 'assistant', model: 'fake', content: blocks, stop_reason: stop, stop_sequence: null, usage: { input_tokens: 1, output_tokens: 1 } }));
});
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port}`));
