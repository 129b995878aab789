// The golden frames and their meanings as C tables on standard output; with --corpus DIR as files that a fuzzer starts from.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (name) =>
  JSON.parse(readFileSync(new URL(`../../protocol/vectors/${name}.json`, import.meta.url), 'utf8')).vectors;
const octets = (hex) => (hex.match(/../g) ?? []).map((octet) => `0x${octet}`).join(',');
/** Octal escapes end after three digits; hexadecimal ones would swallow what follows. */
const literal = (buffer) => `"${[...buffer].map((octet) => `\\${octet.toString(8).padStart(3, '0')}`).join('')}"`;
const text = (value) => literal(Buffer.from(value));

/** A table that knows every key: one that is new in the vectors must not go untested. */
function fields(of, known) {
  return Object.entries(of).flatMap(([key, value]) => {
    if (!Object.hasOwn(known, key)) throw new Error(`no field of C for ${key}`);
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
    want: (words) => words.flatMap((word) => fields({ [word]: true }, { permissions: flag('want_permissions') })),
  };
  return ['.size = sizeof(djauth_question)', ...fields(args, known)];
}

/** Operations that the library asks for; others of the control socket are not its own. */
const SPOKEN = ['check', 'authorize', 'ping', 'groups', 'status'];

/** Which operation a reply answers, as its content shows; undefined for one that the library does not ask for. */
function operationOf([, , status, content]) {
  if (status !== 0 || content.account !== undefined) return 'check';
  if (content.server !== undefined) return 'ping';
  if (content.body !== undefined) return 'status';
  return content.groups === undefined ? undefined : 'groups';
}

function page([, , status, content]) {
  const group = ([name, members]) => `{${[`.name = ${text(name)}`, ...list('members')(members)].join(', ')}}`;
  const { groups = [], next } = content;
  return [`.status = (djauth_status)${status}`].concat(
    groups.length === 0 ? [] : [`.groups = (const djauth_group[]){${groups.map(group).join(', ')}}`],
    [`.groups_count = ${groups.length}`, `.next = ${next === undefined ? 'NULL' : text(next)}`],
  );
}

/** What is asked of a status page. */
function statusPage(args) {
  const known = {
    format: (value) => [`.page_format = DJAUTH_PAGE_${value.toUpperCase()}`],
    refresh: (value) => [`.page_refresh = ${value}`],
  };
  return fields(args, known);
}

/** What the library has to make of a reply; keys that it does not know are left out here as there. */
function meaning([, , status, content]) {
  const blank = { reason: '', id: '', username: '', email: '', first_name: '', last_name: '' };
  const { account = {}, retry_after = 0 } = content;
  const texts = Object.keys(blank).map((key) => `.${key} = ${text(account[key] ?? content[key] ?? '')}`);
  if (content.server !== undefined) texts[0] = `.reason = ${text(content.server)}`;
  texts.push(`.page_type = ${text(content.type ?? '')}`, `.page = ${text(content.body ?? '')}`);
  return [`.status = (djauth_status)${status}`, `.retry_after = ${retry_after}`, ...texts].concat(
    [`.is_staff = ${account.staff ? 1 : 0}`, `.is_superuser = ${account.superuser ? 1 : 0}`],
    list('groups')(account.groups ?? []),
    list('permissions')(account.permissions ?? []),
  );
}

if (process.argv[2] === '--corpus') {
  mkdirSync(process.argv[3], { recursive: true });
  for (const name of ['replies', 'nonsense']) {
    for (const vector of read(name)) {
      // One octet that says which operation it answers, in the order of the enumeration, then the body.
      const body = Buffer.from(vector.hex, 'hex').subarray(4);
      const operation = SPOKEN.indexOf((vector.message && operationOf(vector.message)) ?? 'check');
      writeFileSync(join(process.argv[3], `${name}-${vector.name}`), Buffer.concat([Buffer.of(operation), body]));
    }
  }
} else {
  console.log('#include "lib/wire.h"');
  console.log('typedef struct vector { const char *name; const unsigned char *frame; size_t length; } vector;');
  const known = {
    requests: read('requests').filter(({ message: [, , operation] }) => SPOKEN.includes(operation)),
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
  console.log('typedef struct asked {');
  console.log('    uint32_t id; djauth_operation operation; uint32_t deadline_ms; djauth_question question;');
  console.log('    const char *site; const char *after; djauth_page_format page_format; uint32_t page_refresh;');
  console.log('} asked;');
  const asked = known.requests.map(({ message: [, id, operation, args] }) => {
    const start = [`.id = ${id}U`, `.operation = DJAUTH_${operation.toUpperCase()}`];
    if (operation === 'status') start.push(...statusPage(args));
    else if (operation === 'groups') start.push(...fields(args, { site: string('site'), after: string('after') }));
    else start.push(`.deadline_ms = ${args.deadline_ms ?? 0}`, `.question = {${question(args).join(', ')}}`);
    return `{${start.join(', ')}}`;
  });
  console.log(`static const asked requests_asked[] = {\n${asked.join(',\n')}};`);
  console.log('typedef struct meant {');
  console.log('    uint32_t id; djauth_operation operation; djauth_answer answer; djauth_groups_page page;');
  console.log('} meant;');
  const meant = known.replies.map(({ message }) => {
    const operation = operationOf(message);
    const what = operation === 'groups' ? `.page = {${page(message)}}` : `.answer = {${meaning(message).join(', ')}}`;
    return `{.id = ${message[1]}U, .operation = DJAUTH_${operation.toUpperCase()}, ${what}}`;
  });
  console.log(`static const meant replies_meant[] = {\n${meant.join(',\n')}};`);
}
