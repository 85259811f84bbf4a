// A real gateway in a process of its own. The surroundings say where things are: TIDEGATE is its program, TOOLS the folder
// that scripts/test-tools installs into.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { connect as dial, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectClient } from '../tidegate.js';

const { TIDEGATE, TOOLS } = process.env;
export const require = createRequire(`${TOOLS}/clients/`);
/** Node.js has a class of its own from version 22 on. */
export const WebSocket = globalThis.WebSocket ?? require('ws');

export const SECRET = 'c0ffee00c0ffee00c0ffee00c0ffee00';
/** Rooms that keep what happens in them: in memory, on disk, and little of it. */
export const KEEPING =
  'room=[{prefix="kept:",history={size=5000,ttl="1h"}},{prefix="disk:",history={size=5000,ttl="1h",durable=true}},' +
  '{prefix="short:",history={size=2,ttl="1h"}},{prefix="user:",join="owner",inbox=true,history={size=100,ttl="1h"}},' +
  '{prefix="seen:",cache="last_per_key",presence="anyone",history={size=10,ttl="1h"}},{prefix="closed:",join="nobody"}]';

/** A folder that is gone with the test. */
function folder(test) {
  const path = mkdtempSync(join(tmpdir(), 'tidegate-client-'));
  test.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export class Gateway {
  #test;
  #folder;
  #settings;
  #process;
  port = 0;

  static async start(test, ...settings) {
    const gateway = new Gateway();
    gateway.#test = test;
    gateway.#folder = folder(test);
    gateway.#settings = settings;
    test.after(() => gateway.kill());
    await gateway.start();
    return gateway;
  }

  /** Starts it, again at the same port and with what it has stored. */
  async start() {
    const ready = join(this.#folder, 'ready.json');
    rmSync(ready, { force: true });
    const settings = this.#settings.flatMap((setting) => ['--set', setting]);
    const where = ['--listen', `127.0.0.1:${this.port}`, '--ready-file', ready, '--data', join(this.#folder, 'data')];
    this.#process = spawn(TIDEGATE, ['serve', ...where, ...settings], { stdio: ['ignore', 'ignore', 'pipe'] });
    let log = '';
    this.#process.stderr.on('data', (text) => (log += text));
    const ended = once(this.#process, 'exit');
    ended.catch(() => {});
    for (let tries = 0; !existsSync(ready); tries++) {
      if (tries > 2000 || this.#process.exitCode !== null) throw new Error(`the gateway does not get ready\n${log}`);
      await sleep(10);
    }
    const { listeners } = JSON.parse(readFileSync(ready, 'utf8'));
    this.port = Number(listeners[0].address.split(':').pop());
  }

  get url() {
    return `ws://127.0.0.1:${this.port}/ws`;
  }

  http(path) {
    return `http://127.0.0.1:${this.port}${path}`;
  }

  /** Ends it as a crash would, or by a signal that it minds. */
  async kill(signal = 'SIGKILL') {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill(signal);
    await ended;
  }

  /** Has it stand still, and go on. */
  pause = () => this.#process.kill('SIGSTOP');
  resume = () => this.#process.kill('SIGCONT');

  /** A client that ends with the test. */
  connect({ url = this.url, ...options } = {}) {
    const backoff = { base: 20, cap: 200, stable: 50, ...options.backoff };
    const client = connectClient(url, { WebSocket, sse: false, ...options, backoff });
    this.#test.after(() => client.close());
    return client;
  }

  /** Publishes by HTTP; `events` as the API takes them. */
  async publish(events, token) {
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(this.http('/api/v1/publish'), { method: 'POST', headers, body: JSON.stringify(events) });
    const said = await answer.text();
    if (!answer.ok) throw new Error(said);
    return JSON.parse(said);
  }

  /** Publishes numbers to a room, from one up to before the other. */
  async count(room, from, to) {
    const events = Array.from({ length: to - from }, (_, index) => alert(room, { n: from + index }));
    await this.publish(events);
  }
}

export const alert = (room, data) => ({ room, event_type: 'alert_triggered', data });

/** A token of a user, which holds for so many seconds. */
export function token(user, seconds = 3600, more = {}) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const now = Date.now() / 1000;
  const said = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, iat: now, exp: now + seconds, ...more })}`;
  return `${said}.${createHmac('sha256', SECRET).update(said).digest('base64url')}`;
}

/** The next so many events of a subscription. */
export async function take(sub, count) {
  const events = [];
  while (events.length < count) {
    const { done, value } = await sub.next();
    if (done) break;
    events.push(value);
  }
  return events;
}

/** The next change to a state, as it is told. */
export const changed = (client, state) =>
  new Promise((resolve) => {
    const off = client.on('state', (change) => change.state === state && (off(), resolve(change)));
  });

/** A way to a gateway that can be cut. */
export class Way {
  #sockets = new Set();
  #server;
  #paused = false;

  static async to(test, gateway) {
    const way = new Way();
    way.#server = createServer((near) => {
      const far = dial(gateway.port, '127.0.0.1');
      for (const [from, to] of [[near, far], [far, near]]) {
        way.#sockets.add(from);
        from.on('error', () => {});
        from.on('close', () => (way.#sockets.delete(from), to.destroy()));
        from.pipe(to);
        if (way.#paused) from.pause();
      }
    });
    await new Promise((resolve) => way.#server.listen(0, '127.0.0.1', resolve));
    test.after(() => (way.cut(), way.#server.close()));
    return way;
  }

  get url() {
    return `ws://127.0.0.1:${this.#server.address().port}/ws`;
  }

  /** Nothing comes through, and the sender's buffers fill; who comes is not heard until it goes on. */
  pause() {
    this.#paused = true;
    for (const socket of this.#sockets) socket.pause();
  }

  resume() {
    this.#paused = false;
    for (const socket of this.#sockets) socket.resume();
  }

  cut() {
    for (const socket of this.#sockets) socket.destroy();
  }
}
