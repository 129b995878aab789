import type { Reply } from '../../protocol/reply.ts';
import { BadRequest, type Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import { messageOf } from '../fault.ts';
import type { Generation } from '../generation.ts';
import { totals } from '../metrics/metrics.ts';
import type { Report } from '../metrics/report.ts';
import type { Decision, Question } from '../request/question.ts';
import { SOCKET_NAMES, type SocketName } from '../service/socket-activation.ts';
import { check } from '../socket/check.ts';
import type { Answer } from '../socket/connection.ts';
import type { StatusPages } from '../status/pages.ts';
import { VERSION } from '../version.ts';
import { flush } from './flush.ts';
import { groupsPage } from './groups.ts';

/** The daemon as operations see it. */
export interface Operated {
  /** The present generation. */
  readonly generation: Generation;
  /** The time, by the daemon's clock, in ms. */
  now(): number;
  /** Decides on a question that came at `startedAt`, and records the decision. Does not throw or reject. */
  decide(question: Question, startedAt: number): Decision | Promise<Decision>;
  report(): Report;
  /** The pages as each socket shows them. */
  readonly statusPages: Readonly<Record<SocketName, StatusPages>>;
  reload(): Promise<void>;
}

type Name = Request['operation'];
/** Does not reject; may throw BadRequest. */
type Handler<Operation extends Name> = (
  request: Request & { operation: Operation },
  daemon: Operated,
  socket: SocketName,
) => Reply | Promise<Reply>;

const AUTH = ['auth'] as const;
const CONTROL = ['control'] as const;
const BOTH = SOCKET_NAMES;

const granted = (content: object): Reply => ({ status: STATUS.granted, content });
const failed = (error: unknown): Reply => ({ status: STATUS.error, content: { reason: messageOf(error) } });

/** Every operation, the sockets that answer it, and how. */
export const OPERATIONS: {
  readonly [Operation in Name]: { readonly sockets: readonly SocketName[]; readonly handler: Handler<Operation> };
} = {
  check: { sockets: AUTH, handler: check },
  authorize: { sockets: AUTH, handler: check },
  ping: { sockets: BOTH, handler: () => granted({ server: `djauthd ${VERSION}`, protocol: PROTOCOL_VERSION }) },
  status: {
    sockets: BOTH,
    handler: ({ format, refresh }, daemon, socket) => granted(daemon.statusPages[socket].page(format, refresh)),
  },
  stats: { sockets: CONTROL, handler: (_, daemon) => granted({ stats: totals(daemon.report()) }) },
  flush: { sockets: CONTROL, handler: (request, { generation }) => flush(request, generation) },
  groups: {
    sockets: CONTROL,
    handler: (request, { generation }) => generation.during(groupsPage(request, generation.sites)),
  },
  reload: { sockets: CONTROL, handler: (_, daemon) => daemon.reload().then(() => granted({}), failed) },
};

/** Answers the requests of one socket. An operation of the other socket is a bad request. */
export function answerOn(socket: SocketName, daemon: Operated): Answer {
  return (request) => {
    const { sockets, handler } = OPERATIONS[request.operation];
    if (!sockets.includes(socket)) {
      throw new BadRequest(request.id, `operation "${request.operation}" belongs to the ${sockets.join()} socket`);
    }
    return (handler as Handler<Name>)(request, daemon, socket);
  };
}
