import type { Socket } from 'node:net';
import { FrameError, FrameReader } from '../../protocol/frame.ts';
import { FRAME_TIME_MS, IN_FLIGHT_MAX } from '../../protocol/limits.ts';
import { encodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeRequest, type Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { Presence } from '../request/presence.ts';
import type { Limits } from './limits.ts';
import { hasGone } from './peer.ts';
import { pauseReading, readSimply, resumeReading, stopReading } from './reading.ts';
import { isShared, receive } from './receiving.ts';
import { send } from './sending.ts';

/** How long a closing connection waits for its peer to read the replies, in ms. */
const LINGER_MS = 1_000;

/** How many requests of a connection are taken in a row, and after how many octets of replies others have their turn. */
const SLICE = 16;
const SLICE_OCTETS = 65_536;

/** After so many requests of a slice it is looked whether the turn's time is over. */
const LOOK_EVERY = 4;

/** Answers one request of a client that may go away. Does not reject. Throws BadRequest, synchronously, for an operation that is not answered here. */
export type Answer = (request: Request, presence: Presence) => Promise<Reply> | Reply;

export interface ConnectionOptions {
  /** What all connections share. */
  readonly limits: Limits;
  readonly answer: Answer;
  /** Called with a sentence when a connection is closed because its peer broke the protocol. */
  readonly onMisuse: (message: string) => void;
  /** How long a frame may take, in ms. */
  readonly frameTimeMs?: number;
}

/**
 * One client: octets to requests, replies to octets. Takes a few requests in a turn of the event loop, and none while too
 * many are unanswered, of its own or of all, or while the peer does not read its replies: this bounds the memory that a
 * client can make the daemon use, and the time for which others wait.
 */
export class Connection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #limits: Limits;
  readonly #reader = new FrameReader();
  readonly #presence = new Presence();
  #inFlight = 0;
  /** What these requests count in `limits.inFlight`, and whether the connection waits there. */
  #octets = 0;
  #waits = false;
  /** A chunk that is not taken to its end, and where the rest begins. Nothing is read meanwhile. */
  #chunk: Buffer | undefined;
  #at = 0;
  /** Whether that chunk is counted in `limits.inFlight`, and whether it waits for a turn. */
  #kept = false;
  #queued = false;
  #reading: 'on' | 'paused' | 'stopped' = 'on';
  /** Requests of the present slice, and octets of the replies to them. */
  #taken = 0;
  #written = 0;
  #activeAt: number;
  /** What is counted in `limits.stalled`. */
  #stalled = 0;
  /** The replies that leave at the end of this turn of the event loop: the first, mostly the only one, and the others. */
  #outgoing: Buffer | undefined;
  #others: Buffer[] = [];
  /** While a chunk is processed: synchronous replies to it leave together when it has been. */
  #processing = false;
  /** No more requests are accepted: the peer has ended, broke the protocol, or the daemon closes the connection. */
  #closing = false;
  #misused = false;
  /** The peer has ended its side. */
  #ended = false;
  /** The peer has LINGER_MS to read its replies. */
  #lingers = false;
  #frameEnded = false;
  #lastReply: Buffer | undefined;
  #frameTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#limits = options.limits;
    readSimply(socket);
    this.#activeAt = this.#limits.turns.now();
    socket.on('end', () => this.#onEnd());
    socket.on('drain', () => {
      this.#watchPeer(false);
      this.#proceed();
    });
    socket.on('error', () => socket.destroy()); // a client may disconnect at any time
    socket.on('close', () => {
      clearTimeout(this.#frameTimer);
      clearTimeout(this.#lingerTimer);
      this.#presence.end();
      this.#reader.clear();
      this.#dropChunk();
      this.#leave();
      if (this.#stalled > 0) options.limits.stalled.set(this, 0);
    });
    receive(socket, (chunk) => this.#onData(chunk));
  }

  /** Since when nothing is asked and nothing is to be answered, by the clock of `limits.turns`; undefined: it works. */
  get idleSince(): number | undefined {
    const works =
      this.#inFlight > 0 || this.#chunk !== undefined || this.#reader.partial || this.#socket.writableLength > 0;
    return works ? undefined : this.#activeAt;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Accepts no more requests, answers those in flight, then ends the connection, whether the replies are read or not. */
  close(): void {
    this.#lingers = true;
    this.#close();
  }

  /** Called when other connections have left room in `limits.inFlight`. */
  wake(): void {
    this.#waits = false;
    this.#proceed();
  }

  /** Called when this connection holds what others need, longer than they. */
  giveWay(): void {
    this.#stalled = 0;
    this.#options.onMisuse(
      'connection closed: incomplete frames and unread replies reached the limit listen.in_flight',
    );
    this.#socket.destroy();
  }

  /** The peer sends no more. It may have done so before its last requests were taken: Node ends a paused stream too. */
  #onEnd(): void {
    this.#ended = true;
    if (hasGone(this.#socket)) this.#presence.end(); // nobody will read the answers
    if (this.#chunk === undefined) this.#close();
  }

  #close(): void {
    this.#closing = true;
    clearTimeout(this.#frameTimer);
    this.#reader.clear();
    this.#dropChunk();
    this.#leave();
    this.#watchPeer(false);
    if (this.#inFlight === 0) this.#end();
  }

  #onData(chunk: Buffer): void {
    if (this.#closing) {
      chunk.fill(0); // it may have held passwords
      return;
    }
    if (this.#chunk === undefined) {
      this.#chunk = chunk;
      this.#at = 0;
      if (!this.#limits.turns.over && !this.#isBlocked) this.#takeSlice();
      this.#keepRest();
    } else {
      // Read before reading stopped.
      const rest = this.#chunk.subarray(this.#at);
      const both = Buffer.concat([rest, chunk]);
      chunk.fill(0);
      this.#dropChunk();
      this.#chunk = both;
      this.#at = 0;
    }
    this.#settle();
  }

  /** Copies what is left of a chunk whose memory is not its own. */
  #keepRest(): void {
    const chunk = this.#chunk;
    if (chunk === undefined || !isShared(chunk)) return;
    const rest = Buffer.from(new ArrayBuffer(chunk.length - this.#at));
    chunk.copy(rest, 0, this.#at);
    chunk.fill(0, this.#at);
    this.#chunk = rest;
    this.#at = 0;
  }

  readonly #onTurn = (): void => {
    this.#queued = false;
    if (this.#chunk === undefined) return;
    if (!this.#isBlocked) this.#takeSlice();
    this.#settle();
  };

  #takeSlice(): void {
    const chunk = this.#chunk as Buffer;
    const from = this.#at;
    this.#at = chunk.length;
    this.#taken = 0;
    this.#written = 0;
    this.#processing = true;
    try {
      this.#at = this.#reader.push(chunk, this.#onFrame, from);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#misuse(error.message);
    } finally {
      this.#processing = false;
      // It may have held passwords. The rest of a chunk of a connection that is closed by now is not taken.
      chunk.fill(0, from, this.#chunk === undefined ? chunk.length : this.#at);
    }
    if (this.#at === chunk.length) this.#dropChunk();
    this.#send();
  }

  /** After a slice, or in place of one: what is left waits. */
  #settle(): void {
    if (this.#chunk !== undefined && !this.#kept) {
      this.#kept = true;
      if (!this.#limits.inFlight.keepChunk(this.#chunk.length)) {
        this.#misuse('too many requests at once while the limit listen.in_flight is reached');
      }
    }
    this.#activeAt = this.#limits.turns.lookedAt;
    if (this.#ended && this.#chunk === undefined && !this.#closing) this.#close();
    this.#proceed();
    this.#watchPeer(this.#frameEnded);
    if (this.#frameEnded || this.#reader.partial !== (this.#frameTimer !== undefined)) this.#watchFrame();
    this.#frameEnded = false;
  }

  /** Wipes what is left of a chunk. */
  #dropChunk(): void {
    if (this.#chunk === undefined) return;
    this.#chunk.fill(0, this.#at);
    if (this.#kept) this.#limits.inFlight.dropChunk(this.#chunk.length);
    this.#kept = false;
    this.#chunk = undefined;
  }

  /** Takes a request; false if no more should be taken of this slice. */
  readonly #onFrame = (body: Buffer): boolean => {
    this.#frameEnded = true;
    let id: number | undefined;
    try {
      const request = decodeRequest(body);
      id = request.id;
      this.#answer(request, body.length);
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
      const known = error.id ?? id;
      if (known !== undefined) {
        this.#lastReply = encodeReply(known, { status: STATUS.badRequest, content: { reason: error.message } });
      }
      this.#misuse(error.message);
      return false;
    }
    this.#taken++;
    if (this.#taken >= SLICE || this.#written >= SLICE_OCTETS || this.#closing) return false;
    if (this.#taken % LOOK_EVERY === 0 && this.#limits.turns.over) return false;
    return this.#inFlight < IN_FLIGHT_MAX && !this.#limits.inFlight.isFull(this.#octets);
  };

  #answer(request: Request, octets: number): void {
    const reply = this.#options.answer(request, this.#presence);
    if (!(reply instanceof Promise)) {
      this.#write(encodeReply(request.id, reply));
      return;
    }
    const { id } = request; // the rest of the request need not stay in memory
    this.#inFlight++;
    this.#octets = this.#limits.inFlight.add(octets, this.#octets);
    // A question that is answered at its deadline, or whose client is gone, takes memory until its query has ended.
    const wait = this.#presence.begun();
    let holding = wait === undefined ? 1 : 2;
    const release = () => {
      if (--holding === 0) this.#release(octets);
    };
    wait?.whenDone(release);
    const answered = (frame: Buffer) => {
      this.#answered(frame);
      release();
    };
    reply.then(
      (ready) => answered(encodeReply(id, ready)),
      // An answer that rejects is a bug; the client must neither wait for it nor take it for a verdict.
      () => answered(encodeReply(id, { status: STATUS.error, content: { reason: 'internal error' } })),
    );
  }

  #answered(frame: Buffer): void {
    this.#inFlight--;
    this.#activeAt = this.#limits.turns.lookedAt;
    this.#write(frame);
    if (!this.#closing) this.#proceed();
    else if (this.#inFlight === 0) this.#end();
  }

  /** Nothing of a request is in memory any more. */
  #release(octets: number): void {
    this.#octets = this.#limits.inFlight.remove(octets, this.#octets);
    this.#limits.inFlight.wakeOthers();
    this.#proceed();
  }

  /** All replies of one turn of the event loop leave in one system call. */
  #write(frame: Buffer): void {
    this.#written += frame.length;
    if (this.#outgoing !== undefined) {
      this.#others.push(frame);
      return;
    }
    this.#outgoing = frame;
    if (!this.#processing) setImmediate(() => this.#send());
  }

  #send(): void {
    const first = this.#outgoing;
    const others = this.#others;
    const socket = this.#socket;
    if (first === undefined) return;
    this.#outgoing = undefined;
    if (others.length > 0) this.#others = [];
    if (socket.destroyed || socket.writableEnded) return;
    if (others.length === 0) {
      send(socket, first);
    } else {
      socket.cork();
      socket.write(first);
      for (const frame of others) socket.write(frame);
      socket.uncork();
    }
    if (socket.writableNeedDrain) {
      this.#watchPeer(false);
      this.#proceed();
    }
  }

  /** Whether no request may be taken now. */
  get #isBlocked(): boolean {
    return (
      this.#inFlight >= IN_FLIGHT_MAX || this.#socket.writableNeedDrain || this.#limits.inFlight.isFull(this.#octets)
    );
  }

  /** Goes on as far as it may: takes the rest of a chunk in a later turn, reads, or stops reading. */
  #proceed(): void {
    if (this.#closing || this.#socket.destroyed) return;
    const { inFlight, turns } = this.#limits;
    const blocked = this.#isBlocked;
    if (blocked && !this.#waits && inFlight.isFull(this.#octets)) {
      this.#waits = true;
      inFlight.wait(this, this.#octets);
    } else if (!blocked && this.#waits) this.#leave();
    const left = this.#chunk !== undefined;
    if (left && !blocked && !this.#queued) {
      this.#queued = true;
      turns.later(this.#onTurn);
    }
    // One with so many requests is paused only, so that its end is seen: what Node reads ahead is less than they count.
    const reading = !(blocked || left) ? 'on' : this.#inFlight >= IN_FLIGHT_MAX && !left ? 'paused' : 'stopped';
    if (reading === this.#reading) return;
    this.#reading = reading;
    if (reading === 'on') resumeReading(this.#socket);
    else if (reading === 'paused') pauseReading(this.#socket);
    else stopReading(this.#socket);
    this.#watchFrame();
  }

  #leave(): void {
    if (this.#waits) this.#limits.inFlight.leave(this);
    this.#waits = false;
  }

  /** Counts what only the peer can release. `anew`: what it held before is complete. */
  #watchPeer(anew: boolean): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const octets = this.#reader.held + (socket.writableNeedDrain ? socket.writableLength : 0);
    if (octets === this.#stalled && (octets === 0 || !anew)) return;
    this.#stalled = octets;
    this.#limits.stalled.set(this, octets, anew);
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
    if (this.#lastReply) this.#write(this.#lastReply);
    this.#send();
    if (this.#socket.isPaused()) resumeReading(this.#socket);
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
