import { PASSWORD, type World } from './world.ts';

/** A request and its expected answer. */
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
const denied = (status: number) => status === 401;
const unavailable = (status: number) => status === 503;

const STEPS: readonly Step[] = [
  { path: '/staff/', expected: denied, meaning: 'no credentials: a challenge' },
  { path: '/staff/', user: 'alice', expected: ok, meaning: 'staff is granted' },
  { path: '/staff/', user: 'alice', expected: ok, meaning: 'the password is not hashed again' },
  { path: '/staff/', user: 'alice', password: 'wrong', expected: denied, meaning: 'a wrong password' },
  { path: '/staff/', user: 'bob', expected: denied, meaning: 'not staff' },
  { path: '/members/', user: 'bob', expected: ok, meaning: 'staff is not required here' },
  { path: '/staff/', user: 'carol', expected: denied, meaning: 'inactive' },
  { path: '/members/', user: 'carol', expected: denied, meaning: 'inactive' },
  { path: '/staff/', user: 'nobody', expected: denied, meaning: 'unknown user' },
  { path: '/root/', user: 'alice', expected: denied, meaning: 'staff, but not a superuser' },
  { path: '/root/', user: 'dave', expected: ok, meaning: 'superuser' },
  { path: '/orders/', user: 'bob', expected: ok, meaning: 'has the permission through a group' },
  { path: '/orders/', user: 'alice', expected: denied, meaning: 'does not have the permission' },
  { path: '/orders/', user: 'dave', expected: ok, meaning: 'superusers have every permission' },
  { path: '/example/', user: 'alice', expected: ok, meaning: 'mod_python configuration' },
  { path: '/example/', user: 'bob', expected: denied, meaning: 'mod_python configuration: staff by default' },
  {
    path: '/example/',
    user: 'alice',
    password: 'wrong',
    expected: denied,
    meaning: 'mod_python configuration: wrong password',
  },
  { path: '/example2/', user: 'bob', expected: ok, meaning: 'mod_python configuration for httpd 2.2, staff off' },
  { path: '/example2/', user: 'carol', expected: denied, meaning: 'mod_python configuration: inactive' },
];

const STEPS_WITHOUT_DAEMON: readonly Step[] = ['/staff/', '/members/', '/example/', '/example2/'].flatMap((path) => [
  { path, user: 'alice', expected: unavailable, meaning: 'daemon stopped: a fault, not a denial' },
  { path, user: 'alice', password: 'wrong', expected: unavailable, meaning: 'daemon stopped, wrong password' },
]);

/** Makes the requests, the last ones with the daemon stopped, and passes each answer to `show`. */
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
