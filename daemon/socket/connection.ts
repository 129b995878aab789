import type { Socket } from 'node:net';
import { FrameError, FrameReader } from '../../protocol/frame.ts';
import { FRAME_TIME_MS, IN_FLIGHT_MAX } from '../../protocol/limits.ts';
import { encodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeRequest, type Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';

/** How long a connection that we want to end is kept for its replies to be read, in ms. */
const LINGER_MS = 1_000;

/** Answers one request. Never rejects. Throws BadRequest, at once, for an operation that is not answered here. */
export type Answer = (request: Request) => Promise<Reply> | Reply;

export interface ConnectionOptions {
  readonly answer: Answer;
  /** Told in a sentence why a connection is being closed for what its peer did. */
  readonly onMisuse: (message: string) => void;
  /** How long a frame may take, in ms. */
  readonly frameTimeMs?: number;
}

/**
 * One client: octets to requests, replies to octets. Reads no further while too many of its requests are unanswered or
 * the client does not fetch its replies, so that what a client can make the daemon keep is bounded.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader = new FrameReader();
  #inFlight = 0;
  /** Replies that are to leave in this turn of the event loop. */
  #outgoing: Buffer[] = [];
  /** While what came is being taken: what is answered at once leaves when all of it has been. */
  #taking = false;
  /** No more requests are taken: the peer has ended, has misbehaved, or the daemon is stopping. */
  #closing = false;
  #misused = false;
  /** Nobody waits for ever for the peer to fetch its replies. */
  #hurried = false;
  #frameEnded = false;
  #lastReply: Buffer | undefined;
  #frameTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#close());
    socket.on('drain', () => this.#flow());
    socket.on('error', () => socket.destroy()); // a client may go away at any time
    socket.on('close', () => {
      clearTimeout(this.#frameTimer);
      clearTimeout(this.#lingerTimer);
      this.#reader.clear();
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Takes no more requests, answers those that are in flight, then ends the connection, whether they are read or not. */
  close(): void {
    this.#hurried = true;
    this.#close();
  }

  #close(): void {
    this.#closing = true;
    if (this.#inFlight === 0) this.#end();
  }

  #onData(chunk: Buffer): void {
    this.#taking = true;
    try {
      if (!this.#closing) this.#reader.push(chunk, this.#take);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#misuse(error.message);
    } finally {
      this.#taking = false;
      chunk.fill(0); // it may have held passwords
    }
    this.#send();
    this.#flow();
    if (this.#frameEnded || this.#reader.partial !== (this.#frameTimer !== undefined)) this.#watchFrame();
    this.#frameEnded = false;
  }

  readonly #take = (body: Buffer): void => {
    this.#frameEnded = true;
    if (this.#closing) return;
    let id: number | undefined;
    try {
      const request = decodeRequest(body);
      id = request.id;
      this.#serve(request);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      const known = error.id ?? id;
      if (known !== undefined) {
        this.#lastReply = encodeReply(known, { status: STATUS.badRequest, content: { reason: error.message } });
      }
      this.#misuse(error.message);
    }
  };

  #serve(request: Request): void {
    const reply = this.#options.answer(request);
    if (!(reply instanceof Promise)) {
      this.#write(encodeReply(request.id, reply));
      return;
    }
    this.#inFlight++;
    reply.then(
      (ready) => this.#answered(encodeReply(request.id, ready)),
      // An answer that rejects is a mistake of ours; the client must not wait for it, nor take it for anything.
      () => this.#answered(encodeReply(request.id, { status: STATUS.error, content: { reason: 'internal error' } })),
    );
  }

  #answered(frame: Buffer): void {
    this.#inFlight--;
    this.#write(frame);
    if (this.#closing && this.#inFlight === 0) this.#end();
    else this.#flow();
  }

  /** All replies of one turn of the event loop leave in one system call. */
  #write(frame: Buffer): void {
    if (this.#outgoing.push(frame) === 1 && !this.#taking) setImmediate(() => this.#send());
  }

  #send(): void {
    const frames = this.#outgoing;
    const socket = this.#socket;
    if (frames.length === 0) return;
    this.#outgoing = [];
    if (socket.destroyed || socket.writableEnded) return;
    if (frames.length === 1) {
      socket.write(frames[0] as Buffer);
      return;
    }
    socket.cork();
    for (const frame of frames) socket.write(frame);
    socket.uncork();
  }

  #flow(): void {
    const stop = this.#inFlight >= IN_FLIGHT_MAX || this.#socket.writableNeedDrain;
    if (stop === this.#socket.isPaused()) return;
    if (stop) this.#socket.pause();
    else this.#socket.resume();
    this.#watchFrame();
  }

  #misuse(message: string): void {
    this.#misused = true;
    this.#options.onMisuse(message);
    this.close();
  }

  #end(): void {
    clearTimeout(this.#frameTimer);
    if (this.#socket.destroyed) return;
    if (this.#hurried) this.#lingerTimer ??= setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    if (this.#socket.writableEnded) return;
    if (this.#lastReply) this.#outgoing.push(this.#lastReply);
    this.#send();
    // What a peer that misbehaved still sends is read and thrown away, so that it sees the reply and not a reset; but
    // not for ever. Anybody else is let go at once.
    this.#socket.end(() => {
      if (!this.#misused) this.#socket.destroy();
    });
  }

  /** One timer for a frame that is under way, none for frames that come whole. */
  #watchFrame(): void {
    clearTimeout(this.#frameTimer);
    this.#frameTimer = undefined;
    // While we do not read, the peer cannot complete it.
    if (!this.#reader.partial || this.#closing || this.#socket.isPaused()) return;
    const ms = this.#options.frameTimeMs ?? FRAME_TIME_MS;
    this.#frameTimer = setTimeout(() => this.#misuse(`a frame was not complete after ${ms} ms`), ms);
    this.#frameTimer.unref();
  }
}
