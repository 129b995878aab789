import type { Account } from '../account/account.ts';
import type { Schema } from '../store/schema.ts';
import type { DenyReason } from '../verdict.ts';

/** What an account must have in addition to evidence that holds. All that is given must be met; of a list, one entry. */
export interface Requirements {
  readonly staff: boolean;
  readonly superuser: boolean;
  /** `app_label.codename`; empty: none is required. */
  readonly permissions: readonly string[];
  /** Group names; empty: none is required. */
  readonly groups: readonly string[];
}

/** One thing that can be required. A requirement is added by writing its file and listing it in `requirements.ts`. */
export interface Requirement {
  /** Why an account that does not meet it is denied. */
  readonly reason: DenyReason;
  met(account: Account, requirements: Requirements): boolean;
  /** What is required and the user model does not have, as a question's fault names it. */
  missing?(requirements: Requirements, schema: Schema): string | undefined;
}
