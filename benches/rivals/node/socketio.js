// Socket.IO on Node: subscribers are in a room, and what a publisher sends is emitted to it.
const { Server } = require('socket.io');

const http = require('http').createServer();
// Clients that only listen do not answer its heartbeats.
const io = new Server(http, { transports: ['websocket'], pingInterval: 300000 });
io.on('connection', (socket) => {
  if (socket.handshake.query.role === 'subscriber') {
    socket.join('room');
    socket.emit('joined');
  }
  socket.on('publish', (event) => io.to('room').emit('event', event));
});
http.listen(Number(process.argv[2]), '127.0.0.1');
