import http from 'node:http';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { FrameReader } from '../../protocol/frame.ts';
import { decodeReply } from '../../protocol/reply.ts';
import { encodeRequest } from '../../protocol/request.ts';

/*
 * The attacker: a program of its own, which attacker.ts starts with a low priority, because it shares the machine with the
 * daemon. `flood.ts JSON` attacks until SIGTERM and then prints what it got: a count for each status of the replies, and
 * so on. It prints "ready" when it has begun.
 */

export type Sources = 'many' | 'one' | 'none' | 'forged';

export type Flood =
  /** Guesses, each with a new password. */
  | {
      readonly kind: 'guess';
      readonly socket: string;
      /** One account, or `user1` to `user1000` and as many names that nobody has. */
      readonly username?: string;
      readonly sources: Sources;
      readonly address?: string;
      readonly inFlight: number;
      /** The most guesses per second; 0: as many as are answered. */
      readonly rate: number;
      readonly deadlineMs?: number;
      /** Asks again what was answered `busy`, as long after as it was told, before guessing anew: as a person does. */
      readonly again?: boolean;
    }
  /** Requests of the protected page, from many addresses. */
  | { readonly kind: 'http'; readonly port: number; readonly path: string; readonly rate: number }
  /** Connections that say nothing. */
  | { readonly kind: 'idle'; readonly socket: string; readonly connections: number }
  /** Connections that send a frame octet by octet. */
  | { readonly kind: 'trickle'; readonly socket: string; readonly connections: number }
  /** Connections that are closed at once; with `questions`, after so many guesses were sent. */
  | {
      readonly kind: 'churn';
      readonly socket: string;
      readonly rate: number;
      readonly questions: number;
      /** Ends its side and waits, in place of closing. */
      readonly half?: boolean;
    }
  /** Sends the same octets again and again; reads replies unless it is `deaf`. */
  | {
      readonly kind: 'repeat';
      readonly socket: string;
      readonly operation: 'ping' | 'status';
      readonly connections: number;
      /** How many questions are sent in one piece. */
      readonly batch: number;
      readonly deaf?: boolean;
      readonly pauseMs: number;
    }
  /** As many unanswered checks as a connection may have, with the longest passwords. */
  | { readonly kind: 'stuff'; readonly socket: string; readonly connections: number; readonly octets: number }
  /** Asks `authorize` for every account once. */
  | { readonly kind: 'harvest'; readonly socket: string; readonly accounts: number };

/** What the attacker got. */
export interface Loot {
  /** By the status of the reply; `closed`, `failed` and others by what happened. */
  readonly counts: Record<string, number>;
  /** The accounts that were told. */
  readonly told: number;
}

const counts: Record<string, number> = {};
let told = 0;
let ended = false;
const count = (what: string | number, by = 1) => {
  counts[what] = (counts[what] ?? 0) + by;
};

const NAMES = 1_000;
const DIGITS = 12;
const BLANK = '#'.repeat(DIGITS);
const BLANK_ADDRESS = '255.255.255.255';

/** A frame whose id, password and address are written into its octets. */
interface Template {
  readonly octets: Buffer;
  readonly id: number;
  readonly password: number;
  readonly address: number;
}

function template(username: string, client: object, deadlineMs: number): Template {
  const octets = encodeRequest(0xffff_ffff, 'check', {
    username: Buffer.from(username),
    password: Buffer.from(BLANK),
    client,
    deadline_ms: deadlineMs,
  });
  return {
    octets,
    id: octets.indexOf(Buffer.from('ceffffffff', 'hex')) + 1,
    password: octets.indexOf(BLANK),
    address: octets.indexOf(BLANK_ADDRESS),
  };
}

let guesses = Math.floor(Math.random() * 1e9) * 100;

function* templates(flood: Extract<Flood, { kind: 'guess' }>): Generator<Template, never> {
  const { sources, address = '198.18.0.1', username, deadlineMs = 5_000 } = flood;
  const clientOf = (number: number) => {
    if (sources === 'none') return {};
    if (sources === 'forged') return { address: BLANK_ADDRESS, service: 'apache' };
    if (sources === 'one') return { address, service: 'apache' };
    return { address: `198.18.${(number >> 8) & 0xff}.${number & 0xff}`, service: 'apache' };
  };
  const names = username === undefined ? 2 * NAMES : 1;
  const list = Array.from({ length: Math.max(names, sources === 'many' ? NAMES : 1) }, (_, i) =>
    template(username ?? (i % 2 ? `nobody${i}` : `user${1 + (i >> 1)}`), clientOf(i), deadlineMs),
  );
  for (let at = 0; ; at = (at + 1) % list.length) yield list[at] as Template;
}

