/** A connection by WebSocket. `on` is told of frames, and of its end. */
export function socketLink(WebSocket, url, protocols, on) {
  const socket = new WebSocket(url, protocols);
  socket.onmessage = ({ data }) => on.frame(JSON.parse(data));
  socket.onerror = () => {}; // its close follows
  socket.onclose = ({ code, reason }) => on.down(code, reason);
  return { send: (frame) => socket.send(JSON.stringify(frame)), close: () => socket.close() };
}

/** The same by server-sent events, which can only come. Not by `EventSource`, which cannot begin behind an id. */
export function eventsLink(url, id, on) {
  const abort = new AbortController();
  const read = async () => {
    const headers = { accept: 'text/event-stream', ...(id && { 'last-event-id': id }) };
    const answer = await fetch(url, { headers, signal: abort.signal, cache: 'no-store' });
    const { status, ok } = answer;
    if (!ok) return on.down([401, 403].includes(status) ? 1008 : 1006, `HTTP ${status}`, retryAfter(answer));
    on.up({});
    const parse = parser(on);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let part; !(part = await reader.read()).done; ) parse(part.value);
    on.down(1006, 'the stream has ended');
  };
  read().catch((error) => on.down(1006, error.message));
  return { close: () => abort.abort() };
}

/** Reads an event stream, piece by piece. */
export function parser(on) {
  let [rest, data, id] = ['', []];
  return (piece) => {
    on.alive();
    const lines = (rest + piece).split(/\r?\n/);
    rest = lines.pop();
    for (const line of lines) {
      const [, field, value] = /^(\w*):? ?(.*)/.exec(line);
      if (field === 'id') id = value;
      if (field === 'data') data.push(value);
      if (line) continue;
      if (data.length) on.frame(JSON.parse(data.join('\n')));
      on.id(id);
      data = [];
    }
  };
}

/** How far rooms have come, as the gateway's ids of events say it: `epoch:offset@` and the CRC-32C of the room's name. */
export function bookmark(rooms) {
  const places = [...rooms].filter(({ cursor }) => cursor);
  return places.map(({ room, cursor }) => `${cursor.epoch}:${cursor.offset}@${checksum(room)}`).join();
}

function checksum(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 && 0x82f63b78);
  }
  return (~crc >>> 0).toString(16).padStart(8, '0');
}

/** Publishes by HTTP; the answer as a reply. */
export async function post(url, token, event) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  const answer = await fetch(url, { method: 'POST', headers, body: JSON.stringify(event) });
  const said = await answer.json();
  const data = answer.ok ? said : { ...said, retry_after_ms: retryAfter(answer) };
  return { success: answer.ok, message: said.detail ?? said.title, data };
}

/** Milliseconds. */
function retryAfter(answer) {
  const seconds = answer.headers.get('retry-after');
  return seconds ? seconds * 1000 : undefined;
}
