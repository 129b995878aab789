import { DEADLINE_DEFAULT_MS, DEADLINE_MAX_MS, LEASED_MAX } from './limits.ts';
import { slotOf, WORD_SLOTS, wordOf } from './value.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** What an account must have. All that is given must be met; of a list, one entry. */
export interface Require {
  readonly staff: boolean;
  readonly superuser: boolean;
  /** `app_label.codename`; empty: none is required. */
  readonly permissions: readonly string[];
  /** Group names; empty: none is required. */
  readonly groups: readonly string[];
}

/** What both requests for a verdict have. */
export interface VerdictRequest {
  readonly id: number;
  /** undefined: the only site of the daemon. */
  readonly site: string | undefined;
  /** As the user sent it. A view of the frame. */
  readonly username: Buffer;
  readonly require: Require;
  readonly client: { readonly address: string; readonly service: string };
  /** How long the client waits after the frame's arrival, in ms. */
  readonly deadlineMs: number;
  readonly wantPermissions: boolean;
  /** Whether the client can use a grant again for as long as it is told. */
  readonly lease: boolean;
  /** How many grants the client gave on lease, for this site, since it last said so. */
  readonly leased: number;
}

export interface CheckRequest extends VerdictRequest {
  readonly operation: 'check';
  /** As the user sent it. A view of the frame, and wiped with it. */
  readonly password: Buffer;
}

export interface AuthorizeRequest extends VerdictRequest {
  readonly operation: 'authorize';
}

const NONE: readonly string[] = [];
const NOTHING: Require = { staff: false, superuser: false, permissions: NONE, groups: NONE };
const NOBODY = { address: '', service: '' };

/** Longer texts and other characters are left to the general reader. */
const TEXT_MAX = 64;

/** What has been read of a body. Nothing of a body stays here. */
let at = 0;

/**
 * A request for a verdict, read in one pass without the maps that the general reader makes: most bodies are such requests, in
 * their shortest encoding. undefined for any other body, which the general reader then reads, or refuses with a reason. What
 * this accepts is exactly what that would make of it.
 */
export function readQuestion(body: Buffer): CheckRequest | AuthorizeRequest | undefined {
  if (body[0] !== 0x94 || body[1] !== PROTOCOL_VERSION) return undefined;
  at = 2;
  const id = uint(body);
  const operation = word(body);
  if (id < 0 || (operation !== 'check' && operation !== 'authorize')) return undefined;
  let site: string | undefined;
  let username: Buffer | undefined;
  let password: Buffer | undefined;
  let require: Require | undefined;
  let client: { readonly address: string; readonly service: string } | undefined;
  let deadlineMs = 0;
  let lease: boolean | undefined;
  let leased = -1;
  for (let left = count(body, 0x80); left !== 0; left--) {
    if (left < 0) return undefined;
    switch (word(body)) {
      case 'site':
        if (site !== undefined) return undefined;
        site = knownText(body);
        if (site === undefined) return undefined;
        break;
      case 'username':
        if (username !== undefined) return undefined;
        username = bin(body);
        if (username === undefined) return undefined;
        break;
      case 'password':
        if (password !== undefined || operation !== 'check') return undefined;
        password = bin(body);
        if (password === undefined) return undefined;
        break;
      case 'require':
        if (require !== undefined) return undefined;
        require = readRequire(body);
        if (require === undefined) return undefined;
        break;
      case 'client':
        if (client !== undefined) return undefined;
        client = readClient(body);
        if (client === undefined) return undefined;
        break;
      case 'deadline_ms':
        if (deadlineMs !== 0) return undefined;
        deadlineMs = uint(body);
        if (deadlineMs < 1 || deadlineMs > DEADLINE_MAX_MS) return undefined;
        break;
      case 'lease':
        if (lease !== undefined) return undefined;
        lease = bool(body);
        if (lease === undefined) return undefined;
        break;
      case 'leased':
        if (leased >= 0) return undefined;
        leased = uint(body);
        if (leased < 0 || leased > LEASED_MAX) return undefined;
        break;
      default:
        return undefined;
    }
  }
  if (at !== body.length || username === undefined || (operation === 'check') !== (password !== undefined))
    return undefined;
  const request = {
    operation,
    id,
    site,
    username,
    password,
    require: require ?? NOTHING,
    client: client ?? NOBODY,
    deadlineMs: deadlineMs || DEADLINE_DEFAULT_MS,
    wantPermissions: false,
    lease: lease ?? false,
    leased: Math.max(leased, 0),
  };
  if (operation === 'check') return request as CheckRequest;
  const { password: _, ...rest } = request;
  return rest as AuthorizeRequest;
}

