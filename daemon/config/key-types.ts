import { availableParallelism } from 'node:os';
import { djangoReleases } from '../hasher/django-releases.ts';
import { hashers } from '../hasher/hashers.ts';
import { isNetwork, NETWORK_FORM } from '../network.ts';
import { databaseOf, databases } from '../store/databases.ts';
import { closest } from '../text/suggest.ts';
import { STORE_URL_FORM, storeAddressOf } from '../throttle/store-url.ts';
import { isPasswordFile, PASSWORD_FILE_FORM } from './password-file.ts';
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from './units.ts';

/** What a key holds. */
export interface KeyType<T> {
  /** A word or two for the reference. */
  readonly name: string;
  /** What is accepted; ends the sentence "accepted: …". */
  readonly accepted: string;
  /**
   * The value as the daemon uses it; undefined if it is not accepted.
   *
   * @throws Error, a sentence, if more can be said about it than what is accepted; the sentence repeats no secret
   */
  parse(value: unknown): T | undefined;
}

/** The longest path of a Unix socket, in octets: `sun_path` without its NUL. */
const SOCKET_PATH_MAX = 107;

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

const quoted = (names: readonly string[]) => names.map((name) => `"${name}"`).join(', ');

/** @throws Error if a value is almost one of the words */
function meant(value: unknown, words: readonly string[]): undefined {
  const word = isText(value) ? closest(value, words) : undefined;
  if (word !== undefined) throw new Error(`did you mean "${word}"?`);
}

export const string: KeyType<string> = {
  name: 'string',
  accepted: 'a string that is not empty',
  parse: (value) => (isText(value) ? value : undefined),
};

/** A user or a group. */
export const ownerName: KeyType<string> = {
  name: 'name or number',
  accepted: 'a name or a number',
  parse: (value) => (Number.isInteger(value) && (value as number) >= 0 ? String(value) : string.parse(value)),
};

/** A column, or false for one that the user model does not have. */
export const column: KeyType<string | false> = {
  name: 'column or false',
  accepted: 'the name of a column, or false if the user model has none',
  parse: (value) => (value === false || isText(value) ? value : undefined),
};

export const boolean: KeyType<boolean> = {
  name: 'true or false',
  accepted: 'true or false',
  parse(value) {
    if (value === 'true' || value === 'false') throw new Error(`write ${value} without quotation marks`);
    return typeof value === 'boolean' ? value : undefined;
  },
};

export function integer(from: number, to: number): KeyType<number> {
  return {
    name: `${from} to ${to}`,
    accepted: `a whole number from ${from} to ${to}`,
    parse: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to ? value : undefined,
  };
}

/** A number of threads, 0 for one per core. */
export function threads(to: number): KeyType<number> {
  const number = integer(0, to);
  return { ...number, parse: (value) => (value === 0 ? availableParallelism() : number.parse(value)) };
}

export function oneOf<const T extends string>(...words: readonly T[]): KeyType<T> {
  return {
    name: quoted(words),
    accepted: `one of ${quoted(words)}`,
    parse: (value) => words.find((word) => word === value) ?? meant(value, words),
  };
}

/** A list of at least `least` items. */
export function list<T>(item: KeyType<T>, least = 0): KeyType<T[]> {
  return {
    name: `list: ${item.name}`,
    accepted: `a list${least > 0 ? `, not empty,` : ''} of: ${item.accepted}`,
    parse(value) {
      if (!Array.isArray(value) || value.length < least) return undefined;
      const items = value.map((one) => item.parse(one));
      return items.includes(undefined) ? undefined : (items as T[]);
    },
  };
}

/** Milliseconds, of at least `leastMs`. */
export function duration(leastMs = 0): KeyType<number> {
  return {
    name: 'duration',
    accepted: leastMs > 0 ? `${DURATION_FORM}, of at least ${leastMs} ms` : DURATION_FORM,
    parse(value) {
      const ms = parseDuration(value);
      return ms !== undefined && ms >= leastMs ? ms : undefined;
    },
  };
}

/** Octets. */
export const size: KeyType<number> = { name: 'size', accepted: SIZE_FORM, parse: parseSize };

/** Octets, of at least `least`, given as text for the message. */
export function sizeFrom(least: string): KeyType<number> {
  const octets = parseSize(least) as number;
  return {
    name: 'size',
    accepted: `${SIZE_FORM}, of at least ${least}`,
    parse(value) {
      const given = parseSize(value);
      return given !== undefined && given >= octets ? given : undefined;
    },
  };
}

export const mode: KeyType<number> = {
  name: 'octal mode',
  accepted: 'an octal mode as a string, such as "0660"',
  parse: (value) => (isText(value) && /^0?[0-7]{3}$/.test(value) ? Number.parseInt(value, 8) : undefined),
};

export const socketPath: KeyType<string> = {
  name: 'path of a socket',
  accepted: `an absolute path of at most ${SOCKET_PATH_MAX} octets`,
  parse: (value) =>
    isText(value) && value.startsWith('/') && Buffer.byteLength(value) <= SOCKET_PATH_MAX ? value : undefined,
};

export const storeUrl: KeyType<string> = {
  name: 'URL',
  accepted: STORE_URL_FORM,
  parse: (value) => (isText(value) && storeAddressOf(value) !== undefined ? value : undefined),
};

/** A network, in CIDR notation, or one address. */
export const network: KeyType<string> = {
  name: 'network',
  accepted: NETWORK_FORM,
  parse: (value) => (isText(value) && isNetwork(value) ? value : undefined),
};

export const passwordFile: KeyType<string> = {
  name: 'path of a file',
  accepted: PASSWORD_FILE_FORM,
  parse: (value) => (isText(value) && isPasswordFile(value) ? value : undefined),
};

export const databaseUrl: KeyType<string> = {
  name: 'URL',
  accepted: `a URL such as ${databases.map(({ example }) => `"${example}"`).join(' or ')}`,
  parse(value) {
    if (typeof value !== 'string') return undefined;
    const kind = databaseOf(value);
    if (kind === undefined) throw new Error('unknown kind of database');
    const problem = kind.problem(value);
    if (problem) throw new Error(problem);
    return value;
  },
};

const algorithms = hashers.map((hasher) => hasher.algorithm);
const algorithm: KeyType<string> = {
  name: 'algorithm',
  accepted: quoted(algorithms),
  parse: (value) => algorithms.find((name) => name === value) ?? meant(value, algorithms),
};
const algorithmList = list(algorithm, 1);
const releases = [...djangoReleases.keys()];

/** Algorithms: a list of their names, or the default list of a Django release. */
export const acceptedHashers: KeyType<readonly string[]> = {
  name: 'Django release or list: algorithm',
  accepted: `a Django release from "${releases[0]}" to "${releases.at(-1)}", or ${algorithmList.accepted}`,
  parse: (value) =>
    isText(value) ? (djangoReleases.get(value) ?? meant(value, releases)) : algorithmList.parse(value),
};
