import type { Socket } from 'node:net';
import { FrameError, FrameReader } from '../../protocol/frame.ts';
import { FRAME_TIME_MS, IN_FLIGHT_MAX } from '../../protocol/limits.ts';
import { encodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeRequest, type Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';

/** How long a closing connection waits for its peer to read the replies, in ms. */
const LINGER_MS = 1_000;

/** Answers one request. Does not reject. Throws BadRequest, synchronously, for an operation that is not answered here. */
export type Answer = (request: Request) => Promise<Reply> | Reply;

export interface ConnectionOptions {
  readonly answer: Answer;
  /** Called with a sentence when a connection is closed because its peer broke the protocol. */
  readonly onMisuse: (message: string) => void;
  /** How long a frame may take, in ms. */
  readonly frameTimeMs?: number;
}

/**
 * One client: octets to requests, replies to octets. Stops reading while too many requests are unanswered or the peer
 * does not read its replies, which bounds the memory that a client can make the daemon use.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #reader = new FrameReader();
  #inFlight = 0;
  /** Replies that leave at the end of this turn of the event loop. */
  #outgoing: Buffer[] = [];
  /** While a chunk is processed: synchronous replies to it leave together when it has been. */
  #processing = false;
  /** No more requests are accepted: the peer has ended, broke the protocol, or the daemon closes the connection. */
  #closing = false;
  #misused = false;
  /** The peer has LINGER_MS to read its replies. */
  #lingers = false;
  #frameEnded = false;
  #lastReply: Buffer | undefined;
  #frameTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    socket.on('end', () => this.#close());
    socket.on('drain', () => this.#throttle());
    socket.on('error', () => socket.destroy()); // a client may disconnect at any time
    socket.on('close', () => {
      clearTimeout(this.#frameTimer);
      clearTimeout(this.#lingerTimer);
      this.#reader.clear();
    });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Accepts no more requests, answers those in flight, then ends the connection, whether the replies are read or not. */
  close(): void {
    this.#lingers = true;
    this.#close();
  }

  #close(): void {
    this.#closing = true;
    if (this.#inFlight === 0) this.#end();
  }

  #onData(chunk: Buffer): void {
    this.#processing = true;
    try {
      if (!this.#closing) this.#reader.push(chunk, this.#onFrame);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#misuse(error.message);
    } finally {
      this.#processing = false;
      chunk.fill(0); // it may have held passwords
    }
    this.#send();
    this.#throttle();
    if (this.#frameEnded || this.#reader.partial !== (this.#frameTimer !== undefined)) this.#watchFrame();
    this.#frameEnded = false;
  }

  readonly #onFrame = (body: Buffer): void => {
    this.#frameEnded = true;
    if (this.#closing) return;
    let id: number | undefined;
    try {
      const request = decodeRequest(body);
      id = request.id;
      this.#answer(request);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      const known = error.id ?? id;
      if (known !== undefined) {
        this.#lastReply = encodeReply(known, { status: STATUS.badRequest, content: { reason: error.message } });
      }
      this.#misuse(error.message);
    }
  };

  #answer(request: Request): void {
    const reply = this.#options.answer(request);
    if (!(reply instanceof Promise)) {
      this.#write(encodeReply(request.id, reply));
      return;
    }
    this.#inFlight++;
    reply.then(
      (ready) => this.#answered(encodeReply(request.id, ready)),
      // An answer that rejects is a bug; the client must neither wait for it nor take it for a verdict.
      () => this.#answered(encodeReply(request.id, { status: STATUS.error, content: { reason: 'internal error' } })),
    );
  }

  #answered(frame: Buffer): void {
    this.#inFlight--;
    this.#write(frame);
    if (this.#closing && this.#inFlight === 0) this.#end();
    else this.#throttle();
  }

  /** All replies of one turn of the event loop leave in one system call. */
  #write(frame: Buffer): void {
    if (this.#outgoing.push(frame) === 1 && !this.#processing) setImmediate(() => this.#send());
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

  /** Stops or resumes reading. */
  #throttle(): void {
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
    if (this.#lingers) this.#lingerTimer ??= setTimeout(() => this.#socket.destroy(), LINGER_MS).unref();
    if (this.#socket.writableEnded) return;
    if (this.#lastReply) this.#outgoing.push(this.#lastReply);
    this.#send();
    // What a peer that broke the protocol still sends is read and discarded for a while, so that it sees the reply and
    // not a reset. Any other connection is closed at once.
    this.#socket.end(() => {
      if (!this.#misused) this.#socket.destroy();
    });
  }

  /** Runs a timer while a frame is incomplete; frames that arrive whole need none. */
  #watchFrame(): void {
    clearTimeout(this.#frameTimer);
    this.#frameTimer = undefined;
    // While the daemon does not read, the peer cannot complete it.
    if (!this.#reader.partial || this.#closing || this.#socket.isPaused()) return;
    const ms = this.#options.frameTimeMs ?? FRAME_TIME_MS;
    this.#frameTimer = setTimeout(() => this.#misuse(`incomplete frame after ${ms} ms`), ms);
    this.#frameTimer.unref();
  }
}