function readRequire(body: Buffer): Require | undefined {
  let staff: boolean | undefined;
  let superuser: boolean | undefined;
  let permissions: readonly string[] | undefined;
  let groups: readonly string[] | undefined;
  for (let left = count(body, 0x80); left !== 0; left--) {
    if (left < 0) return undefined;
    switch (word(body)) {
      case 'staff':
        if (staff !== undefined) return undefined;
        staff = bool(body);
        if (staff === undefined) return undefined;
        break;
      case 'superuser':
        if (superuser !== undefined) return undefined;
        superuser = bool(body);
        if (superuser === undefined) return undefined;
        break;
      case 'permissions':
        if (permissions !== undefined) return undefined;
        permissions = texts(body);
        if (permissions === undefined) return undefined;
        break;
      case 'groups':
        if (groups !== undefined) return undefined;
        groups = texts(body);
        if (groups === undefined) return undefined;
        break;
      default:
        return undefined;
    }
  }
  return {
    staff: staff ?? false,
    superuser: superuser ?? false,
    permissions: permissions ?? NONE,
    groups: groups ?? NONE,
  };
}

function readClient(body: Buffer): { readonly address: string; readonly service: string } | undefined {
  let address: string | undefined;
  let service: string | undefined;
  for (let left = count(body, 0x80); left !== 0; left--) {
    if (left < 0) return undefined;
    const key = word(body);
    const value = knownText(body);
    if (value === undefined) return undefined;
    if (key === 'address' && address === undefined) address = value;
    else if (key === 'service' && service === undefined) service = value;
    else return undefined;
  }
  return { address: address ?? '', service: service ?? '' };
}

/** The number of elements of a short map (`kind` 0x80) or array (0x90); -1 if there is none. */
function count(body: Buffer, kind: number): number {
  const head = body[at++] as number;
  return (head & 0xf0) === kind ? head & 0x0f : -1;
}

/** -1 if there is none, or a longer one than of 32 bits. */
function uint(body: Buffer): number {
  const head = body[at++] as number;
  if (head <= 0x7f) return head;
  const size = head === 0xcc ? 1 : head === 0xcd ? 2 : head === 0xce ? 4 : 0;
  if (size === 0 || size > body.length - at) return -1;
  let number = 0;
  for (const end = at + size; at < end; at++) number = number * 0x100 + (body[at] as number);
  return number;
}

function bool(body: Buffer): boolean | undefined {
  const head = body[at++];
  return head === 0xc3 ? true : head === 0xc2 ? false : undefined;
}

/** A view of the body. */
function bin(body: Buffer): Buffer | undefined {
  const head = body[at++];
  if (head !== 0xc4 && head !== 0xc5) return undefined;
  const wide = head === 0xc5;
  const size = wide ? (body[at] as number) * 0x100 + (body[at + 1] as number) : (body[at] as number);
  const start = at + (wide ? 2 : 1);
  at = start + size;
  // A size that is not there is not a number, and nothing is equal to it.
  return at <= body.length ? body.subarray(start, at) : undefined;
}

/** The size of a text, after whose head `at` is then; -1 if there is none, or a long one. */
function textSize(body: Buffer): number {
  const head = body[at++] as number;
  const size = (head & 0xe0) === 0xa0 ? head & 0x1f : head === 0xd9 ? (body[at++] as number) : -1;
  return size <= TEXT_MAX && size <= body.length - at ? size : -1;
}

/** One of the protocol's own words. */
function word(body: Buffer): string | undefined {
  const size = textSize(body);
  if (size < 0) return undefined;
  const start = at;
  at += size;
  return wordOf(body, start, size);
}

function text(body: Buffer): string | undefined {
  const size = textSize(body);
  if (size < 0) return undefined;
  const start = at;
  at += size;
  for (let next = start; next < at; next++) if ((body[next] as number) > 0x7f) return undefined;
  return body.toString('latin1', start, at);
}

function texts(body: Buffer): string[] | undefined {
  const list: string[] = [];
  const size = count(body, 0x90);
  for (let left = size; left > 0; left--) {
    const each = text(body);
    if (each === undefined) return undefined;
    list.push(each);
  }
  return size > 0 ? list : undefined;
}

/**
 * Sites, addresses and services, of which few occur: comparing one with the last of its slot is faster than making a string.
 * Nothing that a user types is put here.
 */
const known: string[] = new Array(WORD_SLOTS).fill('');

function knownText(body: Buffer): string | undefined {
  const start = at;
  const size = textSize(body);
  if (size <= 0) return size === 0 ? '' : undefined;
  const slot = slotOf(size, body[at] as number, body[at + size - 1] as number);
  const guess = known[slot] as string;
  if (guess.length === size && isAt(body, at, guess)) {
    at += size;
    return guess;
  }
  at = start;
  const other = text(body);
  if (other !== undefined) known[slot] = other;
  return other;
}

function isAt(body: Buffer, start: number, guess: string): boolean {
  for (let next = 0; next < guess.length; next++) if (guess.charCodeAt(next) !== body[start + next]) return false;
  return true;
}
