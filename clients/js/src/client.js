import { TidegateError, closed, late } from './error.js';
import { bookmark, eventsLink, post, socketLink } from './links.js';
import { Requests } from './requests.js';
import { CallStream } from './stream.js';
import { Subscription, placeOf } from './subscription.js';

const PING = { action: 'ping' };
/** How long the gateway may take to show that it is there when the browser has come back from somewhere, in ms. */
const PROBE = 5000;
const DEFAULTS = { tokenIn: 'subprotocol', timeout: 10_000, queue: 1000, random: Math.random };
const BACKOFF = { base: 300, cap: 20_000, stable: 5000 };
const SSE = { after: 3, events: '/events', publish: '/api/v1/publish' };

/** See `connect` in index.d.ts. */
export class Client {
  state = 'waiting';
  transport = null;
  connectionId = null;
  userId = null;
  error;
  #url;
  #options;
  /** The connection that there is, or is being made. */
  #link = null;
  #handlers = { state: new Set(), event: new Set(), error: new Set() };
  #requests = new Requests((request, now) => (now || this.state === 'open') && this.#send(request));
  #rooms = new Map();
  /** What is subscribed to. */
  #types;
  #where;
  #token;
  /** Why the gateway does not want the token any more. */
  #denied;
  /** Attempts since a connection held, and those by WebSocket in a row that came to nothing. */
  #attempts = 0;
  #failures = 0;
  /** When the session began, when something came last, and how long after that something should. */
  #began;
  #seen;
  #beat;
  #watching;
  #retrying;
  /** The last id of server-sent events: how far rooms have come, also those of which no event came. */
  #eventId;

  constructor(url, options) {
    const { backoff, sse, types, where, rooms = [] } = options;
    this.#url = new URL(url, globalThis.location?.href);
    this.#options = {
      ...DEFAULTS,
      WebSocket: globalThis.WebSocket,
      ...options,
      backoff: { ...BACKOFF, ...backoff },
      sse: sse !== false && { ...SSE, ...sse },
    };
    this.#types = new Set(types);
    this.#where = where;
    for (const room of rooms) this.join(room).catch((error) => this.#emit('error', error));
    this.#surroundings('addEventListener');
    this.#connect();
  }

  on(name, handler) {
    this.#handlers[name].add(handler);
    return () => this.#handlers[name].delete(handler);
  }

