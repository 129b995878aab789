import type { Reply } from '../../protocol/reply.ts';
import { BadRequest, type Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { PROTOCOL_VERSION } from '../../protocol/version.ts';
import type { Epoch } from '../epoch/epoch.ts';
import { messageOf } from '../fault.ts';
import type { Generation } from '../generation.ts';
import { totals } from '../metrics/metrics.ts';
import type { Report } from '../metrics/report.ts';
import type { Presence } from '../request/presence.ts';
import type { Decision, Question } from '../request/question.ts';
import { SOCKET_NAMES, type SocketName } from '../service/socket-activation.ts';
import { check } from '../socket/check.ts';
import type { PeerAnswer } from '../socket/front-end.ts';
import type { Peer } from '../socket/peer.ts';
import type { StatusPages } from '../status/pages.ts';
import { VERSION } from '../version.ts';
import { explainReply } from './explain.ts';
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
  /** Raised when accounts are forgotten. */
  readonly epoch: Epoch;
  /** Whether clients of that socket can see the epoch, so that it gives leases. */
  leasesOn(socket: SocketName): boolean;
  /** The pages as each socket shows them. */
  readonly statusPages: Readonly<Record<SocketName, StatusPages>>;
  /** Whether hooks have a socket of their own. */
  readonly hasHooksSocket: boolean;
  reload(): Promise<void>;
}

type Name = Request['operation'];
/** Does not reject; may throw BadRequest. */
type Handler<Operation extends Name> = (
  request: Request & { operation: Operation },
  daemon: Operated,
  peer: Peer | undefined,
  presence: Presence | undefined,
  socket: SocketName,
) => Reply | Promise<Reply>;

/** Where hooks ask is answered what the web server may ask, and `authorize`. */
const AUTH = ['auth', 'hooks'] as const;
const HOOKS = ['hooks'] as const;
const CONTROL = ['control'] as const;
const ALL = SOCKET_NAMES;

const granted = (content: object): Reply => ({ status: STATUS.granted, content });
const failed = (error: unknown): Reply => ({ status: STATUS.error, content: { reason: messageOf(error) } });

/** Every operation, the sockets that answer it, and how. Without a hooks socket the auth socket takes its place. */
export const OPERATIONS: {
  readonly [Operation in Name]: { readonly sockets: readonly SocketName[]; readonly handler: Handler<Operation> };
} = {
  check: { sockets: AUTH, handler: check },
  authorize: { sockets: HOOKS, handler: check },
  ping: { sockets: ALL, handler: () => granted({ server: `djauthd ${VERSION}`, protocol: PROTOCOL_VERSION }) },
  status: {
    sockets: ALL,
    handler: ({ format, refresh }, daemon, _peer, _presence, socket) =>
      granted(daemon.statusPages[socket].page(format, refresh)),
  },
  stats: { sockets: CONTROL, handler: (_, daemon) => granted({ stats: totals(daemon.report()) }) },
  flush: { sockets: CONTROL, handler: (request, { generation, epoch }) => flush(request, generation, epoch) },
  groups: {
    sockets: CONTROL,
    handler: (request, { generation }) => generation.during(groupsPage(request, generation.sites)),
  },
  explain: {
    sockets: CONTROL,
    handler: (request, daemon) => daemon.generation.during(explainReply(request, daemon.generation, daemon.now())),
  },
  reload: { sockets: CONTROL, handler: (_, daemon) => daemon.reload().then(() => granted({}), failed) },
};

/** Answers the requests of one socket. An operation of another socket is a bad request. */
export function answerOn(socket: SocketName, daemon: Operated): PeerAnswer {
  return (request, peer, presence) => {
    const { sockets, handler } = OPERATIONS[request.operation];
    const stands = socket === 'auth' && sockets.includes('hooks') && !daemon.hasHooksSocket;
    if (!stands && !sockets.includes(socket)) {
      const home = sockets[0] === 'hooks' && !daemon.hasHooksSocket ? 'auth' : sockets[0];
      throw new BadRequest(request.id, `operation "${request.operation}" belongs to the ${home} socket`);
    }
    return (handler as Handler<Name>)(request, daemon, peer, presence, socket);
  };
}
