import type { Socket } from 'node:net';

/** What Node has for a socket of the system. */
interface Handle {
  reading?: boolean;
  readStart?(): number;
  readStop?(): number;
}

/**
 * Stops reading at once. Node's own `pause` stops when one more chunk has come: 64 KiB for each connection that waits,
 * which a client could fill at will. The handle is Node's private matter, the same from version 18 to 24; where it is
 * another one day, `pause` alone is what happens.
 */
export function stopReading(socket: Socket): void {
  socket.pause();
  const handle = handleOf(socket);
  if (!handle?.reading || handle.readStop === undefined) return;
  handle.reading = false;
  handle.readStop();
}

export function resumeReading(socket: Socket): void {
  const handle = handleOf(socket);
  if (handle?.reading === false && handle.readStart !== undefined && !socket.readableEnded) {
    handle.reading = true;
    handle.readStart();
  }
  socket.resume();
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { _handle?: Handle | null })._handle ?? undefined;
}
