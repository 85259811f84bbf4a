// The stock client of Socket.IO on the project platform's profile: what a user of a project sees. GATEWAY: where it is; TOKEN: a
// user's; PUBLISHER: a token that may publish; STRANGER: a token of a role that there is not.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { once } from "node:events";

const require = createRequire(`${process.env.TOOLS}/clients/node_modules/`);
const { io } = require("socket.io-client");
const base = process.env.GATEWAY;
const token = process.env.TOKEN;

async function publish(events) {
  const headers = { authorization: `Bearer ${process.env.PUBLISHER}` };
  const answer = await fetch(`${base}/projects/events`, { method: "POST", headers, body: JSON.stringify(events) });
  assert.equal(answer.status, 202);
  return answer.json();
}

const pull = { pr_id: "2", project_id: "hello", title: "Update the README", status: "open" };
const created = { ...pull, author: "ada", branch: "changes", github_url: "https://github.com/ada/hello/pull/2" };
const agent = { agent_id: "scout", agent_name: "Scout", status: "online", availability: 90 };

async function one(options) {
  const socket = io(`${base}/ws`, { auth: { token }, forceNew: true, ...options });
  const seen = [];
  const last = new Promise((resolve) => {
    socket.onAny((name, event, ...more) => {
      assert.deepEqual(more, []);
      seen.push([name, event]);
      if (seen.filter(([name]) => name !== "connection_established").length === 3) resolve();
    });
  });
  const [established] = await once(socket, "connection_established");
  assert.deepEqual([established.type, established.data.user_id], ["connection.established", "ada"]);
  assert.deepEqual(await socket.emitWithAck("subscribe", { room: "project:hello" }), { status: "success", room: "project:hello" });
  assert.deepEqual(await socket.emitWithAck("subscribe", { room: "agent:scout" }), { status: "success", room: "agent:scout" });
  for (const room of ["user:bob", "globalist", "role:admin", "x"]) {
    assert.deepEqual(await socket.emitWithAck("subscribe", { room }), { status: "error", message: "Access denied" });
  }
  // It may leave what it was put in, and come back.
  for (const room of ["global", "user:ada"]) {
    assert.deepEqual(await socket.emitWithAck("unsubscribe", { room }), { status: "success", room });
    assert.deepEqual(await socket.emitWithAck("subscribe", { room }), { status: "success", room });
  }
  const placed = await publish([
    { type: "pr.created", data: created },
    { type: "pr.closed", data: { ...pull, project_id: "other" } },
    { type: "project.deleted", data: { project_id: "hello", deleted_by: "ada" } },
    { type: "agent.connected", data: agent },
  ]);
  assert.deepEqual(placed.map((one) => one.cursors.map((cursor) => cursor.room)), [
    ["project:hello"], ["project:other"], ["project:hello", "user:ada"], ["agent:scout", "global"],
  ]);
  await last;
  // In the order of each room; between rooms there is none.
  const told = Object.fromEntries(seen);
  assert.deepEqual(Object.keys(told).sort(), ["agent.connected", "connection_established", "pr.created", "project.deleted"]);
  const { "pr.created": pr, "project.deleted": deleted } = told;
  assert.deepEqual(Object.keys(pr).sort(), ["data", "source", "timestamp", "type"]);
  assert.deepEqual([pr.type, pr.source], ["pr.created", "github_service"]);
  assert.deepEqual(pr.data, { ...created, description: null, created_at: pr.data.created_at });
  assert.deepEqual(deleted.data, { project_id: "hello", deleted_by: "ada" });
  socket.close();
}

await one({});
await one({ path: "/ws/socket.io/" });
await one({ transports: ["polling"] });
for (const token of [process.env.STRANGER, undefined]) {
  const refused = io(`${base}/ws`, { auth: token ? { token } : {}, forceNew: true });
  const [error] = await once(refused, "connect_error");
  const code = token ? "AUTH_FAILED" : "AUTH_MISSING";
  assert.deepEqual([error.message, error.data], ["Connection rejected by server", { code }]);
  refused.close();
}