  ready() {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.state === 'open') resolve();
        else if (this.state === 'closed') reject(this.error ?? closed());
        else return;
        off();
      };
      const off = this.on('state', look);
      look();
    });
  }

  close() {
    this.#finish();
  }

  // Requests.

  async join(room, options = {}) {
    if (this.state === 'closed') throw this.error ?? closed();
    if (this.#rooms.has(room)) throw new TidegateError(`Room '${room}' is joined already`, 'refused');
    const { queue, timeout } = { ...this.#options, ...options };
    const sub = new Subscription(this, room, { ...options, queue });
    this.#rooms.set(room, sub);
    let timer;
    try {
      await new Promise((resolve, reject) => {
        Object.assign(sub, { resolve, reject });
        timer = setTimeout(() => reject(late('join', timeout)), timeout);
        this.#attach(sub);
      });
    } catch (error) {
      this.leave(sub).catch(() => {});
      throw error;
    } finally {
      clearTimeout(timer);
      sub.reject = null;
    }
    return sub;
  }

  async subscribe(types, { where } = {}) {
    const data = await this.#request('subscribe', { data: { event_types: types, where } });
    for (const type of types) this.#types.add(type);
    if (where !== undefined) this.#where = where;
    return data;
  }

  async unsubscribe(types) {
    const data = await this.#request('unsubscribe', { data: { event_types: types } });
    for (const type of types) this.#types.delete(type);
    return data;
  }

  publish(room, event_type, data, { key, timeout } = {}) {
    return this.#request('publish', { room, data: { event_type, data, key } }, timeout);
  }

  presence(room, data) {
    return this.#request('presence', { room, data });
  }

  history(room, data) {
    return this.#request('history', { room, data });
  }

  roomState(room) {
    return this.#request('state', { room });
  }

  ack(room, cursor) {
    return this.#request('ack', { room, data: placeOf(cursor) });
  }

  info() {
    return this.#request('info');
  }

  async auth(token) {
    const data = await this.#request('auth', { data: { token } });
    this.#token = token;
    if (typeof this.#options.token !== 'function') this.#options.token = token;
    return data;
  }

  call(name, data, { room, timeout } = {}) {
    return this.#request(name, { room, data }, timeout);
  }

  callStream(name, data, { room, timeout } = {}) {
    const ask = (then) => {
      const id = this.#ask(name, { room, data }, then, timeout);
      return () => this.#requests.cancel(id);
    };
    return new CallStream(ask, this.#options.queue);
  }

  #request(action, fields, timeout) {
    return new Promise((resolve, reject) => this.#ask(action, fields, { resolve, reject }, timeout));
  }

  #ask(action, fields, then, timeout = this.#options.timeout, now) {
    if (this.state === 'closed') then.reject(this.error ?? closed());
    else return this.#requests.ask(action, fields, then, timeout, now);
  }

  #send(request) {
    if (this.transport === 'sse') this.#sendByHttp(request);
    else this.#link?.send(request);
    return true;
  }

  /** Where only server-sent events come, an event can be published, and nothing else be asked for. */
  async #sendByHttp({ action, room, data, id }) {
    const no = (message) => ({ success: false, message });
    const posts = () => post(this.#address('http', this.#options.sse.publish), this.#token, { room, ...data });
    const reply = action === 'publish' ? posts() : Promise.resolve(no(`'${action}' needs a WebSocket`));
    this.#requests.reply({ id, ...(await reply.catch((error) => no(error.message))) });
  }

  // Rooms.

  #attach(sub) {
    if (this.state !== 'open') return;
    if (this.transport === 'sse') return this.#restart();
    const { room } = sub;
    const link = this.#link;
    const isWanted = () => this.#link === link && this.#rooms.get(room) === sub;
    const resolve = (data) => {
      if (!isWanted()) return;
      sub.joined(data);
      sub.resolve();
    };
    const reject = (error) => {
      if (!isWanted()) return;
      if (error.code === 'busy') setTimeout(() => isWanted() && this.#attach(sub), error.retryAfter);
      else if (sub.reject) sub.reject(error);
      else if (error.code === 'timeout') this.#drop(1006, error.message);
      else {
        this.#rooms.delete(room);
        sub.end(error);
        this.#emit('error', error);
      }
    };
    this.#ask('join', { room, data: sub.wanted }, { resolve, reject }, undefined, true);
  }

  /** For subscriptions. */
  async leave(sub) {
    const { room } = sub;
    if (this.#rooms.get(room) !== sub) return;
    this.#rooms.delete(room);
    sub.end();
    if (this.state !== 'open') return;
    if (this.transport === 'sse') return this.#restart();
    await this.#request('leave', { room }).catch((error) => {
      if (error.code !== 'disconnected') throw error; // else it has left with its session
    });
  }

  #resubscribe(types) {
    if (!types.length && !this.#where) return;
    const reject = (error) => {
      if (error.code === 'disconnected') return;
      this.#emit('error', error);
      const known = types.filter((type) => !error.data?.unknown?.includes(type));
      if (known.length < types.length) this.#resubscribe(known);
    };
    const data = { event_types: types, where: this.#where };
    this.#ask('subscribe', { data }, { resolve() {}, reject }, undefined, true);
  }

  // The connection.

  /** `events`: by server-sent events, as before. */
  async #connect(events) {
    const { token, sse, timeout, WebSocket } = this.#options;
    const link = (this.#link = { send() {}, close() {} });
    const ifNow = (act) => (...told) => this.#link === link && act.apply(this, told);
    clearTimeout(this.#retrying);
    this.#set('connecting');
    if (this.#link !== link) return; // its handler has closed the client
    this.#watch(timeout, () => this.#drop(1006, 'no session in time'));
    try {
      const shown = await (typeof token === 'function' ? token() : token);
      if (this.#link !== link) return;
      if (this.#denied && shown === this.#token) return this.#finish(this.#denied);
      this.#token = shown;
      const isBlocked = !WebSocket || (this.#failures >= sse.after && this.transport !== 'sse');
      this.transport = sse && this.#rooms.size && (events || isBlocked) ? 'sse' : 'websocket';
      const made = this.transport === 'sse' ? this.#byEvents(ifNow) : this.#bySocket(ifNow);
      Object.assign(link, made);
    } catch (error) {
      ifNow(this.#down)(1006, error.message);
    }
  }

  #bySocket(ifNow) {
    const { WebSocket, tokenIn, clientId } = this.#options;
    const token = this.#token;
    const url = this.#address('ws', this.#url, { client_id: clientId, token: tokenIn === 'query' && token });
    const protocols = token && tokenIn === 'subprotocol' ? ['bearer', token] : [];
    return socketLink(WebSocket, url, protocols, { frame: ifNow(this.#frame), down: ifNow(this.#down) });
  }

  #byEvents(ifNow) {
    const rooms = [...this.#rooms.keys()].sort().join();
    const query = { rooms, types: [...this.#types].join(), token: this.#token };
    const since = [bookmark(this.#rooms.values()), this.#eventId].filter(Boolean).join();
    return eventsLink(this.#address('http', this.#options.sse.events, query), since, {
      up: ifNow(this.#up),
      alive: ifNow(this.#alive),
      frame: ifNow(this.#frame),
      id: ifNow((id) => (this.#eventId = id)),
      down: ifNow(this.#down),
    });
  }

  #address(scheme, path, query = {}) {
    const url = new URL(path, this.#url);
    url.protocol = scheme + (/https|wss/.test(url.protocol) ? 's' : '');
    for (const name in query) if (query[name]) url.searchParams.set(name, query[name]);
    return url;
  }

  #alive() {
    this.#seen = performance.now();
  }

  #frame(frame) {
    this.#alive();
    const { event_type, data, room } = frame;
    if (frame.stream !== undefined) return this.#requests.part(frame);
    if (!event_type) return frame.success === undefined ? this.#entered(frame) : this.#requests.reply(frame);
    if (event_type === 'connected' && this.state === 'connecting') this.#welcome(data);
    if (event_type === 'disconnected' && data.expires_in_ms) this.#refresh();
    this.#emit('event', frame);
    const sub = this.#rooms.get(room);
    if (sub?.live) sub.event(frame);
  }

  /** A stream of events is in a room: where that has lost what came meanwhile, it says so. */
  #entered({ room, ...place }) {
    if (place.recovered === false) this.#rooms.get(room)?.joined(place);
  }

  #welcome(data) {
    this.connectionId = data.connection_id;
    this.userId = data.user_id;
    if (this.#options.tokenIn !== 'frame' || !this.#token) return this.#up(data);
    const resolve = ({ user_id }) => {
      this.userId = user_id;
      this.#up(data);
    };
    const reject = ({ code, message }) => code === 'refused' && this.#drop(1008, message);
    this.#ask('auth', { data: { token: this.#token } }, { resolve, reject }, undefined, true);
  }

  /** There is a session: all that was is there again, then what waited is asked for. */
  #up({ heartbeat = 25 }) {
    this.#alive();
    this.#began = this.#seen;
    this.#failures = 0;
    this.#denied = null;
    this.#beat = this.#options.heartbeat ?? heartbeat * 1000;
    this.#set('open');
    if (this.state !== 'open') return;
    this.#watch(this.#beat, () => this.#listen());
    if (this.transport === 'websocket') {
      this.#eventId = undefined;
      this.#resubscribe([...this.#types]);
      for (const sub of this.#rooms.values()) this.#attach(sub);
    } else {
      for (const sub of this.#rooms.values()) {
        sub.joined({ ...sub.cursor }); // what is lost the gateway tells by an event
        sub.resolve();
      }
    }
    this.#requests.flush();
  }

  async #refresh() {
    try {
      if (typeof this.#options.token === 'function') await this.auth(await this.#options.token());
    } catch (error) {
      this.#emit('error', error);
    }
  }

  /** Nothing came for an interval: is the gateway there? Nothing came since it was `asked`: it is not. */
  #listen(asked) {
    const now = performance.now();
    if (asked > this.#seen) return this.#drop(1006, 'the gateway is silent');
    const left = this.#seen + this.#beat - now;
    if (left > 0) return this.#watch(left, () => this.#listen());
    this.#link.send(PING);
    this.#watch(this.#beat, () => this.#listen(now));
  }

  #watch(time, then) {
    clearTimeout(this.#watching);
    if (time) this.#watching = setTimeout(then, time);
  }

  /** The network, or who looks at the page, has gone or come: what holds now? */
  #look = ({ type }) => {
    if (globalThis.document?.hidden) return;
    if (type !== 'offline') {
      this.#attempts = 0;
      if (this.state === 'waiting') this.#connect();
    }
    if (this.state !== 'open' || this.transport !== 'websocket') return;
    this.#link.send(PING);
    const asked = performance.now();
    this.#watch(PROBE, () => this.#listen(asked));
  };

  #surroundings(change) {
    for (const name of ['online', 'offline']) globalThis[change]?.(name, this.#look);
    globalThis.document?.[change]('visibilitychange', this.#look);
  }

  /** Other rooms need another stream of events. */
  #restart() {
    clearTimeout(this.#retrying);
    this.#retrying = setTimeout(() => {
      this.#link?.close();
      this.#connect(true);
    });
  }

  #drop(code, reason) {
    const link = this.#link;
    this.#down(code, reason);
    link.close();
  }

  #down(code, reason, after = /^{"retry_after_ms":(\d+)/.exec(reason)?.[1]) {
    const { token, backoff, random } = this.#options;
    const { base, cap, stable } = backoff;
    if (this.state !== 'open') this.#failures += this.transport === 'websocket';
    else if (performance.now() - this.#began >= stable) this.#attempts = 0;
    this.#link = null;
    this.#watch();
    for (const sub of this.#rooms.values()) sub.live = false;
    const lost = `The connection is lost: ${reason || code}`;
    this.#requests.lost(new TidegateError(lost, 'disconnected', { closeCode: code }));
    if (code === 1008) {
      this.#denied = new TidegateError(reason, 'policy', { closeCode: code });
      if (typeof token !== 'function') return this.#finish(this.#denied);
    }
    const delay = after ? +after + random() * base : random() * Math.min(cap, base * 2 ** this.#attempts);
    this.#attempts++;
    this.#set('waiting', { delay, code, reason });
    if (this.state === 'waiting') this.#retrying = setTimeout(() => this.#connect(), delay);
  }

  #finish(error) {
    if (this.state === 'closed') return;
    const link = this.#link;
    this.#link = null;
    this.error = error;
    this.#watch();
    clearTimeout(this.#retrying);
    this.#surroundings('removeEventListener');
    this.#set('closed', { error });
    link?.close();
    for (const sub of this.#rooms.values()) {
      sub.reject?.(error ?? closed());
      sub.end(error);
    }
    this.#requests.fail(error ?? closed());
  }

  #set(state, more) {
    this.state = state;
    this.#emit('state', { state, transport: this.transport, ...more });
  }

  #emit(name, told) {
    for (const handler of this.#handlers[name]) this.run(handler, told);
  }

  /** Calls a handler; what it throws goes to nobody's request. */
  run(handler, told) {
    try {
      handler(told);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}
