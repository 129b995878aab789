import type { Require } from '../../protocol/request.ts';
import type { Account } from '../account/account.ts';
import type { DenyReason } from '../verdict.ts';

/** Something an account must have. One is added by writing its file and listing it in `requirements.ts`. */
export interface Requirement {
  /** Why an account that has it not may not in. */
  readonly reason: DenyReason;
  met(account: Account, require: Require): boolean;
}
