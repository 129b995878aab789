import type { Stage } from '../stage.ts';
import type { World } from './world.ts';

/** How one server decides. */
export interface Door {
  /** Whether the password gets in. */
  enter(username: string, password: string): Promise<boolean>;
  /** The same where the group is required. Absent if the server knows no groups. */
  enterAsMember?(username: string, password: string): Promise<boolean>;
  /** What the server has logged. */
  log?(): string;
}

/** A kind of server that keeps what it knows for some time, or not. */
export interface Peer {
  /** The server, and what is behind it. */
  readonly server: string;
  /** The setting that decides how long it keeps something, and its default; or that it keeps nothing. */
  readonly setting: string;
  /** That default, in s. */
  readonly keeps?: number;
  /** @param keeps the time to configure, in s; the default is not written */
  open(stage: Stage, world: World, keeps?: number): Promise<Door>;
}
