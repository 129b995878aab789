import type { Config } from '../config/schema.ts';
import type { ActivatedSockets, SocketName } from '../service/socket-activation.ts';
import { type Answer, Connection } from './connection.ts';
import type { Limits } from './limits.ts';
import type { ListenerOptions } from './listener.ts';

/** The front end that speaks the protocol: an auth socket and a control socket. */
export interface SocketFrontEndOptions {
  /** Sockets that systemd opened. */
  readonly activated: ActivatedSockets;
  /** What all connections share. */
  readonly limits: Limits;
  /** Answers the requests of each socket. */
  readonly answers: Readonly<Record<SocketName, Answer>>;
  /** Called with a sentence about a client that broke the protocol or was refused. */
  readonly onMisuse: (message: string) => void;
  /** Called with a sentence about a socket. */
  readonly onTrouble: (message: string) => void;
}

/** The sockets that a configuration asks for. */
export function socketListeners({ listen }: Config, options: SocketFrontEndOptions): ListenerOptions[] {
  const { activated, limits, answers, onMisuse, onTrouble } = options;
  const common = (name: SocketName) => ({
    name,
    fd: activated[name],
    maxConnections: listen.max_connections,
    accept: (socket: ConstructorParameters<typeof Connection>[0]) =>
      new Connection(socket, { limits, answer: answers[name], onMisuse }),
    onRefused: onMisuse,
    onTrouble,
  });
  const auth = { ...common('auth'), path: listen.socket, mode: listen.mode, group: listen.group };
  if (listen.control === undefined && activated.control === undefined) return [auth];
  return [auth, { ...common('control'), path: listen.control ?? '', mode: 0o600, group: undefined }];
}

/** Keys that describe a socket, by the socket that systemd may have opened in their place. */
const KEYS = { auth: ['socket', 'mode', 'group'], control: ['control'] } as const;

/** The changed keys of [listen] that a reload cannot apply: where systemd opened the socket, its unit decides. */
export function unappliedKeys(config: Config, previous: Config, activated: ActivatedSockets): string[] {
  return (['auth', 'control'] as const)
    .filter((name) => activated[name] !== undefined)
    .flatMap((name) => KEYS[name].filter((key) => config.listen[key] !== previous.listen[key]))
    .map((key) => `listen.${key}`);
}
