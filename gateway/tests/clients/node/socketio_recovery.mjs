// The stock client of Socket.IO loses its connection, by each transport, and goes on where it was. GATEWAY: where it is; TOKEN: a user's.

import { createRequire } from "node:module";
import assert from "node:assert/strict";
import { once } from "node:events";

const require = createRequire(`${process.env.TOOLS}/clients/node_modules/`);
const { io } = require("socket.io-client");
const base = process.env.GATEWAY;

async function publish(room, n) {
  const body = JSON.stringify({ room, event_type: "alert_triggered", data: { n } });
  const answer = await fetch(`${base}/api/v1/publish`, { method: "POST", body });
  assert.equal(answer.status, 200);
}

/** Resolves once so many events have come. */
function collect(socket) {
  const got = [];
  let check = () => {};
  socket.on("alert_triggered", ({ data }) => {
    got.push(data.n);
    check();
  });
  const until = (count) =>
    new Promise((resolve) => {
      check = () => got.length >= count && resolve();
      check();
    });
  return { got, until };
}

async function one(transports) {
  const auth = { token: process.env.TOKEN };
  const socket = io(`${base}/ws`, { auth, forceNew: true, reconnectionDelay: 50, transports });
  await once(socket, "connection_established");
  assert.equal(socket.recovered, false);
  const rooms = ["project:1", "project:2"];
  for (const room of rooms) {
    const told = once(socket, "offset");
    assert.equal((await socket.emitWithAck("subscribe", { room })).status, "success");
    await told;
  }
  const { got, until } = collect(socket);
  let n = 0;
  for (let round = 0; round < 3; round++) {
    const told = once(socket, "offset");
    await publish(rooms[n % 2], n++);
    await until(n);
    await told;
    const back = once(socket, "connect");
    const lost = once(socket, "disconnect");
    socket.io.engine.close();
    await lost;
    for (let more = 0; more < 5; more++) await publish(rooms[n % 2], n++);
    await back;
    assert.equal(socket.recovered, true);
    await until(n);
    await publish(rooms[n % 2], n++);
    await until(n);
  }
  for (const parity of [0, 1]) {
    const wanted = [...Array(n).keys()].filter((number) => number % 2 === parity);
    assert.deepEqual(got.filter((number) => number % 2 === parity), wanted);
  }
  socket.close();
}

await one(["websocket"]);
await one(["polling"]);
await one(["polling", "websocket"]);
