import type { Attack } from './case.ts';
import { accounts } from './cases/account.ts';
import { throughApache } from './cases/apache.ts';
import { connections, reload } from './cases/connections.ts';
import { deadline } from './cases/deadline.ts';
import { members } from './cases/member.ts';
import { memory } from './cases/memory.ts';
import { restarts } from './cases/restart.ts';
import { sprays } from './cases/spray.ts';
import { timing } from './cases/timing.ts';

/** The attacks, in the order in which they are done. */
export const attacks: readonly Attack[] = [
  ...sprays,
  throughApache,
  ...restarts,
  ...accounts,
  timing,
  deadline,
  ...connections,
  reload,
  memory,
  ...members,
];
