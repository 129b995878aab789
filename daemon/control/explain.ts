import type { Reply } from '../../protocol/reply.ts';
import { BadRequest, type ExplainRequest } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import { explain } from '../explain/explain.ts';
import { messageOf } from '../fault.ts';
import type { Generation } from '../generation.ts';
import { type Expression, ExpressionError, parseExpression } from '../policy/expression.ts';
import { questionOf } from '../socket/question.ts';

/** How many explanations are made at once: each reads the database some times. */
const EXPLAINING_MAX = 4;

let explaining = 0;

/**
 * Why a user is granted or denied. The reply is status 0 whatever the verdict, which is in the trace; status 4 if nothing
 * could be found out.
 *
 * @throws BadRequest, synchronously, for an expression that is none
 */
export function explainReply(request: ExplainRequest, generation: Generation, now: number): Promise<Reply> {
  const { id, expression, password } = request;
  const parsed = expression === undefined ? undefined : expressionOf(id, expression);
  if (explaining >= EXPLAINING_MAX) {
    return Promise.resolve(failed(`${EXPLAINING_MAX} explanations are being made: ask again`));
  }
  explaining++;
  const common = {
    ...{ id, site: request.site, username: request.username, require: request.require },
    ...{ client: { address: request.address, service: 'explain' }, deadlineMs: request.deadlineMs },
    ...{ wantPermissions: false, lease: false, leased: 0 },
  };
  const question = questionOf(
    password === undefined ? { ...common, operation: 'authorize' } : { ...common, operation: 'check', password },
    now,
  );
  return explain(question, parsed, generation)
    .then((trace): Reply => ({ status: STATUS.granted, content: { trace: JSON.stringify(trace) } }))
    .catch((error) => failed(messageOf(error)))
    .finally(() => {
      explaining--;
    });
}

function expressionOf(id: number, text: string): Expression {
  try {
    return parseExpression(text);
  } catch (error) {
    if (error instanceof ExpressionError) throw new BadRequest(id, error.message);
    throw error;
  }
}

function failed(reason: string): Reply {
  return { status: STATUS.error, content: { reason } };
}
