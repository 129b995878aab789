import type { Reply } from '../../protocol/reply.ts';
import type { Request } from '../../protocol/request.ts';
import { STATUS } from '../../protocol/status.ts';
import type { Clock } from '../clock.ts';
import type { Config } from '../config/schema.ts';
import { Busy } from '../fault.ts';
import { groupId, userId } from './group.ts';
import type { Peer } from './peer.ts';

type Table = Config['listen']['allow'][number];

/** How many seconds of its rate a table may use at once. */
const BURST_S = 2;

/** A table of `[[listen.allow]]` with the numbers of its users and groups. */
interface Rule {
  readonly uids: ReadonlySet<number>;
  readonly gids: ReadonlySet<number>;
  readonly operations: ReadonlySet<string>;
  /** undefined: all. */
  readonly sites: ReadonlySet<string> | undefined;
  readonly bucket: Bucket | undefined;
}

/** Questions per second, of all whom a table names together. */
export class Bucket {
  readonly #perSecond: number;
  readonly #clock: Clock;
  #tokens: number;
  #at: number;

  constructor(perSecond: number, clock: Clock) {
    this.#perSecond = perSecond;
    this.#clock = clock;
    this.#tokens = perSecond * BURST_S;
    this.#at = clock.now();
  }

  /** 0 if the question may be asked, and is counted; else after how many seconds another may. */
  take(): number {
    const now = this.#clock.now();
    const gained = ((now - this.#at) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#tokens + gained, this.#perSecond * BURST_S);
    this.#at = now;
    if (this.#tokens < 1) return (1 - this.#tokens) / this.#perSecond;
    this.#tokens--;
    return 0;
  }
}

/** Who may ask what, as `[[listen.allow]]` says: the first table that names the peer's user or one of its groups. */
export class Allow {
  readonly #rules: readonly Rule[];
  readonly #onlySite: string | undefined;

  /** @throws Error, a sentence, if there is no such user or group */
  constructor({ listen, sites }: Config, clock: Clock) {
    this.#rules = listen.allow.map((table, index) => ruleOf(table, index, clock));
    const names = Object.keys(sites);
    this.#onlySite = names.length === 1 ? names[0] : undefined;
  }

  /** Whether there is any table; without one, whoever can open the socket may ask everything. */
  get isSet(): boolean {
    return this.#rules.length > 0;
  }

  /**
   * What to reply in place of an answer; undefined if the peer may ask. Neither reply is a verdict about a user: the one
   * is an error, the other is busy.
   */
  refusal(request: Request, peer: Peer | undefined): Reply | undefined {
    if (!this.isSet) return undefined;
    const { operation } = request;
    const rule = peer && this.#rules.find((each) => names(each, peer));
    if (rule === undefined) return refused(`no table [[listen.allow]] names ${called(peer)}`);
    if (!rule.operations.has(operation)) {
      return refused(`[[listen.allow]] does not let ${called(peer)} ask for the operation ${operation}`);
    }
    if (rule.sites !== undefined && (operation === 'check' || operation === 'authorize')) {
      const site = request.site ?? this.#onlySite;
      if (site !== undefined && !rule.sites.has(site)) {
        return refused(`[[listen.allow]] does not let ${called(peer)} ask about that site`);
      }
    }
    const seconds = rule.bucket?.take() ?? 0;
    if (seconds === 0) return undefined;
    const { reason, retryAfter } = new Busy('throttled', seconds);
    return { status: STATUS.busy, content: { retry_after: retryAfter, reason } };
  }
}

function names(rule: Rule, { uid, gids }: Peer): boolean {
  return rule.uids.has(uid) || gids.some((gid) => rule.gids.has(gid));
}

function called(peer: Peer | undefined): string {
  return peer === undefined ? 'a client whose user is not known' : `uid ${peer.uid}`;
}

function refused(reason: string): Reply {
  return { status: STATUS.error, content: { reason } };
}

function ruleOf({ user, group, operations, sites, rate }: Table, index: number, clock: Clock): Rule {
  const where = `listen.allow, table ${index + 1}`;
  return {
    uids: new Set(user.map((name) => userId(name) ?? fail(`${where}: no such user "${name}"`))),
    gids: new Set(group.map((name) => groupId(name) ?? fail(`${where}: no such group "${name}"`))),
    operations: new Set(operations),
    sites: sites && new Set(sites),
    bucket: rate === 0 ? undefined : new Bucket(rate, clock),
  };
}

function fail(message: string): never {
  throw new Error(message);
}
