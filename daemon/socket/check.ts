import type { Reply } from '../../protocol/reply.ts';
import type { AuthorizeRequest, CheckRequest } from '../../protocol/request.ts';
import type { Decision, Question } from '../request/question.ts';
import type { SocketName } from '../service/socket-activation.ts';
import { questionOf } from './question.ts';
import { replyOf } from './reply.ts';

/** What decides on questions. */
interface Decider {
  now(): number;
  decide(question: Question, startedAt: number): Decision | Promise<Decision>;
  /** Whether clients of that socket can see when a lease ends. */
  leasesOn(socket: SocketName): boolean;
}

/** The reply to a request for a verdict; synchronous if the decision is. */
export function check(
  request: CheckRequest | AuthorizeRequest,
  decider: Decider,
  peer?: Question['peer'],
  presence?: Question['presence'],
  socket: SocketName = 'auth',
): Reply | Promise<Reply> {
  const startedAt = decider.now();
  const leases = request.lease && decider.leasesOn(socket);
  const question = questionOf(request, startedAt, peer, presence, leases);
  const decision = decider.decide(question, startedAt);
  if (!(decision instanceof Promise)) return replyOf(decision.verdict, question.wantPermissions, decision.lease);
  return decision.then(({ verdict, lease }) => replyOf(verdict, question.wantPermissions, lease));
}
