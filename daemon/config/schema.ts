import { availableParallelism } from 'node:os';
import { z } from 'zod';
import { hashers } from '../hasher/hashers.ts';
import { databaseOf, databases } from '../store/databases.ts';
import { type Schema, STOCK } from '../store/schema.ts';
import { isPasswordFile, PASSWORD_FILE_FORM } from './password-file.ts';
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from './units.ts';

/** The longest path a Unix socket can have, in octets (`sun_path` less its NUL). */
const SOCKET_PATH_MAX = 107;

/**
 * Every key of the configuration, with its default and one sentence on what it is for: the table that errors, the
 * sample file and the README go by. A message says what is accepted.
 */
const duration = (least = 0) =>
  z.unknown().transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== undefined && ms >= least) return ms;
    context.addIssue({ code: 'custom', message: DURATION_FORM + (least > 0 ? `, of ${least} ms at least` : '') });
    return z.NEVER;
  });

const size = () =>
  z.unknown().transform((value, context) => {
    const octets = parseSize(value);
    if (octets !== undefined) return octets;
    context.addIssue({ code: 'custom', message: SIZE_FORM });
    return z.NEVER;
  });

const count = (from: number, to: number) => {
  const message = `a whole number from ${from} to ${to}`;
  return z.number(message).int(message).min(from, message).max(to, message);
};

const socketPath = () => {
  const message = `an absolute path of at most ${SOCKET_PATH_MAX} octets`;
  return z
    .string(message)
    .refine((path) => path.startsWith('/') && Buffer.byteLength(path) <= SOCKET_PATH_MAX, message);
};

const mode = () => {
  const message = 'an octal text such as "0660"';
  return z
    .string(message)
    .regex(/^0?[0-7]{3}$/, message)
    .transform((text) => Number.parseInt(text, 8));
};

const text = () => z.string('a text').min(1, 'a text that is not empty');

const database = () => {
  const examples = databases.map(({ example }) => `"${example}"`).join(' or ');
  return z.string(`a URL such as ${examples}`).superRefine((url, context) => {
    const kind = databaseOf(url);
    const problem = kind ? kind.problem(url) : `the database is none that is spoken here`;
    if (problem) context.addIssue({ code: 'custom', message: `a URL such as ${examples} (${problem})` });
  });
};

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

const algorithm = () => {
  const names = hashers.map((hasher) => hasher.algorithm);
  return z.enum(names, `of ${names.map((name) => `"${name}"`).join(', ')}`);
};

/** Names of tables and columns. What is left out of `user` is a thing that the user model does not have. */
const tables = () =>
  z
    .strictObject({
      user: z.strictObject({
        table: text(),
        id: text(),
        username: text(),
        password: text(),
        active: text().optional(),
        staff: text().optional(),
        superuser: text().optional(),
        email: text().optional(),
        first_name: text().optional(),
        last_name: text().optional(),
        /** Tables of multi-table inheritance; their columns are spelled "table.column" above. */
        parents: z.array(z.strictObject({ table: text(), id: text(), link: text() })).default([]),
      }),
      user_groups: z.strictObject({ table: text(), user: text(), group: text() }).optional(),
      user_permissions: z.strictObject({ table: text(), user: text(), permission: text() }).optional(),
      group: z.strictObject({ table: text(), id: text(), name: text() }).optional(),
      group_permissions: z.strictObject({ table: text(), group: text(), permission: text() }).optional(),
      permission: z.strictObject({ table: text(), id: text(), codename: text(), content_type: text() }).optional(),
      content_type: z.strictObject({ table: text(), id: text(), app_label: text() }).optional(),
    })
    .optional()
    .transform((given): Schema => {
      if (given === undefined) return STOCK;
      const { user, permission, content_type } = given;
      return {
        user: {
          table: user.table,
          id: user.id,
          username: user.username,
          password: user.password,
          active: user.active,
          staff: user.staff,
          superuser: user.superuser,
          email: user.email,
          firstName: user.first_name,
          lastName: user.last_name,
          parents: user.parents,
        },
        userGroups: given.user_groups,
        userPermissions: given.user_permissions,
        group: given.group ?? STOCK.group,
        groupPermissions: given.group_permissions ?? STOCK.groupPermissions,
        permission: permission ? { ...permission, contentType: permission.content_type } : STOCK.permission,
        contentType: content_type ? { ...content_type, appLabel: content_type.app_label } : STOCK.contentType,
      };
    });

