import { randomBytes } from 'node:crypto';
import { loadPackage } from '../native/bundle.ts';
import { equalInConstantTime } from './compare.ts';
import { type Hasher, plainNumber } from './hasher.ts';

// The library's const enums cannot be imported under verbatimModuleSyntax.
const TYPES = { argon2d: 0, argon2i: 1, argon2id: 2 } as const;
const VERSION_16 = 0;
const VERSION_19 = 1;

type Library = typeof import('@node-rs/argon2');
let loaded: Library | undefined;

/** Loaded only when a hash is computed, in a worker: the event loop starts without it. */
function library(): Library {
  loaded ??= loadPackage<Library>('@node-rs/argon2');
  return loaded;
}

interface Parts {
  type: keyof typeof TYPES;
  version: 16 | 19;
  memory: number;
  time: number;
  lanes: number;
  salt: Buffer;
  hash: Buffer;
  /** Everything before the hash. */
  settings: string;
}

const FORM =
  /^argon2\$((argon2(?:d|i|id))(?:\$v=(16|19))?\$m=([0-9]+),t=([0-9]+),p=([0-9]+)\$([A-Za-z0-9+/]+)\$)([A-Za-z0-9+/]+)$/;

/** `argon2$` and what libargon2 writes. Without `v=` it is version 16, which the Rust library would read as 19. */
function read(encoded: string): Parts | undefined {
  const match = FORM.exec(encoded);
  if (!match) return undefined;
  const memory = plainNumber(match[4]);
  const time = plainNumber(match[5]);
  const lanes = plainNumber(match[6]);
  const salt = unpadded(match[7] as string);
  const hash = unpadded(match[8] as string);
  if (!memory || !time || !lanes || !salt || !hash) return undefined;
  if (memory < 8 * lanes || lanes > 0xff_ffff || salt.length < 8 || hash.length < 4) return undefined;
  return {
    type: match[2] as keyof typeof TYPES,
    version: match[3] === '19' ? 19 : 16,
    memory,
    time,
    lanes,
    salt,
    hash,
    settings: match[1] as string,
  };
}

function unpadded(base64: string): Buffer | undefined {
  const octets = Buffer.from(base64, 'base64');
  return octets.toString('base64').replace(/=+$/, '') === base64 ? octets : undefined;
}

/** As `Argon2PasswordHasher` since Django 1.10: argon2i until 3.1, argon2id since 3.2, and argon2d, which it accepts. */
export const argon2: Hasher = {
  algorithm: 'argon2',

  work(encoded) {
    const parts = read(encoded);
    if (!parts) return undefined;
    const { type, memory, time, lanes } = parts;
    return {
      cost: `argon2$${type}$m=${memory},t=${time},p=${lanes}`,
      seconds: time * (memory * 5e-7 + lanes * 5e-5), // each lane is computed on a thread
      memory: memory * 1024,
    };
  },

  verify(password, encoded) {
    const parts = read(encoded);
    if (!parts) return false;
    const hash = library().hashRawSync(password, {
      algorithm: TYPES[parts.type],
      version: parts.version === 19 ? VERSION_19 : VERSION_16,
      memoryCost: parts.memory,
      timeCost: parts.time,
      parallelism: parts.lanes,
      outputLen: parts.hash.length,
      salt: parts.salt,
    });
    return equalInConstantTime(`argon2$${parts.settings}${hash.toString('base64').replace(/=+$/, '')}`, encoded);
  },

  decoy(encoded) {
    const parts = read(encoded);
    const hash = randomBytes(parts?.hash.length ?? 32).toString('base64');
    return `argon2$${parts?.settings}${hash.replace(/=+$/, '')}`;
  },
};
