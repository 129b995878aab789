import type { Socket } from 'node:net';

/** What Node has for a socket of the system. */
interface Handle {
  reading?: boolean;
  readStart?(): number;
  readStop?(): number;
}

/**
 * Saves the turn of its queues that Node takes after each chunk to see whether the stream should read more: the handle of a
 * socket reads until it is told to stop. Where Node's state has no such member one day, that is what happens again.
 */
export function readSimply(socket: Socket): void {
  const { _readableState: state } = socket as unknown as { readonly _readableState?: { readingMore?: boolean } };
  if (state !== undefined) state.readingMore = true;
}

/**
 * Stops reading at once. Node's own `pause` reads on until its buffer is full: 64 KiB for each connection that waits, which
 * a client could fill at will. It asks its handle for more after each chunk, unless it believes that the handle reads: so
 * `reading` stays as it is. The handle is Node's private matter, the same from version 18 to 24; where it is another one
 * day, `pause` alone is what happens.
 *
 * The end of a peer is not seen meanwhile.
 */
export function stopReading(socket: Socket): void {
  socket.pause();
  handleOf(socket)?.readStop?.();
}

/** As `stopReading`, but the end of the peer is seen if it comes before Node's buffer is full. */
export function pauseReading(socket: Socket): void {
  socket.pause();
  startHandle(socket);
}

export function resumeReading(socket: Socket): void {
  startHandle(socket);
  socket.resume();
}

function startHandle(socket: Socket): void {
  const handle = handleOf(socket);
  if (handle?.readStart === undefined || socket.readableEnded) return;
  handle.reading = true;
  handle.readStart();
}

function handleOf(socket: Socket): Handle | undefined {
  return (socket as unknown as { _handle?: Handle | null })._handle ?? undefined;
}