export const schema = z.strictObject({
  listen: z.strictObject({
    /** Where questions are answered. Who may open it may ask. */
    socket: socketPath(),
    mode: mode().default(0o660),
    /** The group that may open it; without one the daemon's own. */
    group: text().optional(),
    /** Where statistics, flush and reload are to be had; always mode 0600. None without it. */
    control: socketPath().optional(),
    /** Connections open at once; more are closed at once. */
    max_connections: count(1, 1_000_000).default(16_384),
  }),

  sites: z
    .record(
      text(),
      z.strictObject({
        /** Django's database. */
        database: database(),
        /** Where the password for it stands, if not in the URL. */
        password_file: z
          .string(PASSWORD_FILE_FORM)
          .refine((path) => isPasswordFile(path), PASSWORD_FILE_FORM)
          .optional(),
        /** How long a question to it may take. */
        timeout: duration(1).default(2_000),
        /** How many connections may be open to it. */
        connections: count(1, 1_000).default(4),
        /** The algorithms that are accepted, as PASSWORD_HASHERS; every known one without it. */
        hashers: z.array(algorithm()).min(1, 'one algorithm at least').optional(),
        /** Algorithms of the site's own, which cannot be verified here: their accounts answer "error". */
        foreign_hashers: z.array(text()).default([]),
        /** What becomes of a password of more than 72 octets at a bcrypt hash: as with bcrypt before 5, or since. */
        bcrypt_long: z.enum(['truncate', 'refuse'], 'of "truncate", "refuse"').default('truncate'),
        /** Tables and columns, where the user model is not the stock one; `djauthd import` writes it. */
        schema: tables(),
      }),
    )
    .refine((sites) => Object.keys(sites).length > 0, 'one table [sites."NAME"] at least'),

  cache: z
    .strictObject({
      /** How old what is known of an account may be when it decides; 0: every question reads the database. */
      account_ttl: duration().default(1_000),
      /** How many accounts are kept, for each site. */
      accounts: count(1, 10_000_000).default(100_000),
      /** How many right passwords are remembered (as an HMAC), and for how long. */
      proofs: count(1, 10_000_000).default(100_000),
      proof_ttl: duration(1).default(3_600_000),
      /** How many wrong ones, and for how long. */
      refusals: count(1, 10_000_000).default(20_000),
      refusal_ttl: duration(1).default(300_000),
    })
    .prefault({}),

  hash: z
    .strictObject({
      /** How many password hashes are computed at once; 0: one for each core. */
      workers: count(0, 1_024)
        .default(0)
        .transform((workers) => workers || availableParallelism()),
      /** How many wait in each of the two lanes (people who got in lately; all others). */
      queue: count(1, 1_000_000).default(256),
      /** The most that one stored hash may take, by estimate, before its account answers "error". */
      max_time: duration(1).default(10_000),
      max_memory: size().default(512 * 1024 * 1024),
      /** Whether the addon for PBKDF2 is used, where it could be built. */
      native: z.boolean('true or false').default(true),
    })
    .prefault({}),

  shutdown: z
    .strictObject({
      /** How long questions in flight are waited for. */
      grace: duration(1).default(10_000),
    })
    .prefault({}),

  log: z
    .strictObject({
      /** What is written to standard error. Each verdict is one line at "info". */
      level: z.enum(levels, `one of ${levels.map((level) => `"${level}"`).join(', ')}`).default('info'),
    })
    .prefault({}),
});

/** A checked configuration: durations in milliseconds, sizes in octets, modes as numbers. */
export type Config = z.output<typeof schema>;
export type SiteConfig = Config['sites'][string];
