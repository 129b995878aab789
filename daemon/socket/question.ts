import type { AuthorizeRequest, CheckRequest } from '../../protocol/request.ts';
import { VOUCHED } from '../evidence/vouched.ts';
import { Password } from '../password.ts';
import { PASSWORD_OCTETS_MAX, USERNAME_OCTETS_MAX } from '../policy/limits.ts';
import type { Question } from '../request/question.ts';
import { decodeTyped } from '../request/typed-text.ts';

/**
 * The question of a request that arrived at `now`. Its secret may be a view of the frame: `keep()` is due before the
 * frame is wiped. `leases`: whether they are given on the socket that it came by.
 */
export function questionOf(
  request: CheckRequest | AuthorizeRequest,
  now: number,
  peer?: Question['peer'],
  presence?: Question['presence'],
  leases = false,
): Question {
  const typed = request.operation === 'check' ? request.password : undefined;
  return {
    site: request.site,
    username: decodeTyped(request.username),
    evidence: typed ? { kind: 'password', secret: Password.viewOf(typed) } : VOUCHED,
    tooLong: request.username.length > USERNAME_OCTETS_MAX || (typed?.length ?? 0) > PASSWORD_OCTETS_MAX,
    requirements: request.require,
    client: request.client,
    peer,
    presence,
    deadlineAt: now + request.deadlineMs,
    wantPermissions: request.wantPermissions,
    lease: leases && request.lease,
    leased: request.leased,
  };
}
