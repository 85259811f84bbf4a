import { Queue } from './queue.js';

/** The place of an event in its room; none where the room keeps no history. */
export const placeOf = (event) => (event?.epoch === undefined ? null : { epoch: event.epoch, offset: event.offset });

const isPast = (place, other) => place?.epoch === other.epoch && place.offset >= other.offset;

/** A room that is joined again after each lost connection, from its cursor on, until it is left. */
export class Subscription {
  cursor = null;
  recovered;
  /** Whether it is joined on this connection. What comes before the join's reply comes behind it once more. */
  live = false;
  #queue = new Queue();
  /** The places of the newest event that came, against doubles, and of the last that was taken. */
  #newest;
  #taken;
  #client;
  #options;

  /** `client` has `leave(sub)` and `run(handler, event)`. */
  constructor(client, room, options) {
    this.room = room;
    this.#client = client;
    this.#options = options;
  }

  /** What is asked for with the join. */
  get wanted() {
    const { since, last, slow, info } = this.#options;
    return this.cursor ? { since: this.cursor, slow, info } : { since, last, slow, info };
  }

  /** The join's reply came. */
  joined(data) {
    const from = this.cursor ?? placeOf(this.#options.since);
    this.live = true;
    this.recovered = data.recovered;
    this.cursor = placeOf(data);
    this.#taken ??= from ?? this.cursor;
    if (data.recovered !== false) return;
    this.#newest = null;
    this.#give(this.#gap({ count: null, from, to: this.cursor, reason: 'history' }));
  }

  event(event) {
    const isGap = event.event_type === 'gap';
    const place = isGap ? event.data.to : placeOf(event);
    if (place && !isGap) {
      if (this.#newest && isPast(this.#newest, place)) return;
      this.#newest = place;
    }
    // Where a gap tells of members, its epoch is none of the room's.
    const counts = place && (!isGap || event.data.from.epoch === this.cursor?.epoch);
    if (counts && !isPast(this.cursor, place)) this.cursor = place;
    this.#give(event);
  }

  end(error) {
    this.live = false;
    this.#queue.end(error);
  }

  leave() {
    return this.#client.leave(this);
  }

  async next() {
    const next = await this.#queue.next();
    this.#taken = placeOf(next.value) ?? this.#taken;
    return next;
  }

  [Symbol.asyncIterator]() {
    return { next: () => this.next() }; // who breaks out of the loop stays in the room
  }

  #give(event) {
    const { handler, queue } = this.#options;
    if (handler) return this.#client.run(handler, event);
    this.#queue.push(event);
    const { items } = this.#queue;
    if (items.length <= queue) return;
    const counts = items.map(({ event_type, data }) => (event_type === 'gap' ? data.count : 1));
    const count = counts.includes(null) ? null : counts.reduce((sum, each) => sum + each);
    const gap = this.#gap({ count, from: this.#taken, to: this.cursor, reason: 'queue' });
    items.splice(0, items.length, gap);
  }

  /** What tells that events are missing, as the gateway's own event does. */
  #gap(data) {
    const { room } = this;
    const timestamp = new Date().toISOString();
    return { event_type: 'gap', timestamp, data: { room, ...data }, source: 'tidegate-client', room };
  }
}
