import { Encoded, encodeFrame, encodeFrameOf, FrameTooLong } from './codec.ts';
import type { Lease } from './lease.ts';
import { STATUS, type Status } from './status.ts';
import { readValue, type Value } from './value.ts';
import { PROTOCOL_VERSION } from './version.ts';

/** The account in a granted reply, with the keys of PROTOCOL.md section 4. */
export interface AccountContent {
  id: string;
  username: string;
  email: string;
  first_name: string;
  last_name: string;
  staff: boolean;
  superuser: boolean;
  groups?: readonly string[];
  /** `groups` is missing because the reply would not fit a frame. */
  groups_omitted?: true;
  permissions?: readonly string[];
  /** `permissions` is missing although wanted, for the same reason. */
  permissions_omitted?: true;
}

/** A reply without the id that pairs it with its request. */
export type Reply =
  | { readonly status: typeof STATUS.granted; readonly content: object | Encoded; readonly lease?: Lease | undefined }
  | { readonly status: typeof STATUS.denied | typeof STATUS.unknownUser; readonly content: { reason: string } }
  | { readonly status: typeof STATUS.busy; readonly content: { retry_after: number; reason: string } }
  | { readonly status: typeof STATUS.error | typeof STATUS.badRequest; readonly content: { reason: string } };

/** The frame of a reply; a lease needs a content that was encoded before. A reply that does not fit a frame becomes an error that says so. */
export function encodeReply(id: number, reply: Reply): Buffer {
  const { status, content } = reply;
  try {
    if (content instanceof Encoded) {
      const lease = status === STATUS.granted ? reply.lease : undefined;
      return encodeFrameOf(PROTOCOL_VERSION, id, status, content, lease);
    }
    return encodeFrame([PROTOCOL_VERSION, id, status, content]);
  } catch (error) {
    if (!(error instanceof FrameTooLong)) throw error;
    return encodeFrame([PROTOCOL_VERSION, id, STATUS.error, { reason: `the reply is too long: ${error.message}` }]);
  }
}

/** A reply as a client decodes it. */
export interface ReceivedReply {
  readonly id: number;
  readonly status: Status;
  readonly content: Map<string, Value>;
}

/** The reply in a body. For clients. @throws Error, which a client must treat as a fault */
export function decodeReply(body: Buffer): ReceivedReply {
  const message = readValue(body);
  if (!Array.isArray(message) || message.length !== 4) throw new Error('invalid reply: not an array of four');
  const [version, id, status, content] = message;
  if (version !== PROTOCOL_VERSION) throw new Error(`invalid reply: protocol version ${version}`);
  if (typeof id !== 'number' || !(content instanceof Map)) throw new Error('invalid reply: no id or no content');
  if (!Object.values(STATUS).includes(status as Status)) throw new Error(`invalid reply: unknown status ${status}`);
  return { id, status: status as Status, content };
}
