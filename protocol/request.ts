import { encodeFrame } from './codec.ts';
import {
  ALTERNATIVES_MAX,
  CLIENT_TEXT_MAX,
  DEADLINE_DEFAULT_MS,
  DEADLINE_MAX_MS,
  EXPRESSION_MAX,
  ID_MAX,
  LEASED_MAX,
  REFRESH_MAX_S,
} from './limits.ts';
import {
  type AuthorizeRequest,
  type CheckRequest,
  type Require,
  readQuestion,
  type VerdictRequest,
} from './question.ts';
import { readValue, ShapeError, type Value } from './value.ts';
import { PROTOCOL_VERSION } from './version.ts';

export type { AuthorizeRequest, CheckRequest, Require } from './question.ts';

export interface PlainRequest {
  readonly operation: 'ping' | 'stats' | 'reload';
  readonly id: number;
}

export interface FlushRequest {
  readonly operation: 'flush';
  readonly id: number;
  readonly site: string | undefined;
  readonly username: Buffer | undefined;
  /** Forgives the throttle's debts instead of emptying caches. */
  readonly throttle: boolean;
  /** With `throttle`: of the source that this address belongs to. */
  readonly address: string | undefined;
}

/** Asks for one page of the members of all groups. */
export interface GroupsRequest {
  readonly operation: 'groups';
  readonly id: number;
  readonly site: string | undefined;
  /** `next` of the previous page; undefined: the first page. */
  readonly after: string | undefined;
}

/** Asks why a user is granted or denied. */
export interface ExplainRequest {
  readonly operation: 'explain';
  readonly id: number;
  readonly site: string | undefined;
  /** As the user would send it. A view of the frame. */
  readonly username: Buffer;
  /** The same; undefined: what is decided given the right password. Wiped with the frame. */
  readonly password: Buffer | undefined;
  readonly require: Require;
  /** What `Require` lines say in addition; undefined: nothing. */
  readonly expression: string | undefined;
  /** The user's network address, for the throttle; "" if unknown. */
  readonly address: string;
  readonly deadlineMs: number;
}

/** What clients ask, as opposed to administrators. */
export const CLIENT_OPERATIONS = ['check', 'authorize', 'status', 'ping'] as const;

/** The formats of the status page. */
export const STATUS_FORMATS = ['html', 'text', 'prometheus', 'json'] as const;
export type StatusFormat = (typeof STATUS_FORMATS)[number];

export interface StatusRequest {
  readonly operation: 'status';
  readonly id: number;
  readonly format: StatusFormat;
  /** After how many seconds the page refreshes itself; undefined: never. */
  readonly refresh: number | undefined;
}

export type Request =
  | CheckRequest
  | AuthorizeRequest
  | PlainRequest
  | FlushRequest
  | GroupsRequest
  | StatusRequest
  | ExplainRequest;

/** The body is not a request. `message` is a sentence for the client; `id` is the request's if it could be read. */
export class BadRequest extends Error {
  readonly id: number | undefined;
  constructor(id: number | undefined, sentence: string) {
    super(sentence);
    this.id = id;
  }
}

/** The request in a body, with every field checked. @throws BadRequest */
export function decodeRequest(body: Buffer): Request {
  return readQuestion(body) ?? decodeAny(body);
}

/** The same for a body of any kind, in any encoding. @throws BadRequest */
export function decodeAny(body: Buffer): Request {
  const id = peekId(body);
  try {
    return readRequest(readValue(body), id);
  } catch (error) {
    if (error instanceof ShapeError || error instanceof FieldError) throw new BadRequest(id, error.message);
    throw error;
  }
}

/** The frame of a request. For clients: the daemon never sends one. */
export function encodeRequest(id: number, operation: string, parameters: object): Buffer {
  return encodeFrame([PROTOCOL_VERSION, id, operation, parameters]);
}

class FieldError extends Error {}