/** The next guess, with this id. The octets are used again for a later guess. */
function guess({ octets, id, password, address }: Template, number: number): Buffer {
  octets.writeUInt32BE(number, id);
  octets.write(String(guesses++).padStart(DIGITS, '0'), password, 'latin1');
  if (address >= 0) {
    const octet = () => 100 + Math.floor(Math.random() * 100);
    octets.write(`${octet()}.${octet()}.${octet()}.${octet()}`, address, 'latin1');
  }
  return Buffer.from(octets);
}

function dial(socket: string, onReply: (id: number, status: number, content: unknown) => void): net.Socket {
  const connection = net.connect(socket);
  const reader = new FrameReader();
  connection.on('data', (chunk) => {
    reader.push(chunk, (body) => {
      const { id, status, content } = decodeReply(body);
      onReply(id, status, content);
    });
  });
  connection.on('error', (error: NodeJS.ErrnoException) => count(error.code ?? 'failed'));
  return connection;
}

const IN_FLIGHT = 64;

/** Where the id of every guess is: behind the length, the array of four, the version and the head of a number. */
const ID_AT = 4 + 1 + 1 + 1;

/** How many guesses that were answered `busy` are kept. */
const LATER_MAX = 20_000;

async function guessing(flood: Extract<Flood, { kind: 'guess' }>): Promise<void> {
  const next = templates(flood);
  const startedAt = performance.now();
  let sent = 0;
  const later: { frame: Buffer; at: number }[] = [];
  const lines = Math.ceil(flood.inFlight / IN_FLIGHT);
  for (let line = 0; line < lines; line++) {
    const width = Math.min(IN_FLIGHT, flood.inFlight - line * IN_FLIGHT);
    const open = () => {
      let waiting = 0;
      let id = 1;
      const asked = new Map<number, Buffer>();
      const connection = dial(flood.socket, (answered, status, content) => {
        count(status);
        waiting--;
        const frame = asked.get(answered);
        asked.delete(answered);
        if (frame !== undefined && status === 3 && later.length < LATER_MAX) {
          const seconds = Number((content as Map<string, unknown>).get('retry_after'));
          later.push({ frame, at: performance.now() + seconds * 1000 });
        }
        pump();
      });
      const take = (): Buffer => {
        const frame =
          later[0] !== undefined && later[0].at <= performance.now()
            ? (later.shift() as { frame: Buffer }).frame
            : guess(next.next().value, id);
        if (flood.again) {
          frame.writeUInt32BE(id, ID_AT);
          asked.set(id, frame);
        }
        id++;
        return frame;
      };
      // The rate holds for all connections together.
      const pump = () => {
        if (ended || connection.destroyed) return;
        const due = flood.rate === 0 ? Number.POSITIVE_INFINITY : ((performance.now() - startedAt) / 1000) * flood.rate;
        const frames: Buffer[] = [];
        while (waiting < width && sent < due) {
          waiting++;
          sent++;
          frames.push(take());
        }
        if (frames.length > 0) connection.write(Buffer.concat(frames));
      };
      connection.on('connect', pump);
      const timer = flood.rate === 0 ? undefined : setInterval(pump, 10);
      connection.on('close', () => {
        clearInterval(timer);
        count('closed');
        if (!ended) setTimeout(open, 50);
      });
    };
    open();
  }
  for (;;) await sleep(1_000);
}

async function requesting({ port, path, rate }: Extract<Flood, { kind: 'http' }>): Promise<void> {
  const startedAt = performance.now();
  for (let sent = 0; !ended; ) {
    for (; sent < ((performance.now() - startedAt) / 1000) * rate; sent++) {
      const name = sent % 2 ? `user${1 + (sent % NAMES)}` : `nobody${sent % NAMES}`;
      const authorization = `Basic ${Buffer.from(`${name}:guess${guesses++}`).toString('base64')}`;
      const localAddress = `127.1.${(sent >> 7) & 0xff}.${1 + (sent & 0x7f)}`;
      const request = http.get({
        host: '127.0.0.1',
        port,
        path,
        localAddress,
        headers: { authorization },
        agent: false,
      });
      request.on('response', (response) => {
        count(response.statusCode ?? 0);
        response.resume();
      });
      request.on('error', () => count('failed'));
    }
    await sleep(5);
  }
}

async function idling({ socket, connections }: Extract<Flood, { kind: 'idle' }>): Promise<void> {
  for (let i = 0; i < connections; i++) {
    const open = () => {
      if (ended) return;
      const connection = net.connect(socket);
      connection.on('error', () => {});
      connection.on('close', () => {
        count('closed');
        setTimeout(open, 100);
      });
      connection.resume();
    };
    open();
    if (i % 100 === 99) await sleep(5);
  }
  for (;;) await sleep(1_000);
}

