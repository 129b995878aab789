import type { Stage } from './stage.ts';

/** What became of the people who ask with the right password while an attack goes on. Times in ms. */
export interface Proven {
  readonly served: number;
  readonly of: number;
  readonly p50: number;
  readonly p99: number;
  readonly idleP50: number;
  readonly idleP99: number;
}

/** People who have no proof: newcomers, and those whose encoded hash is another one since they logged in. */
export interface Arrivals {
  readonly in: number;
  readonly of: number;
  /** The most questions that one of them had to ask. */
  readonly tries: number;
  /** The longest time from the first question to the grant, the waits that the daemon asked for included. */
  readonly seconds: number;
}

/** The value of something that has an upper limit. */
export interface Aim {
  readonly what: string;
  readonly value: number;
  readonly most: number;
  readonly unit?: string;
  /** A time: other work on the machine changes it, so the short form does not judge it. */
  readonly timed?: boolean;
}

/** What one attack did. What it does not concern is left out. */
export interface Row {
  readonly attack: string;
  readonly proven?: Proven | undefined;
  readonly returning?: Arrivals | undefined;
  readonly newcomers?: Arrivals | undefined;
  /** An unprotected page of the web server, p50 in ms. */
  readonly page?: { readonly p50: number; readonly idleP50: number } | undefined;
  /** Resident memory of the daemon and its children, in MB of 1,000,000 octets. */
  readonly memory?: { readonly before: number; readonly peak: number } | undefined;
  /** Grants that Django would not give, and denials of right passwords. */
  readonly wrong: number;
  /** The aims of this attack besides those that all have. */
  readonly aims?: readonly Aim[];
  /** What the attacker got, and other figures. */
  readonly note?: string;
}

/** One attack, or several that need the same preparation. To add one, write a file and list it in cases.ts. */
export interface Attack {
  readonly name: string;
  /** Whether it is in the short form. */
  readonly short?: boolean;
  run(stage: Stage): Promise<readonly Row[]>;
}
