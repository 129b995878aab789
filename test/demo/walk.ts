import { PASSWORD, type World } from './world.ts';

/** A request of the walk and what must come of it. */
interface Step {
  readonly path: string;
  readonly user?: string;
  readonly password?: string;
  readonly expected: (status: number) => boolean;
  readonly meaning: string;
}

export interface Walked extends Step {
  readonly status: number;
  readonly ms: number;
  readonly right: boolean;
}

const ok = (status: number) => status === 200;
const refused = (status: number) => status === 401;
const away = (status: number) => status === 503;

const STEPS: readonly Step[] = [
  { path: '/staff/', expected: refused, meaning: 'nobody is asked for a name' },
  { path: '/staff/', user: 'alice', expected: ok, meaning: 'staff gets in' },
  { path: '/staff/', user: 'alice', expected: ok, meaning: 'and need not be hashed again' },
  { path: '/staff/', user: 'alice', password: 'wrong', expected: refused, meaning: 'a wrong password' },
  { path: '/staff/', user: 'bob', expected: refused, meaning: 'not staff' },
  { path: '/members/', user: 'bob', expected: ok, meaning: 'staff is not required here' },
  { path: '/staff/', user: 'carol', expected: refused, meaning: 'inactive' },
  { path: '/members/', user: 'carol', expected: refused, meaning: 'inactive, here too' },
  { path: '/staff/', user: 'nobody', expected: refused, meaning: 'no such person' },
  { path: '/root/', user: 'alice', expected: refused, meaning: 'staff is not superuser' },
  { path: '/root/', user: 'dave', expected: ok, meaning: 'superuser' },
  { path: '/orders/', user: 'bob', expected: ok, meaning: 'the permission is held by a group' },
  { path: '/orders/', user: 'alice', expected: refused, meaning: 'the permission is not held' },
  { path: '/orders/', user: 'dave', expected: ok, meaning: 'superusers have every permission' },
  { path: '/example/', user: 'alice', expected: ok, meaning: 'old configuration, first form' },
  { path: '/example/', user: 'bob', expected: refused, meaning: 'old configuration: staff by default' },
  {
    path: '/example/',
    user: 'alice',
    password: 'wrong',
    expected: refused,
    meaning: 'old configuration: wrong password',
  },
  { path: '/example2/', user: 'bob', expected: ok, meaning: 'old configuration, second form, staff off' },
  { path: '/example2/', user: 'carol', expected: refused, meaning: 'old configuration: inactive' },
];

const STEPS_WITHOUT_DAEMON: readonly Step[] = ['/staff/', '/members/', '/example/', '/example2/'].flatMap((path) => [
  { path, user: 'alice', expected: away, meaning: 'daemon stopped: a fault, not a refusal' },
  { path, user: 'alice', password: 'wrong', expected: away, meaning: 'daemon stopped, wrong password' },
]);

/** Makes the requests, the last ones with the daemon stopped, and hands each to `show` as it is answered. */
export async function walk({ apache, daemon }: World, show: (walked: Walked) => void): Promise<boolean> {
  let right = true;
  const take = async (step: Step) => {
    const { user, password = PASSWORD } = step;
    const startedAt = performance.now();
    const { status } = await apache.get(step.path, user === undefined ? {} : { user, password });
    const walked = { ...step, status, ms: performance.now() - startedAt, right: step.expected(status) };
    right &&= walked.right;
    show(walked);
  };
  for (const step of STEPS) await take(step);
  await daemon.stop();
  for (const step of STEPS_WITHOUT_DAEMON) await take(step);
  return right;
}
