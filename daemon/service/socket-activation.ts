/** The first descriptor that systemd passes: SD_LISTEN_FDS_START. */
const FIRST = 3;

/** The names that a .socket unit may have as FileDescriptorName=. */
export const SOCKET_NAMES = ['auth', 'hooks', 'control'] as const;
export type SocketName = (typeof SOCKET_NAMES)[number];

/** Descriptors of sockets that systemd listens on, by name. */
export type ActivatedSockets = Readonly<Partial<Record<SocketName, number>>>;

/** The name of memory that an earlier process of the service handed to systemd. */
export const KEPT = 'proofs';

/** All descriptors that systemd passes. */
export type PassedDescriptors = ActivatedSockets & { readonly [KEPT]?: number };

/**
 * The sockets that systemd opened for this process, and the memory that an earlier one left, as
 * sd_listen_fds_with_names(3). A single socket without a name is the auth socket. The variables are removed from the
 * environment.
 *
 * @throws Error, a sentence, if a socket has another name
 */
export function takeDescriptors(environment: NodeJS.ProcessEnv, pid: number = process.pid): PassedDescriptors {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== pid) return {};
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 0) {
    throw new Error(`invalid LISTEN_FDS "${LISTEN_FDS}": accepted is a number of sockets`);
  }
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const sockets = count - names.filter((name) => name === KEPT).length;
  const passed: Partial<Record<SocketName | typeof KEPT, number>> = {};
  for (let index = 0; index < count; index++) {
    const given = names[index] ?? '';
    // Without FileDescriptorName= systemd says "unknown" or the unit's name.
    const name = sockets === 1 && (given === '' || given === 'unknown' || given.endsWith('.socket')) ? 'auth' : given;
    if (name !== KEPT && !isSocketName(name)) {
      throw new Error(
        `unknown socket name "${given}": FileDescriptorName= of the socket unit must be ${SOCKET_NAMES.join(' or ')}`,
      );
    }
    if (passed[name] !== undefined) throw new Error(`two sockets have the name "${name}"`);
    passed[name] = FIRST + index;
  }
  return passed;
}

function isSocketName(name: string): name is SocketName {
  return (SOCKET_NAMES as readonly string[]).includes(name);
}