function readRequest(message: Value, id: number | undefined): Request {
  if (!Array.isArray(message) || message.length !== 4) throw new FieldError('invalid request: not an array of four');
  const [version, , operation, parameters] = message;
  if (id === undefined) throw new FieldError('invalid version or id: both are uints, the id at most 2^32-1');
  if (version !== PROTOCOL_VERSION) {
    throw new FieldError(`unsupported protocol version ${version}; supported: ${PROTOCOL_VERSION}`);
  }
  if (typeof operation !== 'string') throw new FieldError('invalid operation: not a str');
  if (!(parameters instanceof Map)) throw new FieldError('invalid arguments: not a map');
  const fields = new Fields(operation, parameters);
  switch (operation) {
    case 'check':
      return fields.end({
        operation,
        ...readVerdictRequest(id, fields),
        password: fields.octets('password') ?? fields.missing('password'),
      });
    case 'authorize':
      return fields.end({ operation, ...readVerdictRequest(id, fields) });
    case 'ping':
    case 'stats':
    case 'reload':
      return fields.end({ operation, id });
    case 'flush':
      return fields.end({
        operation,
        id,
        site: fields.text('site'),
        username: fields.octets('username'),
        throttle: fields.bool('throttle'),
        address: fields.text('address', CLIENT_TEXT_MAX),
      });
    case 'explain':
      return fields.end({
        operation,
        id,
        site: fields.text('site'),
        username: fields.octets('username') ?? fields.missing('username'),
        password: fields.octets('password'),
        require: readRequire(fields),
        expression: fields.text('expression', EXPRESSION_MAX),
        address: fields.text('address', CLIENT_TEXT_MAX) ?? '',
        deadlineMs: fields.uint('deadline_ms', 1, DEADLINE_MAX_MS) ?? DEADLINE_DEFAULT_MS,
      });
    case 'groups':
      return fields.end({ operation, id, site: fields.text('site'), after: fields.text('after') });
    case 'status':
      return fields.end({
        operation,
        id,
        format: fields.word('format', STATUS_FORMATS) ?? fields.missing('format'),
        refresh: fields.uint('refresh', 1, REFRESH_MAX_S),
      });
    default:
      throw new FieldError(`unknown operation "${operation.slice(0, 40)}"`);
  }
}

const NOTHING: Require = { staff: false, superuser: false, permissions: [], groups: [] };
const NOBODY = { address: '', service: '' };

function readRequire(fields: Fields): Require {
  const require = fields.map('require');
  return (
    require?.end({
      staff: require.bool('staff'),
      superuser: require.bool('superuser'),
      permissions: require.texts('permissions', 1) ?? [],
      groups: require.texts('groups', 1) ?? [],
    }) ?? NOTHING
  );
}

function readVerdictRequest(id: number, fields: Fields): VerdictRequest {
  const client = fields.map('client');
  const want = fields.texts('want', 0) ?? [];
  for (const word of want) {
    if (word !== 'permissions')
      throw new FieldError(`unknown word "${word.slice(0, 40)}" in argument "want"; accepted: "permissions"`);
  }
  return {
    id,
    site: fields.text('site'),
    username: fields.octets('username') ?? fields.missing('username'),
    require: readRequire(fields),
    client:
      client?.end({
        address: client.text('address', CLIENT_TEXT_MAX) ?? '',
        service: client.text('service', CLIENT_TEXT_MAX) ?? '',
      }) ?? NOBODY,
    deadlineMs: fields.uint('deadline_ms', 1, DEADLINE_MAX_MS) ?? DEADLINE_DEFAULT_MS,
    wantPermissions: want.length > 0,
    lease: fields.bool('lease'),
    leased: fields.uint('leased', 0, LEASED_MAX) ?? 0,
  };
}

/** A map of arguments. A key that was not asked for by `end` is unknown. */
class Fields {
  readonly #where: string;
  readonly #fields: Map<string, Value>;
  /** The keys that were asked for and are present. */
  readonly #taken: string[] = [];

