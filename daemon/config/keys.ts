import { CLIENT_OPERATIONS } from '../../protocol/request.ts';
import { LATEST_RELEASE } from '../hasher/django-releases.ts';
import { UNKNOWN_NAMES } from '../log/names.ts';
import { USERNAME_MATCHES } from '../store/username-match.ts';
import { arrayOfTables, key, namedSections, optionalSection, section } from './key.ts';
import {
  acceptedHashers,
  boolean,
  databaseUrl,
  duration,
  integer,
  list,
  mode,
  network,
  oneOf,
  ownerName,
  passwordFile,
  size,
  sizeFrom,
  socketPath,
  storeUrl,
  string,
  threads,
} from './key-types.ts';
import { schemaKeys } from './schema-keys.ts';

/**
 * Every key of the configuration (those of `sites.NAME.schema` are in schema-keys.ts). This table is the only place to
 * edit to add one: parsing, error messages and `Config` follow from it, and so do docs/configuration.md,
 * djauthd.toml(5) and the sample file after `npm run docs`; `npm run lint` fails until that has been run.
 *
 * `about` is Markdown. `default` is written as in TOML. A key without `default` and `absent` is required.
 */
export const keys = section('The file.', {
  listen: section('The sockets. Those that a systemd socket unit opens keep the path, mode and group of the unit.', {
    socket: key(socketPath, {
      about: 'Socket on which clients ask. A stale socket, on which no process listens any more, is replaced.',
      example: '/run/djauthd/auth.sock',
    }),
    mode: key(mode, {
      about: 'Mode of `socket`. Every process that can open the socket can ask.',
      default: '0660',
    }),
    group: key(string, {
      about: "Group of `socket`: the web server's.",
      absent: "the daemon's own group",
      example: 'www-data',
    }),
    control: key(socketPath, {
      about:
        'Socket for `djauthd stats`, `explain`, `flush` and `reload` and for `djauth svn-groups`. Its mode is always 0600.',
      absent: 'no control socket',
      example: '/run/djauthd/control.sock',
    }),
    hooks: key(socketPath, {
      about:
        'Socket for hooks: `authorize` is answered there and no longer on `socket`, so that who may open the one cannot ' +
        'for the rights of every user. What `socket` answers is answered there too.',
      absent: '`authorize` is answered on `socket`',
      example: '/run/djauthd/hooks.sock',
    }),
    hooks_mode: key(mode, { about: 'Mode of `hooks`.', default: '0660' }),
    hooks_group: key(string, {
      about: 'Group of `hooks`: that of the users as which hooks run.',
      absent: "the daemon's own group",
      example: 'svn',
    }),
    max_connections: key(integer(1, 1_000_000), {
      about:
        'Limit of open connections on each socket. At the limit one more takes the place of the longest idle connection ' +
        'of the user, and of the process, that has most; a peer that has most itself is refused.',
      default: 16_384,
    }),
    idle: key(duration(1), {
      about:
        'How long a connection may be idle when seven eighths of `max_connections` are open. Below that idle connections ' +
        'stay open.',
      default: '60s',
    }),
    in_flight: key(sizeFrom('1MiB'), {
      about:
        'Limit of octets of requests in flight, of all connections together. From it on, connections that have their ' +
        'share of it are read no further; from twice the limit on, none is. Of octets that wait for a turn, and of those ' +
        'that a client holds up by incomplete frames and unread replies, as many again may be in memory.',
      default: '16MiB',
    }),
    allow: arrayOfTables(
      'Who may ask what, on `socket` and `hooks`, by the user and the groups of the process that connected. The first ' +
        'table that names it decides; with a table, whoever none names is refused. Without any, everyone may ask ' +
        'everything who can open the socket. What is refused is an error or, above the rate, busy: never a denial.',
      {
        user: key(list(ownerName), { about: 'Users, by name or number.', default: [], example: ['www-data'] }),
        group: key(list(ownerName), { about: 'Groups, by name or number, that the process is in.', default: [] }),
        operations: key(list(oneOf(...CLIENT_OPERATIONS), 1), {
          about: 'What they may ask.',
          default: CLIENT_OPERATIONS,
        }),
        sites: key(list(string), {
          about: 'The sites that they may ask about.',
          absent: 'all',
          example: ['mysite.settings'],
        }),
        rate: key(integer(0, 1_000_000), {
          about:
            "Requests per second, of all whom the table names together; two seconds' worth may come at once. `0`: no limit.",
          default: 0,
        }),
      },
    ),
  }),

  sites: namedSections(
    'One section per Django site. `NAME` is what `DjangoSettingsModule` and `--site` say, by convention the ' +
      'DJANGO_SETTINGS_MODULE of the site; a name with a dot must be quoted: `[sites."mysite.settings"]`. ' +
      '`djauthd import` writes the section. A site can be in a file of its own: the files `sites.d/*.toml` beside the ' +
      'configuration are read in the order of their names, and have nothing but sites.',
    'at least one section [sites."NAME"]',
    section('One Django site.', {
      database: key(databaseUrl, {
        about:
          "URL of the site's database: `sqlite:///path`, `postgres://user@host/db`, " +
          '`postgres:///db?host=/run/postgresql`, `mysql://user@host/db` or ' +
          '`mysql://user@/db?socket=/run/mysqld/mysqld.sock`.',
        example: 'postgres:///mysite?host=/run/postgresql',
        secret: true,
      }),
      password_file: key(passwordFile, {
        about:
          "File with the database's password, mode 0600 or, if root owns it, 0640. " +
          '`$CREDENTIALS_DIRECTORY/NAME` names a credential of a systemd unit with `LoadCredential=NAME:…`.',
        absent: 'no password, or the one in the URL',
        example: '$CREDENTIALS_DIRECTORY/mysite',
        secret: true,
      }),
      timeout: key(duration(1), { about: 'Time limit of a query.', default: '2s' }),
      connections: key(integer(1, 1_000), {
        about: 'Limit of connections to the database; not used for SQLite.',
        default: 4,
      }),
      listen: key(boolean, {
        about:
          'Listen for changes of accounts, which PostgreSQL tells at COMMIT once the SQL that `djauthd triggers` prints has ' +
          'been run: a changed password, a deactivation, a lost group or permission counts at once, and accounts need not ' +
          'be read again each `cache.account_ttl`.',
        default: false,
      }),
      listen_url: key(databaseUrl, {
        about:
          'Where to listen, if not at `database`: the server itself where `database` leads to a pooler such as PgBouncer. ' +
          'It must be the same database. A password is taken from `password_file` too. Not used without `listen`.',
        absent: '`database`',
        example: 'postgres:///mysite?host=/run/postgresql',
        secret: true,
      }),
      listen_ttl: key(duration(1), {
        about:
          'Highest age of an account that a verdict may use while changes are heard, in place of `cache.account_ttl`.',
        default: '1h',
      }),
      listen_fallback: key(duration(1), {
        about:
          'Highest age of an account while changes are not heard, or `cache.account_ttl` if that is less. Twice in this ' +
          'time, but every 50 ms at most and every 5 s at least, a notification of its own tells the daemon that it hears. ' +
          'However the connection is lost, no verdict uses what is older than this. Below 100 ms little is gained by listening.',
        default: '1s',
      }),
      hashers: key(acceptedHashers, {
        about:
          'Accepted password algorithms, as in `PASSWORD_HASHERS`: a list such as `["pbkdf2_sha256", "md5"]`, or the ' +
          'default list of a Django release, such as `"django-1.4"`, `"django-2.2"` or `"django-5.2"`.',
        default: LATEST_RELEASE,
      }),
      foreign_hashers: key(list(string), {
        about:
          'Custom algorithms of the site, which djauthd cannot verify: a check of an account that uses one is a fault, ' +
          'not a denial.',
        default: [],
      }),
      bcrypt_long: key(oneOf('truncate', 'refuse'), {
        about:
          'What becomes of a password longer than 72 octets if the encoded hash is bcrypt: `"truncate"` uses the first ' +
          '72, as the Python package bcrypt before 5.0; `"refuse"` denies, as since.',
        default: 'truncate',
      }),
      username_match: key(oneOf(...USERNAME_MATCHES), {
        about:
          'How a username is compared: `"exact"` as the database compares texts; `"iexact"` as the lookup `iexact` of ' +
          'Django, for a manager whose `get_by_natural_key` uses it; `"lower"` in lower case, for one that lower-cases ' +
          'it; `"integer"` and `"uuid"` as an integer field or UUIDField of Django reads it. If several accounts match, ' +
          'the check is a fault.',
        default: 'exact',
      }),
      schema: schemaKeys,
    }),
  ),

  cache: optionalSection('What is kept in memory, and for how long.', {
    account_ttl: key(duration(), {
      about:
        'Highest age of an account that a verdict may use, counted from the start of its query. An account that is ' +
        'asked about in the second half of this time is read again in the background. If the database takes longer ' +
        'to answer, the account is read once more, and then the check is a fault. `0`: every check reads the database, ' +
        'and an answer may take 1 s.',
      default: '1s',
    }),
    lease: key(duration(), {
      about:
        'For how long a client that asks for it (the Apache module does) may use a grant again without asking, at most; never ' +
        'longer than what is left of `account_ttl`, so that no answer is older than without. What the daemon forgets early it ends ' +
        'at once; a daemon that is killed cannot, so this is how long grants go on then. `0`, and with `account_ttl = 0`: no leases.',
      default: '1s',
    }),
    stale_if_error: key(duration(), {
      about:
        'While the database of a site cannot be reached or does not answer in time: how much older than `account_ttl` an ' +
        'account may be that grants a user whose password is remembered. Such a grant is marked in the reply, the log, the ' +
        'metrics and the status page. It may come too late for a password or a right that was taken away meanwhile. ' +
        'Nothing is denied by an older account, and a database that refuses, or lacks a table, is no reason: such a check ' +
        'is a fault. `0`: every check is one.',
      default: 0,
    }),
    stale_authorize: key(boolean, {
      about: 'Grant the rights of users whom a client vouches for, as hooks do, in the same way.',
      default: false,
    }),
    accounts: key(integer(1, 10_000_000), { about: 'Limit of accounts kept per site.', default: 100_000 }),
    proofs: key(integer(1, 10_000_000), {
      about:
        'Limit of remembered right passwords. Each is an HMAC bound to the encoded hash, never a password. As many are ' +
        'remembered to let the users of granted passwords go first when they are hashed again.',
      default: 100_000,
    }),
    proof_ttl: key(duration(1), { about: 'Time after which a right password is hashed again.', default: '1h' }),
    refusals: key(integer(1, 10_000_000), {
      about: 'Limit of remembered wrong passwords: a client that repeats one costs no hash.',
      default: 20_000,
    }),
    refusal_ttl: key(duration(1), { about: 'Time after which a wrong password is hashed again.', default: '5m' }),
    keep: key(boolean, {
      about:
        'Leave the remembered passwords to the next process when systemd restarts the service, so that nobody is hashed ' +
        'again: in memory that systemd holds (`FileDescriptorStoreMax=`), never in a file. `false`, and without systemd: ' +
        'a restart forgets them.',
      default: true,
    }),
  }),

  hash: optionalSection('Computing password hashes.', {
    workers: key(threads(1_024), {
      about: 'Hashes computed at the same time, at a lower priority than answering. `0`: one per core.',
      default: 0,
    }),
    queue: key(integer(1, 1_000_000), {
      about:
        'How many hashes wait at most, besides `max_wait`: with a password that was granted before, and of all others. ' +
        'Each keeps a password in memory.',
      default: 256,
    }),
    max_wait: key(duration(1), {
      about:
        'How long a hash waits at most, as estimated when it is asked for, unless its password was granted before: then ' +
        'it waits as long as its client. A question that would wait longer, or past its deadline, is answered `busy` at ' +
        'once. A hash that takes longer than this may wait as long as it takes.',
      default: '1s',
    }),
    max_time: key(duration(1), {
      about:
        'Highest estimated time that one encoded hash may take. A check of an account whose hash takes more is a fault.',
      default: '10s',
    }),
    max_memory: key(size, { about: 'The same for memory.', default: '512MiB' }),
    denial_grid: key(duration(), {
      about:
        'A denial leaves at a multiple of this time after its question came, and on a common grid of it, so that the ' +
        'time does not tell one account from another. Grants do not wait. `0`: a denial leaves as soon as it is known, ' +
        'and its time tells who exists.',
      default: '25ms',
    }),
    denial_hold: key(duration(), {
      about:
        'Longest time that a denial waits after its hash began, for the dearest hash of the site to end likewise. An ' +
        'account whose hash takes longer can be told from others.',
      default: '1s',
    }),
    native: key(boolean, {
      about: 'Use the addon for PBKDF2 if it could be built; node:crypto takes up to three times as long.',
      default: true,
    }),
  }),

  throttle: optionalSection(
    'How many wrong passwords are tried. A guess is a username with a password that was not tried for it before; a ' +
      'client that repeats one wrong password guesses once. Only guesses that need a hash are counted: a user whose ' +
      'password is remembered is never refused. Nor does it matter whether the account exists. A question above a limit ' +
      'is answered `busy`, HTTP status 429, before anything is hashed; a user who then tries the same password again goes ' +
      'before all new guesses. A limit of `0` is none.',
    {
      enabled: key(boolean, { about: 'Whether guesses are limited at all.', default: true }),
      name: key(integer(0, 1_000_000), {
        about: 'Guesses at one username of a site. All spellings that a database may take for one name count as one.',
        default: 20,
      }),
      name_refill: key(duration(1), {
        about: 'Time after which a username may be guessed at once more.',
        default: '10s',
      }),
      source: key(integer(0, 1_000_000), {
        about:
          'Guesses from one source: an IPv4 address or the /64 network of an IPv6 address, as the client says. Behind a ' +
          'reverse proxy Apache knows the address of the user only with mod_remoteip.',
        default: 50,
      }),
      source_refill: key(duration(1), { about: 'Time after which a source may guess once more.', default: '3s' }),
      site: key(integer(0, 1_000_000), { about: 'Guesses at a site, from everywhere.', default: 600 }),
      site_refill: key(duration(1), {
        about: 'Time after which a site may be guessed at once more.',
        default: '200ms',
      }),
      penalty: key(duration(), {
        about: 'How long at most a source that goes on guessing while it is refused stays refused when it stops.',
        default: '1m',
      }),
      exempt: key(list(network), {
        about:
          'Networks whose addresses do not count as a source: reverse proxies that do not pass the address of the user ' +
          'on, and gateways of many users. Their guesses count for usernames and sites.',
        default: ['127.0.0.0/8', '::1'],
      }),
      store: key(storeUrl, {
        about:
          'Redis or Valkey in which the hosts of one site count guesses together: `redis://user@host:6379/0`, ' +
          '`rediss://…` with TLS, or `unix:///path`. Sites have the same name on all hosts. While it is away each host counts ' +
          'for itself.',
        absent: 'each host counts for itself',
        example: 'rediss://redis.example.org',
        secret: true,
      }),
      password_file: key(passwordFile, {
        about: "File with the store's password, as `password_file` of a site.",
        absent: 'no password, or the one in the URL',
        example: '$CREDENTIALS_DIRECTORY/throttle-store',
        secret: true,
      }),
      key_file: key(passwordFile, {
        about:
          'File with the key that all hosts of the store have, one line of at least 32 characters, such as ' +
          '`openssl rand -base64 48` prints; mode as `password_file`. The store sees names and addresses only as HMACs ' +
          'under it. Required with `store`.',
        absent: 'no store',
        example: '$CREDENTIALS_DIRECTORY/throttle-key',
        secret: true,
      }),
    },
  ),

  shutdown: optionalSection('Stopping.', {
    grace: key(duration(1), { about: 'How long SIGTERM waits for questions in flight.', default: '10s' }),
  }),

  log: optionalSection('The log: lines of JSON on standard error.', {
    level: key(oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'), {
      about:
        'Lowest level that is written. Each verdict is one line: `info`, or `warn` if busy and `error` if a fault.',
      default: 'info',
    }),
    unknown_names: key(oneOf(...UNKNOWN_NAMES), {
      about:
        'How a username that no account has is written, because users type their password there: `"digest"`, a short ' +
        'keyed digest, the same for the same name as long as the daemon runs; `"full"`, as it was typed; `"none"`, not.',
      default: 'digest',
    }),
    lines: key(integer(0, 1_000_000), {
      about:
        'Limit of lines per second of each of these kinds: denials, busy, faults, and misuse of the protocol. Those above ' +
        'it are counted, and one line a second says how many they were. `0`: no limit. Grants have none.',
      default: 200,
    }),
  }),
});
