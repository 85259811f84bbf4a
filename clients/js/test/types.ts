// What index.d.ts lets through and what it does not; `tsc --strict` reads it, nobody runs it.

import { connect, TidegateError, type Client, type Cursor, type Event, type Gap } from 'tidegate';

export async function use(): Promise<void> {
  const client: Client = connect('ws://127.0.0.1:8080/ws', {
    token: async () => 'token',
    tokenIn: 'frame',
    backoff: { cap: 1000 },
    sse: { after: 1 },
    WebSocket,
  });
  const off: () => void = client.on('state', ({ state, delay }) => `${state satisfies string} ${delay ?? 0}`);
  off();
  const kept: Cursor | null = (await client.join('room', { since: 'start', slow: 'latest' })).cursor;
  const sub = await client.join('other', kept ? { since: kept } : {});
  for await (const event of sub) {
    if (event.event_type === 'gap') console.log((event as Event<Gap>).data.count);
    await client.ack('user:ada', event);
  }
  const answer = await client.call<{ n: number }>('echo', { n: 1 });
  console.log(answer.n.toFixed());
  for await (const part of client.callStream<string>('chat', {}, { timeout: 1 })) console.log(part.length);
  try {
    await client.publish('room', 'alert_triggered', {}, { key: 'k' });
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'busy') console.log(error.retryAfter);
  }
  // @ts-expect-error: no such policy
  await client.join('room', { slow: 'never' });
  // @ts-expect-error: a room is a name
  await client.presence(1);
  // @ts-expect-error: no such event
  client.on('message', () => {});
  // @ts-expect-error: nobody sets it
  client.state = 'open';
}
