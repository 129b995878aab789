import { PASSWORD_MAX, USERNAME_MAX } from '../../protocol/limits.ts';
import type { AuthorizeRequest, CheckRequest } from '../../protocol/request.ts';
import { Password } from '../password.ts';
import { decodeTyped } from './typed-text.ts';

/** A request for a verdict, free of the frame it came in. */
export interface Question {
  readonly site: string | undefined;
  readonly username: string;
  /** undefined: somebody else has authenticated the person. To be wiped when answered. */
  readonly password: Password | undefined;
  /** The username or the password has more octets than any that is looked at. */
  readonly tooLong: boolean;
  readonly require: CheckRequest['require'];
  readonly client: CheckRequest['client'];
  /** Until when the client waits, by the daemon's clock. */
  readonly deadlineAt: number;
  readonly wantPermissions: boolean;
}

/**
 * The question of a request that came at `now`. It may look at the password in the frame: `password.keep()` is due
 * before the frame goes.
 */
export function questionOf(request: CheckRequest | AuthorizeRequest, now: number): Question {
  const typed = request.operation === 'check' ? request.password : undefined;
  return {
    site: request.site,
    username: decodeTyped(request.username),
    password: typed && Password.viewOf(typed),
    tooLong: request.username.length > USERNAME_MAX || (typed?.length ?? 0) > PASSWORD_MAX,
    require: request.require,
    client: request.client,
    deadlineAt: now + request.deadlineMs,
    wantPermissions: request.wantPermissions,
  };
}
