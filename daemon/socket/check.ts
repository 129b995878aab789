import type { Reply } from '../../protocol/reply.ts';
import type { AuthorizeRequest, CheckRequest } from '../../protocol/request.ts';
import type { Decision, Question } from '../request/question.ts';
import { questionOf } from './question.ts';
import { replyOf } from './reply.ts';

/** What decides on questions. */
interface Decider {
  now(): number;
  decide(question: Question, startedAt: number): Decision | Promise<Decision>;
}

/** The reply to a request for a verdict; synchronous if the decision is. */
export function check(
  request: CheckRequest | AuthorizeRequest,
  decider: Decider,
  peer?: Question['peer'],
  presence?: Question['presence'],
): Reply | Promise<Reply> {
  const startedAt = decider.now();
  const question = questionOf(request, startedAt, peer, presence);
  const decision = decider.decide(question, startedAt);
  if (!(decision instanceof Promise)) return replyOf(decision.verdict, question.wantPermissions);
  return decision.then(({ verdict }) => replyOf(verdict, question.wantPermissions));
}
