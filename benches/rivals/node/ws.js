// Node's `ws`: what a publisher sends goes to all subscribers, in a loop.
const { WebSocketServer } = require('ws');

const subscribers = new Set();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]) });
server.on('connection', (client, request) => {
  if (request.url.startsWith('/pub')) {
    client.on('message', (event) => {
      for (const subscriber of subscribers) subscriber.send(event, { binary: false });
    });
    return;
  }
  subscribers.add(client);
  client.on('close', () => subscribers.delete(client));
});
