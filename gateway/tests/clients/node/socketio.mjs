// The stock client of Socket.IO, with its defaults and by each transport alone, at both paths: enters, subscribes, gets acknowledgements, events
// and binary arguments, and comes back by itself. GATEWAY: where it is; TOKEN: a user's; ROOM: where events come from.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { once } from "node:events";

const require = createRequire(`${process.env.TOOLS}/clients/node_modules/`);
const { io } = require("socket.io-client");
const base = process.env.GATEWAY;
const token = process.env.TOKEN;

async function publish(data) {
  const body = JSON.stringify({ room: "project:1", event_type: "alert_triggered", data });
  const answer = await fetch(`${base}/api/v1/publish`, { method: "POST", body });
  assert.equal(answer.status, 200);
}

async function one(options, transport) {
  const socket = io(`${base}/ws`, { auth: { token }, forceNew: true, reconnectionDelay: 50, ...options });
  const [established] = await once(socket, "connection_established");
  assert.equal(established.data.connection_id, socket.id);
  assert.deepEqual(await socket.emitWithAck("subscribe", { room: "project:1" }), { status: "success", room: "project:1" });
  assert.deepEqual(await socket.emitWithAck("ping", {}), { status: "pong" });
  assert.deepEqual(await socket.emitWithAck("echo", { bytes: Buffer.from([1, 2, 255]) }), { bytes: Buffer.from([1, 2, 255]) });
  const numbers = [];
  const all = new Promise((resolve) => {
    socket.on("alert_triggered", (event, ...more) => {
      assert.deepEqual(more, []);
      numbers.push(event.data.n);
      if (numbers.length === 20) resolve();
    });
  });
  // While the transport changes, where it does.
  for (let n = 0; n < 20; n++) await publish({ n });
  await all;
  assert.deepEqual(numbers, [...Array(20).keys()]);
  if (socket.io.engine.transport.name !== transport) await once(socket.io.engine, "upgrade");
  assert.equal(socket.io.engine.transport.name, transport);
  socket.io.engine.close(); // as if the connection were lost
  await once(socket, "connection_established");
  socket.close();
}

for (const path of [undefined, "/ws/socket.io/"]) {
  const at = path ? { path } : {};
  await one(at, "websocket");
  await one({ ...at, transports: ["websocket"] }, "websocket");
  await one({ ...at, transports: ["polling"] }, "polling");
}
const refused = io(`${base}/ws`, { auth: { token: "nobody's" }, forceNew: true });
const [error] = await once(refused, "connect_error");
assert.deepEqual([error.message, error.data], ["Connection rejected by server", { code: "AUTH_FAILED" }]);
refused.close();
