import type { ThrottleView } from '../throttle/report.ts';
import type { TracedVerdict } from './trace.ts';

/**
 * What a door of Apache answers, and what of Apache's own configuration changes it. As docs/apache.md, "Status codes".
 *
 * @param staffUnasked whether the user is not staff, and nobody asked for it
 */
export function apacheOf(
  verdict: TracedVerdict,
  throttle: ThrottleView,
  refused: boolean,
  staffUnasked: boolean,
): { status: number; why: string } {
  if (refused) {
    const seconds = Math.max(1, Math.ceil(throttle.waitMs / 1_000));
    return {
      status: 429,
      why: `throttled: too many guesses; again in ${seconds} s, or after djauthd flush --throttle`,
    };
  }
  switch (verdict.kind) {
    case 'granted':
      return { status: 200, why: `granted: the status of the page itself${staffUnasked ? STAFF_BY_DEFAULT : ''}` };
    case 'busy':
      return { status: 503, why: `${verdict.reason}: djauthd had no verdict in time` };
    case 'error':
      return { status: 500, why: verdict.reason };
    default:
      return { status: 401, why: sentenceOn(verdict.reason) };
  }
}

const STAFF_BY_DEFAULT =
  '; 401 unless DjangoRequireStaffStatus is Off: it is On by default, and is_staff is not set (--staff asks for it)';

function sentenceOn(reason: string): string {
  switch (reason) {
    case 'not-staff':
      return 'not-staff: DjangoRequireStaffStatus is On unless it is switched Off; 403 with DjangoForbidden On';
    case 'not-superuser':
      return 'not-superuser: DjangoRequireSuperuserStatus is On; 403 with DjangoForbidden On';
    case 'no-permission':
      return 'no-permission: DjangoPermissionName requires one that the account lacks; 403 with DjangoForbidden On';
    case 'require':
      return 'no Require line that decides is met; 403 with AuthzSendForbiddenOnFailure On';
    default:
      return reason;
  }
}
