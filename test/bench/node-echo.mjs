// node-echo.mjs SOCKET REPLY: a bare node:net server that answers every chunk with the octets of the file REPLY. What
// Node itself makes of a local socket: no frames, no messages, nothing decided.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';

const [path, replyFile] = process.argv.slice(2);
const reply = readFileSync(replyFile);
createServer((socket) => {
  socket.on('data', () => socket.write(reply));
  socket.on('error', () => socket.destroy());
}).listen(path);
