// A small server of events, which is no gateway: what it serves is what the protocol says of `/events`.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { bookmark } from '../src/links.js';
import { connect } from '../tidegate.js';
import { WebSocket } from './gateway.mjs';

const EPOCH = '31e9b05e9ae4b9c6';
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
      return response.end(JSON.stringify({ room: event.room, epoch: EPOCH, offset, sent: 1 }));
    }
    const page = this.pages[pathname];
    if (page) return response.setHeader('content-type', 'text/html').end(page);
    if (pathname === '/tidegate.js') return response.setHeader('content-type', 'text/javascript').end(readFileSync(CLIENT));
    if (pathname !== '/events') return response.writeHead(404).end();
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(': hello\n\n');
    const stream = { rooms: searchParams.get('rooms').split(','), response };
    const last = request.headers['last-event-id'];
    this.#give(stream, last ? this.#history.filter((event) => this.#isMissing(event, last)) : []);
    this.#streams.add(stream);
    response.on('close', () => this.#streams.delete(stream));
  }

  publish(room, data) {
    const { offset } = this.#place(room, 1);
    this.#history.push({ event_type: 'alert_triggered', timestamp: '', data, source: 't', room, epoch: EPOCH, offset });
    for (const stream of this.#streams) this.#give(stream, this.#history.slice(-1));
    return offset;
  }

  #place(room, more = 0) {
    return { epoch: EPOCH, offset: this.#history.filter((event) => event.room === room).length + more };
  }

  /** Whether a client that is so far has not got it yet; of a room that it does not tell of it wants nothing. */
  #isMissing(event, last) {
    const entry = last.split(',').find((entry) => entry.endsWith(bookmark([{ room: event.room, cursor: {} }]).slice(-9)));
    return entry && event.offset > Number(/:(\d+)@/.exec(entry)[1]);
  }

  /** A batch, and behind it the place of all. */
  #give({ rooms, response }, events) {
    for (const event of events.filter(({ room }) => rooms.includes(room))) {
      const lines = JSON.stringify(event, null, 1).split('\n');
      response.write(`event: ${event.event_type}\n${lines.map((line) => `data: ${line}\n`).join('')}\n`);
    }
    response.write(`id: ${bookmark(rooms.map((room) => ({ room, cursor: this.#place(room) })))}\n\n`);
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
