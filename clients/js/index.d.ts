/** The place of an event in its room. */
export interface Cursor {
  /** One life of the room; opaque. */
  epoch: string;
  /** Grows with each event of the room; 0 before the first. */
  offset: number;
}

/** An event, as the gateway sends it. */
export interface Event<T = unknown> {
  event_type: string;
  /** RFC 3339, UTC. */
  timestamp: string;
  data: T;
  source: string;
  /** Null: it went to everybody. */
  room: string | null;
  /** Where the room keeps history. */
  epoch?: string;
  /** Where the room keeps history. */
  offset?: number;
  /** What it is about, where it says so. */
  key?: string;
}

/** What stands in the data of an event `gap`: events are missing here, and what was made of them must be loaded anew. */
export interface Gap {
  room: string | null;
  /** How many are missing; null where nobody knows. */
  count: number | null;
  /** They come after this one. */
  from: Cursor | null;
  /** The last of them. Another `epoch` than in `from`: the room has begun a new life. */
  to: Cursor | null;
  /**
   * Who says so. Left out: the gateway, to a session that was too slow. `history`: this client, as the room's history no
   * longer reaches back to what it saw last. `queue`: this client, as its application did not take them in time.
   */
  reason?: 'history' | 'queue';
}

/**
 * `connecting`, `open`, and `waiting` for the next attempt; `closed` for good, by `close` or because the gateway does not
 * want this client.
 */
export type State = 'connecting' | 'open' | 'waiting' | 'closed';

export interface StateChange {
  state: State;
  transport: 'websocket' | 'sse' | null;
  /** With `waiting`: milliseconds until the next attempt. */
  delay?: number;
  /** With `waiting`: the close code; 1006 where there was none. */
  code?: number;
  /** With `waiting`: the close's reason. */
  reason?: string;
  /** With `closed`: why, where it was not `close`. */
  error?: TidegateError;
}

export type ErrorCode =
  /** The gateway's answer is no; `message` is the gateway's. */
  | 'refused'
  /** The gateway has too much to do, or a limit is used up: `retryAfter`. */
  | 'busy'
  /** No answer in time. */
  | 'timeout'
  /** The connection was lost while the request was on its way: it may have been done, or not. */
  | 'disconnected'
  /** The gateway closed the connection for good: `closeCode` 1008. */
  | 'policy'
  /** The client was closed. */
  | 'closed'
  /** More parts of a stream wait than `queue`. */
  | 'overflow';

export class TidegateError extends Error {
  readonly code: ErrorCode;
  /** The `data` of the gateway's answer. */
  readonly data?: unknown;
  /** Milliseconds after which the same request may pass. */
  readonly retryAfter?: number;
  readonly closeCode?: number;
}

/** What the WebSocket class of a platform, or of the package `ws`, has in common. */
export type WebSocketClass = new (url: string | URL, protocols?: string | string[]) => {
  onmessage: any;
  onclose: any;
  onerror: any;
  send(data: string): void;
  close(): void;
};

export interface Options {
  /** A token, or who gives one: asked before each connection, and when the gateway warns that the one it has expires. */
  token?: string | (() => string | Promise<string>);
  /**
   * How the token is shown: `subprotocol` (default) keeps it out of URLs and their logs, `query`, or `frame`: by the request
   * `auth`, at endpoints with `take_from = ["first_frame"]`.
   */
  tokenIn?: 'subprotocol' | 'query' | 'frame';
  /** The name of the session. */
  clientId?: string;
  /** Rooms to be in from the start; what comes there is told by `on('event', …)`. */
  rooms?: string[];
  /** Event types to let through from the start, as by `subscribe`. */
  types?: string[];
  /** What events must be like, from the start. */
  where?: string;
  /**
   * How long to wait before the n-th attempt to connect, in milliseconds: at random between 0 and `base` × 2ⁿ, or `cap` if that
   * is less. A connection that held for `stable` begins anew. The gateway's own `retry_after_ms` has precedence.
   * Default: 300, 20,000, 5000.
   */
  backoff?: { base?: number; cap?: number; stable?: number };
  /**
   * Milliseconds of silence after which the client asks whether the gateway is there; after as much again it connects anew.
   * Default: as the gateway's welcome says. 0: never.
   */
  heartbeat?: number;
  /** Milliseconds that an answer, or the next part of one, or a connection, may take: 10,000. */
  timeout?: number;
  /**
   * Events that may wait in a subscription's iterator, or parts in a stream's: 1000. Past that a subscription drops those
   * that wait and has a `gap` in their place, and a stream is cancelled.
   */
  queue?: number;
  /**
   * Where WebSocket is blocked: after so many attempts in a row without a session (3) events come by server-sent events from
   * `events` (`/events`), and `publish` goes by HTTP to `publish` (`/api/v1/publish`). Nothing else works then, so each
   * new connection tries WebSocket first. False: never.
   */
  sse?: false | { after?: number; events?: string; publish?: string };
  /** For platforms that have none of their own: Node.js before 22 with the package `ws`. */
  WebSocket?: WebSocketClass;
  /** Between 0 and 1, for the back-off. */
  random?: () => number;
}

