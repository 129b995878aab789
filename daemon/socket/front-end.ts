import type { Request } from '../../protocol/request.ts';
import type { Config } from '../config/schema.ts';
import type { Presence } from '../request/presence.ts';
import type { ActivatedSockets, SocketName } from '../service/socket-activation.ts';
import type { Allow } from './allow.ts';
import { type Answer, Connection } from './connection.ts';
import type { Limits } from './limits.ts';
import type { ListenerOptions } from './listener.ts';
import type { Peer, ReadPeer } from './peer.ts';

/** Answers one request of a peer, as an Answer does. */
export type PeerAnswer = (
  request: Request,
  peer: Peer | undefined,
  presence: Presence | undefined,
) => ReturnType<Answer>;

/** The front end that speaks the protocol: an auth socket, a control socket, and one for hooks. */
export interface SocketFrontEndOptions {
  /** Sockets that systemd opened. */
  readonly activated: ActivatedSockets;
  /** What all connections share. */
  readonly limits: Limits;
  readonly readPeer: ReadPeer;
  /** Who may ask what, by the configuration in force. */
  readonly allow: () => Allow;
  /** Answers the requests of each socket. */
  readonly answers: Readonly<Record<SocketName, PeerAnswer>>;
  /** Called with a sentence about a client that broke the protocol or was refused. */
  readonly onMisuse: (message: string, peer: Peer | undefined) => void;
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
    idleMs: listen.idle,
    readPeer: options.readPeer,
    accept: (socket: ConstructorParameters<typeof Connection>[0], peer: Peer | undefined) =>
      new Connection(socket, {
        limits,
        answer:
          name === 'control'
            ? (request, presence) => answers.control(request, peer, presence)
            : allowed(answers[name], peer, options),
        onMisuse: (message) => onMisuse(message, peer),
      }),
    onRefused: onMisuse,
    onTrouble,
  });
  const listeners: ListenerOptions[] = [
    { ...common('auth'), path: listen.socket, mode: listen.mode, group: listen.group },
  ];
  if (listen.hooks !== undefined || activated.hooks !== undefined) {
    const { hooks = '', hooks_mode, hooks_group } = listen;
    listeners.push({ ...common('hooks'), path: hooks, mode: hooks_mode, group: hooks_group });
  }
  if (listen.control !== undefined || activated.control !== undefined) {
    listeners.push({ ...common('control'), path: listen.control ?? '', mode: 0o600, group: undefined });
  }
  return listeners;
}

/** Answers what `[[listen.allow]]` lets a peer ask. */
function allowed(answer: PeerAnswer, peer: Peer | undefined, { allow, onMisuse }: SocketFrontEndOptions): Answer {
  return (request, presence) => {
    const refusal = allow().refusal(request, peer);
    if (refusal === undefined) return answer(request, peer, presence);
    const { reason } = refusal.content as { reason: string };
    onMisuse(reason === 'throttled' ? 'question refused: over the rate of [[listen.allow]]' : reason, peer);
    return refusal;
  };
}

/** Keys that describe a socket, by the socket that systemd may have opened in their place. */
const KEYS = {
  auth: ['socket', 'mode', 'group'],
  hooks: ['hooks', 'hooks_mode', 'hooks_group'],
  control: ['control'],
} as const;

/** The changed keys of [listen] that a reload cannot apply: where systemd opened the socket, its unit decides. */
export function unappliedKeys(config: Config, previous: Config, activated: ActivatedSockets): string[] {
  return (['auth', 'hooks', 'control'] as const)
    .filter((name) => activated[name] !== undefined)
    .flatMap((name) => KEYS[name].filter((key) => config.listen[key] !== previous.listen[key]))
    .map((key) => `listen.${key}`);
}
