// Node's `ws`: what a publisher sends goes to all subscribers, in a loop. With `deflate` behind the port to those who offer it compressed, each
// message begun anew, as the gateway does.
const { WebSocketServer } = require('ws');

const subscribers = new Set();
const perMessageDeflate = process.argv[3] === 'deflate' && { serverNoContextTakeover: true, clientNoContextTakeover: true };
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate });
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