export interface JoinOptions {
  /** After which event to begin: a cursor of before, or `start` for all that the room keeps. Default: from now on. */
  since?: Cursor | 'start';
  /** The last so many events first. */
  last?: number;
  /** What the gateway does where this client is too slow, if the room's rule lets it choose. */
  slow?: 'disconnect' | 'drop_oldest' | 'latest' | 'catch_up';
  /** What others in the room see of this session: 1024 bytes at most. */
  info?: Record<string, unknown>;
  /** Gets the events instead of the iterator, as they come. */
  handler?: (event: Event<any>) => void;
  /** As the client's. */
  queue?: number;
  timeout?: number;
}

/**
 * A room that is joined, again after each lost connection, from its cursor on: nothing is lost and nothing comes twice, as
 * far as the room's history reaches; where it does not, an event `gap` says so ({@link Gap}). One consumer iterates at a time.
 * The iterator ends with `leave` and `close`, and throws where the gateway does not let the client in again.
 */
export interface Subscription extends AsyncIterable<Event<any>> {
  readonly room: string;
  /** The place of the newest event that came; keep it to go on from there in another process. */
  readonly cursor: Cursor | null;
  /** Whether nothing was missing at the last join; undefined where it did not ask for anything before it. */
  readonly recovered: boolean | undefined;
  next(): Promise<IteratorResult<Event<any>, undefined>>;
  leave(): Promise<void>;
}

/** The answer to a call, in parts. To leave the loop, or `cancel`, stops the call. */
export interface CallStream<T = unknown> extends AsyncIterableIterator<T> {
  /** The data of the final answer, once the loop has ended. */
  readonly result: unknown;
  cancel(): void;
}

export interface Placed extends Cursor {
  room: string;
}

export interface Member {
  connection_id: string;
  user_id: string | null;
  info?: Record<string, unknown> | null;
}

export interface Page extends Cursor {
  events: Event<any>[];
  recovered?: boolean;
  /** True: there are more than fit into the answer. */
  more?: boolean;
}

export interface Info {
  connection_id: string;
  metadata: { connected_at: string; client_id: string | null };
  user_id: string | null;
  roles: string[];
  rooms: string[];
  subscriptions: string[];
  backlog: { frames: number; bytes: number };
}

export interface Client {
  readonly state: State;
  readonly transport: 'websocket' | 'sse' | null;
  /** The session's name, once it is open. */
  readonly connectionId: string | null;
  readonly userId: string | null;
  /** Why it was closed, where it was not `close`. */
  readonly error?: TidegateError;

  /** Each returns how to stop. `event` tells of all events, also of rooms that the gateway has put the session into. */
  on(name: 'state', handler: (change: StateChange) => void): () => void;
  on(name: 'event', handler: (event: Event<any>) => void): () => void;
  /** What went wrong and is no answer to a request: a room that could not be joined again, a token not renewed. */
  on(name: 'error', handler: (error: Error) => void): () => void;

  /** Resolves when there is a session. Requests need not wait for it: they wait by themselves. */
  ready(): Promise<void>;
  /** Ends everything. */
  close(): void;

  /**
   * Joins a room. Joins, and requests that may be done twice, outlive a lost connection, and wait where the gateway is busy;
   * `publish` and calls that were on their way reject with `disconnected`, or `busy`.
   */
  join(room: string, options?: JoinOptions): Promise<Subscription>;
  /** Lets only these event types through, in all rooms, beside those of before; `where` is a criterion for all of them, null takes it back. */
  subscribe(types: string[], options?: { where?: string | null }): Promise<{ event_types: string[]; where?: string }>;
  unsubscribe(types: string[]): Promise<{ event_types: string[] }>;
  publish(room: string, eventType: string, data: unknown, options?: { key?: string; timeout?: number }): Promise<Placed>;
  presence(room: string, options?: { skip?: number; limit?: number }): Promise<{ count: number; members: Member[] }>;
  history(room: string, options?: { since?: Cursor | 'start'; limit?: number; reverse?: boolean }): Promise<Page>;
  /** What the events of a room with a cache have come to: the last of each key. */
  roomState(room: string): Promise<Page>;
  /** Notes how far the user has got in its inbox; an event is a cursor, too. */
  ack(room: string, cursor: { epoch?: string; offset?: number }): Promise<Placed>;
  info(): Promise<Info>;
  /** Goes on with another token of the same user. */
  auth(token: string): Promise<{ user_id: string | null; roles: string[]; expires_at: string | null }>;
  /** Has a plugin do something. */
  call<T = unknown>(name: string, data?: unknown, options?: { room?: string; timeout?: number }): Promise<T>;
  /** The same, with the answer in parts. */
  callStream<T = unknown>(name: string, data?: unknown, options?: { room?: string; timeout?: number }): CallStream<T>;
}

/** A client of the endpoint at `url` (`ws:`, `wss:`, `http:`, `https:`, or in browsers a path), which connects at once, and again. */
export function connect(url: string | URL, options?: Options): Client;
