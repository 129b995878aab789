// Prints the golden frames and their meanings as C tables; with --corpus DIR writes them as files that a fuzzer starts from.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../protocol/vectors/${name}.json`, import.meta.url), 'utf8')).vectors;
const octets = (hex) => (hex.match(/../g) ?? []).map((octet) => `0x${octet}`).join(',');
/** Octal escapes end after three digits; hexadecimal ones would include what follows. */
const literal = (buffer) => `"${[...buffer].map((octet) => `\\${octet.toString(8).padStart(3, '0')}`).join('')}"`;
const text = (value) => literal(Buffer.from(value));

/** The initializers of an object's fields. An unknown key is an error: a new one in the vectors must not go untested. */
function fields(of, known) {
  return Object.entries(of).flatMap(([key, value]) => {
    if (!Object.hasOwn(known, key)) throw new Error(`no C field for ${key}`);
    return known[key](value);
  });
}
const list = (name) => (values) =>
  values.length === 0
    ? []
    : [`.${name} = (const char *const[]){${values.map(text).join(', ')}}`, `.${name}_count = ${values.length}`];
const string = (name) => (value) => [`.${name} = ${text(value)}`];
const flag = (name) => (value) => [`.${name} = ${value ? 1 : 0}`];
const bin = (name) => (value) => {
  const buffer = Buffer.from(value.bin, 'hex');
  return [`.${name} = ${literal(buffer)}`, `.${name}_length = ${buffer.length}`];
};

function question(args) {
  const known = {
    site: string('site'),
    username: bin('username'),
    password: bin('password'),
    require: (value) =>
      fields(value, {
        staff: flag('require_staff'),
        superuser: flag('require_superuser'),
        permissions: list('permissions'),
        groups: list('groups'),
      }),
    client: (value) => fields(value, { address: string('client_address'), service: string('service') }),
    deadline_ms: () => [],
    lease: flag('want_lease'),
    leased: (value) => [`.leased = ${value}U`],
    want: (words) => words.flatMap((word) => fields({ [word]: true }, { permissions: flag('want_permissions') })),
  };
  return ['.size = sizeof(djauth_question)', ...fields(args, known)];
}

/** The library's operations, in the enumeration's order. It has none for the others of the control socket. */
const OPERATIONS = ['check', 'authorize', 'ping', 'groups', 'status'];

/** The operation that a reply answers, judged by its content; undefined if the library does not have it. */
function operationOf([, , status, content]) {
  if (status !== 0 || content.account !== undefined) return 'check';
  if (content.server !== undefined) return 'ping';
  if (content.body !== undefined) return 'status';
  return content.groups === undefined ? undefined : 'groups';
}

function page(content) {
  const group = ([name, members]) => `{${[`.name = ${text(name)}`, ...list('members')(members)].join(', ')}}`;
  const { groups = [], next } = content;
  return [].concat(
    groups.length === 0 ? [] : [`.groups = (const djauth_group[]){${groups.map(group).join(', ')}}`],
    [`.groups_count = ${groups.length}`, `.next = ${next === undefined ? 'NULL' : text(next)}`],
  );
}

/** The initializers of a request for a status page. */
function statusPage(args) {
  const known = {
    format: (value) => [`.format = DJAUTH_PAGE_${value.toUpperCase()}`],
    refresh: (value) => [`.refresh = ${value}`],
  };
  return fields(args, known);
}

/** The initializers of an account's fields. */
function account(of) {
  const texts = ['id', 'username', 'email', 'first_name', 'last_name'].map((key) => `.${key} = ${text(of[key])}`);
  return texts.concat(
    [`.is_staff = ${of.staff ? 1 : 0}`, `.is_superuser = ${of.superuser ? 1 : 0}`],
    list('groups')(of.groups ?? []),
    list('permissions')(of.permissions ?? []),
    flag('groups_omitted')(of.groups_omitted),
    flag('permissions_omitted')(of.permissions_omitted),
  );
}

function lease({ lease_ms = 0, lease_epoch = 0 }) {
  return [`.lease_ms = ${lease_ms}U`, `.lease_epoch = UINT64_C(${lease_epoch})`];
}

/** The member of the union that a granted reply fills in; keys that the library does not know are omitted here as there. */
function grantedBy(operation, content) {
  const members = {
    check: () => `.answer = {${[...account(content.account), ...lease(content)].join(', ')}}`,
    ping: () => `.server = {.name = ${text(content.server)}, .protocol_version = ${content.protocol}}`,
    status: () => `.page = {.media_type = ${text(content.type)}, .body = ${text(content.body)}}`,
    groups: () => `.groups = {${page(content).join(', ')}}`,
  };
  return members[operation]();
}

/** The djauth_reply that the library must read. */
function meaning(operation, [, , status, content]) {
  const { reason = '', retry_after = 0 } = content;
  const head = [`.status = (djauth_status)${status}`, `.reason = ${text(reason)}`, `.retry_after = ${retry_after}`];
  return status === 0 ? [...head, `.granted = {${grantedBy(operation, content)}}`] : head;
}

if (process.argv[2] === '--corpus') {
  mkdirSync(process.argv[3], { recursive: true });
  for (const name of ['replies', 'nonsense']) {
    for (const vector of read(name)) {
      // One octet for the operation that it answers, then the body.
      const body = Buffer.from(vector.hex, 'hex').subarray(4);
      const operation = OPERATIONS.indexOf((vector.message && operationOf(vector.message)) ?? 'check');
      writeFileSync(join(process.argv[3], `${name}-${vector.name}`), Buffer.concat([Buffer.of(operation), body]));
    }
  }
} else {
  console.log('#include "lib/wire.h"');
  console.log('typedef struct vector { const char *name; const unsigned char *frame; size_t length; } vector;');
  const known = {
    requests: read('requests').filter(({ message: [, , operation] }) => OPERATIONS.includes(operation)),
    replies: read('replies').filter(({ message }) => operationOf(message) !== undefined),
    nonsense: read('nonsense'),
  };
  for (const [name, vectors] of Object.entries(known)) {
    for (const [at, { hex }] of vectors.entries()) {
      console.log(`static const unsigned char ${name}_${at}[] = {${octets(hex)}};`);
    }
    const rows = vectors.map((v, at) => `{${text(v.name)}, ${name}_${at}, sizeof(${name}_${at})}`);
    console.log(`static const vector ${name}[] = {${rows.join(', ')}};`);
    console.log(`enum { ${name}_count = ${vectors.length} };`);
  }
  const requested = known.requests.map(({ message: [, id, operation, args] }) => {
    const start = [`.id = ${id}U`, `.operation = DJAUTH_OPERATION_${operation.toUpperCase()}`];
    if (operation === 'status') start.push(...statusPage(args));
    else if (operation === 'groups') start.push(...fields(args, { site: string('site'), after: string('after') }));
    else if (operation !== 'ping')
      start.push(
        `.deadline_ms = ${args.deadline_ms ?? 0}`,
        `.question = &(const djauth_question){${question(args).join(', ')}}`,
      );
    return `{${start.join(', ')}}`;
  });
  console.log(`static const djauth_request requested[] = {\n${requested.join(',\n')}};`);
  console.log('typedef struct meant { djauth_request request; djauth_reply reply; } meant;');
  const meant = known.replies.map(({ message }) => {
    const operation = operationOf(message);
    const request = `.request = {.id = ${message[1]}U, .operation = DJAUTH_OPERATION_${operation.toUpperCase()}}`;
    return `{${request}, .reply = {${meaning(operation, message).join(', ')}}}`;
  });
  console.log(`static const meant replies_meant[] = {\n${meant.join(',\n')}};`);
}
