// A small server of events, which is no gateway: what it serves is what the protocol says of `/events`.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect } from '../tidegate.js';
import { WebSocket } from './gateway.mjs';

const CLIENT = new URL('../tidegate.js', import.meta.url);

/** Serves rooms as event streams, with a history for who comes back, and takes events for them. */
export class Events {
  asked = [];
  /** Pages for a browser to use the client in, by path; the client stands beside them. */
  pages = { '/': '<!doctype html><title>t</title><link rel="icon" href="data:,">' };
  #streams = new Set();
  #history = [];
  #server;

  static async start(test) {
    const events = new Events();
    events.#server = createServer((request, response) => events.#serve(request, response));
    await new Promise((resolve) => events.#server.listen(0, '127.0.0.1', resolve));
    test.after(() => (events.cut(), events.#server.close()));
    return events;
  }

  async #serve(request, response) {
    const { pathname, searchParams } = new URL(request.url, 'http://here');
    this.asked.push({ path: pathname, ...Object.fromEntries(searchParams), last: request.headers['last-event-id'] });
    if (pathname === '/api/v1/publish') {
      const event = JSON.parse(await new Response(request).text());
      const offset = this.publish(event.room, event.data);
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ room: event.room, epoch: 'e', offset, sent: 1 }));
    }
    const page = this.pages[pathname];
    if (page) return response.setHeader('content-type', 'text/html').end(page);
    if (pathname === '/tidegate.js') return response.setHeader('content-type', 'text/javascript').end(readFileSync(CLIENT));
    if (pathname !== '/events') return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    const stream = { rooms: searchParams.get('rooms').split(','), response };
    const last = Number(request.headers['last-event-id'] ?? this.#history.length);
    this.#give(stream, this.#history.slice(last), this.#history.length);
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
  }

  publish(room, data) {
    const offset = this.#history.filter((event) => event.room === room).length + 1;
    this.#history.push({ event_type: 'alert_triggered', timestamp: '', data, source: 't', room, epoch: 'e', offset });
    for (const stream of this.#streams) this.#give(stream, this.#history.slice(-1), this.#history.length);
    return offset;
  }

  /** A batch, and behind it the cursor of all. */
  #give({ rooms, response }, events, cursor) {
    for (const event of events.filter(({ room }) => rooms.includes(room))) {
      const lines = JSON.stringify(event, null, 1).split('\n');
      response.write(`event: ${event.event_type}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`);
    }
    response.write(`id: ${cursor}\n\n`);
  }

  cut() {
    for (const { response } of this.#streams) response.destroy();
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  connect(test, options) {
    const backoff = { base: 10, cap: 50 };
    const client = connect(`${this.origin}/ws`, { WebSocket, backoff, ...options, sse: { after: 2 } });
    test.after(() => client.close());
    return client;
  }
}