  constructor(where: string, fields: Map<string, Value>) {
    this.#where = where;
    this.#fields = fields;
  }

  #take<T extends Value>(key: string, is: (value: Value) => value is T, type: string): T | undefined {
    const value = this.#fields.get(key);
    if (value === undefined) return undefined;
    if (!is(value)) throw new FieldError(`invalid argument "${key}" of ${this.#where}: not ${type}`);
    this.#taken.push(key);
    return value;
  }

  text(key: string, octetsMax?: number): string | undefined {
    const value = this.#take(key, (v) => typeof v === 'string', 'a str');
    if (value !== undefined && octetsMax !== undefined && Buffer.byteLength(value) > octetsMax) {
      throw new FieldError(`invalid argument "${key}" of ${this.#where}: more than ${octetsMax} octets`);
    }
    return value;
  }

  word<T extends string>(key: string, words: readonly T[]): T | undefined {
    return this.#take(key, (v): v is T => words.includes(v as T), `one of ${words.join(', ')}`);
  }

  bool(key: string): boolean {
    return this.#take(key, (v) => typeof v === 'boolean', 'a bool') ?? false;
  }

  octets(key: string): Buffer | undefined {
    return this.#take(key, (v) => Buffer.isBuffer(v), 'a bin');
  }

  uint(key: string, from: number, to: number): number | undefined {
    const inRange = (v: Value): v is number => typeof v === 'number' && v >= from && v <= to;
    return this.#take(key, inRange, `a uint from ${from} to ${to}`);
  }

  texts(key: string, minimum: number): readonly string[] | undefined {
    const listed = (v: Value): v is string[] =>
      Array.isArray(v) && v.length >= minimum && v.length <= ALTERNATIVES_MAX && v.every((x) => typeof x === 'string');
    return this.#take(key, listed, `an array of ${minimum} to ${ALTERNATIVES_MAX} str`);
  }

  map(key: string): Fields | undefined {
    const value = this.#take(key, (v) => v instanceof Map, 'a map');
    return value && new Fields(`"${key}"`, value);
  }

  missing(key: string): never {
    throw new FieldError(`missing argument "${key}" of ${this.#where}`);
  }

  end<T>(result: T): T {
    if (this.#taken.length < this.#fields.size) {
      const unknown = [...this.#fields.keys()].find((key) => !this.#taken.includes(key));
      throw new FieldError(`unknown argument "${unknown?.slice(0, 40)}" of ${this.#where}`);
    }
    return result;
  }
}

/** The id, read separately: a reply can contain it even if the rest of the body cannot be decoded. */
function peekId(body: Buffer): number | undefined {
  const at = peekFour(body);
  if (at === undefined) return undefined;
  const version = peekUint(body, at);
  const id = version && peekUint(body, version.end);
  return id && id.value <= ID_MAX ? id.value : undefined;
}

/** The offset of the first element of an array of four, in any of its encodings. */
function peekFour(body: Buffer): number | undefined {
  if (body[0] === 0x94) return 1;
  if (body[0] === 0xdc && body.length >= 3 && body.readUInt16BE(1) === 4) return 3;
  if (body[0] === 0xdd && body.length >= 5 && body.readUInt32BE(1) === 4) return 5;
  return undefined;
}

function peekUint(body: Buffer, at: number): { value: number; end: number } | undefined {
  const head = body[at];
  if (head === undefined) return undefined;
  if (head <= 0x7f) return { value: head, end: at + 1 };
  const size = head >= 0xcc && head <= 0xd3 ? 1 << (head & 3) : 0;
  if (size === 0 || at + 1 + size > body.length) return undefined;
  // Some languages write every number in a signed encoding.
  if (head >= 0xd0 && (body[at + 1] as number) & 0x80) return undefined;
  const value = size === 8 ? Number(body.readBigUInt64BE(at + 1)) : body.readUIntBE(at + 1, size);
  return { value, end: at + 1 + size };
}