async function trickling({ socket, connections }: Extract<Flood, { kind: 'trickle' }>): Promise<void> {
  const frame = guess(template('user1', {}, 5_000), 1);
  for (let i = 0; i < connections; i++) {
    const open = () => {
      if (ended) return;
      const connection = net.connect(socket);
      let at = 0;
      const timer = setInterval(() => connection.write(frame.subarray(at, ++at)), 200);
      connection.on('error', () => {});
      connection.resume();
      connection.on('close', () => {
        clearInterval(timer);
        count('closed');
        setTimeout(open, 100);
      });
    };
    open();
    if (i % 100 === 99) await sleep(5);
  }
  for (;;) await sleep(1_000);
}

async function churning({ socket, rate, questions, half }: Extract<Flood, { kind: 'churn' }>): Promise<void> {
  const next = templates({ kind: 'guess', socket, sources: 'many', inFlight: 0, rate: 0 });
  const startedAt = performance.now();
  let open = 0;
  for (let made = 0; !ended; ) {
    while (made < ((performance.now() - startedAt) / 1000) * rate && open < 400) {
      made++;
      open++;
      const connection = net.connect({ path: socket, allowHalfOpen: half ?? false });
      connection.on('error', (error: NodeJS.ErrnoException) => count(error.code ?? 'failed'));
      connection.on('close', () => {
        open--;
        count('closed');
      });
      connection.on('connect', () => {
        const frames = Array.from({ length: questions }, (_, id) => guess(next.next().value, id));
        if (frames.length > 0) connection.write(Buffer.concat(frames));
        if (half) connection.end();
        else setImmediate(() => connection.destroy());
        connection.resume();
      });
    }
    await sleep(5);
  }
}

async function repeating(flood: Extract<Flood, { kind: 'repeat' }>): Promise<void> {
  const { socket, operation, connections, batch, deaf, pauseMs } = flood;
  const arguments_ = operation === 'status' ? { format: 'html' } : {};
  const octets = Buffer.concat(Array.from({ length: batch }, (_, id) => encodeRequest(id, operation, arguments_)));
  for (let i = 0; i < connections; i++) {
    const open = () => {
      if (ended) return;
      let waiting = 0;
      const connection = dial(socket, (_, status) => {
        count(status);
        if (--waiting <= 0) setTimeout(send, pauseMs);
      });
      const send = () => {
        if (ended || connection.destroyed) return;
        waiting += batch;
        connection.write(octets);
        if (deaf && connection.writableLength < 1e6) setTimeout(send, 20);
      };
      if (deaf) connection.pause();
      connection.on('connect', send);
      connection.on('close', () => {
        count('closed');
        setTimeout(open, 100);
      });
    };
    open();
  }
  for (;;) await sleep(1_000);
}

async function stuffing({ socket, connections, octets }: Extract<Flood, { kind: 'stuff' }>): Promise<void> {
  const frames = Buffer.concat(
    Array.from({ length: IN_FLIGHT }, (_, id) =>
      encodeRequest(id, 'check', {
        username: Buffer.from(`user${id + 1}`),
        password: Buffer.alloc(octets, 97),
        deadline_ms: 30_000,
      }),
    ),
  );
  for (let i = 0; i < connections; i++) {
    const connection = dial(socket, (_, status) => count(status));
    connection.on('connect', () => connection.write(frames));
    connection.on('close', () => count('closed'));
    if (i % 10 === 9) await sleep(10);
  }
  for (;;) await sleep(1_000);
}

async function harvesting({ socket, accounts }: Extract<Flood, { kind: 'harvest' }>): Promise<void> {
  const connection = dial(socket, (_, status, content) => {
    count(status);
    if (status === 0 && (content as Map<string, Map<string, unknown>>).get('account')?.get('email')) told++;
  });
  connection.on('close', () => count('closed'));
  const client = { service: 'svn' };
  for (let id = 1; id <= accounts && !connection.destroyed; id++) {
    connection.write(encodeRequest(id, 'authorize', { username: Buffer.from(`user${id}`), client }));
    if (id % 20 === 0) await sleep(5);
  }
  for (;;) await sleep(1_000);
}

function attack(flood: Flood): Promise<void> {
  switch (flood.kind) {
    case 'guess':
      return guessing(flood);
    case 'http':
      return requesting(flood);
    case 'idle':
      return idling(flood);
    case 'trickle':
      return trickling(flood);
    case 'churn':
      return churning(flood);
    case 'repeat':
      return repeating(flood);
    case 'stuff':
      return stuffing(flood);
    case 'harvest':
      return harvesting(flood);
  }
}

const parameter = process.argv[2];
if (parameter !== undefined) {
  process.on('SIGTERM', () => {
    ended = true;
    const loot: Loot = { counts, told };
    // Not by process.exit: tap's hooks would then write into the tree, where another user may not.
    process.stdout.write(`${JSON.stringify(loot)}\n`, () => process.kill(process.pid, 'SIGKILL'));
  });
  process.stdout.write('ready\n');
  attack(JSON.parse(parameter)).catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
