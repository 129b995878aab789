import type { PasswordProofs } from '../proof/password-proofs.ts';
import { PasswordVerifier, type ShownPassword } from './password.ts';
import type { Verifier } from './verifier.ts';
import { type Vouched, vouchedVerifier } from './vouched.ts';

/** Every kind of evidence that a client can show. */
export type Evidence = ShownPassword | Vouched;

/** The verifier of each kind. */
export type Verifiers = Readonly<Record<Evidence['kind'], Verifier>>;

export function createVerifiers(proofs: PasswordProofs): Verifiers {
  return {
    password: new PasswordVerifier(proofs) as Verifier,
    vouched: vouchedVerifier as Verifier,
  };
}
