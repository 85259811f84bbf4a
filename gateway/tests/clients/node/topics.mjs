// The operations dashboard as a client in Node.js sees it: topics.mjs HOST:PORT TOKEN, where the token is user 7's.

import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const WebSocket = createRequire(`${process.env.TOOLS}/`)('ws');
const [host, token] = process.argv.slice(2);

const socket = new WebSocket(`ws://${host}/ws/connect`, { headers: { authorization: `Bearer ${token}` } });
const waiting = [];
const come = [];
socket.on('message', (data) => {
  const message = JSON.parse(data);
  const next = waiting.shift();
  if (next) next(message);
  else come.push(message);
});
const receive = () => (come.length ? come.shift() : new Promise((resolve) => waiting.push(resolve)));
const send = (event_type, data) => socket.send(JSON.stringify({ event_type, data }));

assert.equal((await receive()).event_type, 'connection_ack');
send('subscribe', { events: ['task_created'] });
assert.equal((await receive()).data.content, 'Suscrito a 1 tipos de eventos');
send('unsubscribe', { events: ['task_created'] });
send('anything', {});
await fetch(`http://${host}/ws/broadcast`, {
  method: 'POST',
  headers: { authorization: `Bearer ${token}` },
  body: JSON.stringify({ event_type: 'task_updated', data: { task_id: 3 } }),
});
const event = await receive();
assert.deepEqual(Object.keys(event), [
  'event_type', 'data', 'timestamp', 'message_id', 'target_user_id', 'target_role', 'topic',
]);
assert.deepEqual([event.event_type, event.data, event.topic], ['task_updated', { task_id: 3 }, null]);
socket.close();

const refused = new WebSocket(`ws://${host}/ws/connect?token=nope`);
const status = await new Promise((resolve) => refused.on('unexpected-response', (_, answer) => resolve(answer.statusCode)));
assert.equal(status, 403);
process.exit(0);
