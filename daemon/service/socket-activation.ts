/** The first descriptor that is passed, as SD_LISTEN_FDS_START. */
const FIRST = 3;

/** Names by which sockets are passed: FileDescriptorName= in their .socket unit. */
export const SOCKET_NAMES = ['auth', 'control'] as const;
export type SocketName = (typeof SOCKET_NAMES)[number];

/** Descriptors of listening sockets, by name. */
export type PassedSockets = Readonly<Partial<Record<SocketName, number>>>;

/**
 * The sockets that whoever started this process opened for it, as sd_listen_fds_with_names(3). A single one without a
 * name is the one for questions. The variables are taken out of the environment.
 *
 * @throws Error, a sentence, where one has a name that nothing is answered by
 */
export function takePassedSockets(environment: NodeJS.ProcessEnv, pid: number = process.pid): PassedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES } = environment;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete environment[name];
  if (LISTEN_FDS === undefined || Number(LISTEN_PID) !== pid) return {};
  const count = Number(LISTEN_FDS);
  if (!Number.isInteger(count) || count < 0) {
    throw new Error(`LISTEN_FDS is "${LISTEN_FDS}": accepted is how many sockets are passed`);
  }
  const names = LISTEN_FDNAMES?.split(':') ?? [];
  const passed: Partial<Record<SocketName, number>> = {};
  for (let at = 0; at < count; at++) {
    const given = names[at] ?? '';
    // systemd says "unknown", or the unit's name, where none was given.
    const name = count === 1 && (given === '' || given === 'unknown' || given.endsWith('.socket')) ? 'auth' : given;
    if (!isName(name)) {
      throw new Error(`a socket named "${given}" is passed: FileDescriptorName= must be ${SOCKET_NAMES.join(' or ')}`);
    }
    if (passed[name] !== undefined) throw new Error(`two sockets named "${name}" are passed`);
    passed[name] = FIRST + at;
  }
  return passed;
}

function isName(name: string): name is SocketName {
  return (SOCKET_NAMES as readonly string[]).includes(name);
}
