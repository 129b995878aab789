import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import t from 'tap';
import { Encoded } from '../../protocol/codec.ts';
import { FrameReader } from '../../protocol/frame.ts';
import { LEASE_OCTETS_MAX } from '../../protocol/lease.ts';
import * as limits from '../../protocol/limits.ts';
import { readQuestion } from '../../protocol/question.ts';
import { decodeReply, encodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeAny, decodeRequest, encodeRequest } from '../../protocol/request.ts';
import { readValue } from '../../protocol/value.ts';

interface Vector {
  name: string;
  hex: string;
  // biome-ignore lint/suspicious/noExplicitAny: messages of every kind
  message: any;
  id: number | null;
}

function vectors(file: string): Vector[] {
  return JSON.parse(readFileSync(new URL(`../../protocol/vectors/${file}.json`, import.meta.url), 'utf8')).vectors;
}

/** {"bin": hex} as octets. */
function octets(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(octets);
  if (value === null || typeof value !== 'object') return value;
  if ('bin' in value) return Buffer.from(value.bin as string, 'hex');
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, octets(inner)]));
}

function frame(body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.length);
  return Buffer.concat([length, body]);
}

function read(chunks: Buffer[]): string[] {
  const reader = new FrameReader();
  const bodies: string[] = [];
  for (const chunk of chunks) reader.push(chunk, (body) => bodies.push(body.toString('hex')));
  return bodies;
}

t.test('frames', async (t) => {
  const stream = Buffer.concat([frame(Buffer.from('a')), frame(Buffer.from('bcd')), frame(Buffer.from('efghi'))]);
  const whole = ['61', '626364', '6566676869'];
  t.same(read([Buffer.from(stream)]), whole, 'three in one chunk');
  t.same(read([...stream].map((octet) => Buffer.from([octet]))), whole, 'an octet at a time');
  for (let at = 1; at < stream.length; at++) {
    const parts = [Buffer.from(stream.subarray(0, at)), Buffer.from(stream.subarray(at))];
    t.same(read(parts), whole, `split at ${at}`);
  }
  t.equal(read([frame(Buffer.alloc(limits.FRAME_MAX, 1))])[0]?.length, 2 * limits.FRAME_MAX, 'the longest');
  const long = Buffer.alloc(4);
  long.writeUInt32BE(limits.FRAME_MAX + 1);
  t.throws(() => read([long]), { message: /invalid frame length/ }, 'one octet more');
  t.throws(
    () => read([...long].map((octet) => Buffer.from([octet]))),
    { message: /invalid frame length/ },
    'one octet more, octet by octet',
  );
  t.throws(() => read([Buffer.alloc(4)]), { message: /invalid frame length/ }, 'an empty one');

  const reader = new FrameReader();
  reader.push(Buffer.from('0000000561', 'hex'), () => t.fail('no frame is complete'));
  t.equal(reader.partial, true);
  reader.clear();
  t.equal(reader.partial, false);
  let kept: Buffer | undefined;
  reader.push(Buffer.from('00000002', 'hex'), () => {});
  reader.push(Buffer.from('6162', 'hex'), (body) => {
    kept = body;
  });
  t.same(kept, Buffer.alloc(2), 'a body that was collected is wiped after onBody');

  t.test('the bodies do not depend on how a stream is split', async () => {
    const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 });
    fc.assert(
      fc.property(bodies, fc.array(fc.nat(400), { maxLength: 20 }), (list, cuts) => {
        let rest = Buffer.concat(list.map(frame));
        const chunks: Buffer[] = [];
        for (const cut of cuts) {
          chunks.push(Buffer.from(rest.subarray(0, cut)));
          rest = rest.subarray(cut);
        }
        chunks.push(Buffer.from(rest));
        const expected = list.map((body) => Buffer.from(body).toString('hex'));
        return JSON.stringify(read(chunks)) === JSON.stringify(expected);
      }),
    );
  });
});

t.test('requests', async (t) => {
  for (const { name, hex, message } of vectors('requests')) {
    const [, id, operation, parameters] = octets(message) as [number, number, string, Record<string, unknown>];
    t.equal(encodeRequest(id, operation, parameters).toString('hex'), hex, `${name} is encoded octet for octet`);
    const request = decodeRequest(Buffer.from(hex, 'hex').subarray(4));
    t.equal(request.id, id, name);
    t.equal(request.operation, operation, name);
    if (request.operation !== 'check' && request.operation !== 'authorize') continue;
    t.same(Buffer.from(request.username), parameters.username, `${name}: username`);
    if (request.operation === 'check') t.same(Buffer.from(request.password), parameters.password, `${name}: password`);
    t.equal(request.site, parameters.site, `${name}: site`);
    const require = { staff: false, superuser: false, permissions: [], groups: [], ...(parameters.require as object) };
    t.same(request.require, require, `${name}: require`);
    t.same(request.client, { address: '', service: '', ...(parameters.client as object) }, `${name}: client`);
    t.equal(request.deadlineMs, parameters.deadline_ms ?? 10_000, `${name}: deadline`);
    t.equal(request.wantPermissions, parameters.want !== undefined, `${name}: want`);
    t.equal(request.lease, parameters.lease === true, `${name}: lease`);
    t.equal(request.leased, parameters.leased ?? 0, `${name}: leased`);
  }
});

/** A uint in one of its encodings: number `which` of those that can hold it. */
function uint(value: number, which: number): Buffer {
  const wide = Buffer.alloc(8);
  wide.writeBigUInt64BE(BigInt(value));
  const encodings = value <= 0x7f ? [Buffer.of(value)] : [];
  for (const [head, size] of [
    [0xcc, 1],
    [0xcd, 2],
    [0xce, 4],
    [0xcf, 8],
    [0xd0, 1],
    [0xd1, 2],
    [0xd2, 4],
    [0xd3, 8],
  ] as const) {
    const limit = 2 ** (8 * size - (head >= 0xd0 ? 1 : 0)) - 1;
    if (value <= limit) encodings.push(Buffer.concat([Buffer.of(head), wide.subarray(8 - size)]));
  }
  return encodings[which % encodings.length] as Buffer;
}

t.test('any encoding of a value is accepted', async () => {
  const fours = ['94', 'dc0004', 'dd00000004'].map((hex) => Buffer.from(hex, 'hex'));
  const maps = ['81', 'de0001', 'df00000001'].map((hex) => Buffer.from(hex, 'hex'));
  const text = (value: string, which: number) => {
    const octets = Buffer.from(value);
    const heads = [
      [0xa0 | octets.length],
      [0xd9, octets.length],
      [0xda, 0, octets.length],
      [0xdb, 0, 0, 0, octets.length],
    ];
    return Buffer.concat([Buffer.from(heads[which % 4] as number[]), octets]);
  };
  const bin = (octets: Buffer, which: number) => {
    const heads = [[0xc4], [0xc5, 0], [0xc6, 0, 0, 0]];
    return Buffer.concat([Buffer.from([...(heads[which % 3] as number[]), octets.length]), octets]);
  };
  const which = fc.nat(23);
  const id = fc.oneof(fc.nat(300), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(
      id,
      fc.uint8Array({ maxLength: 200 }),
      fc.array(which, { minLength: 7, maxLength: 7 }),
      (id, name, choices) => {
        const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0] = choices;
        const request = decodeRequest(
          Buffer.concat([
            fours[a % 3] as Buffer,
            uint(1, b),
            uint(id, c),
            text('authorize', d),
            maps[e % 3] as Buffer,
            text('username', f),
            bin(Buffer.from(name), g),
          ]),
        );
        return request.id === id && request.operation === 'authorize' && Buffer.from(name).equals(request.username);
      },
    ),
    { numRuns: 3000 },
  );
});

t.test('a value is read as msgpackr reads it', async () => {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5 },
      fc.oneof(fc.constantFrom(null, true, false), fc.nat(300), fc.nat(2 ** 31 - 1), fc.maxSafeNat()),
      fc.oneof(fc.string({ unit: 'grapheme', maxLength: 70 }), fc.constantFrom('check', 'username', 'usernamf', '')),
      fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets)),
      fc.array(tie('value'), { maxLength: 20 }),
      fc.array(fc.tuple(fc.string({ unit: 'grapheme' }), tie('value')), { maxLength: 20 }).map((list) => new Map(list)),
    ),
  }));
  const packr = new Packr({ useRecords: false, largeBigIntToFloat: false });
  const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: false, int64AsType: 'number' });
  // msgpackr writes a number above 2^32 as floating point, which the protocol does not allow.
  const whole = (given: unknown): unknown => {
    if (typeof given === 'number') return given > 0xffff_ffff ? BigInt(given) : given;
    if (Array.isArray(given)) return given.map(whole);
    return given instanceof Map ? new Map([...given].map(([key, inner]) => [key, whole(inner)])) : given;
  };
  fc.assert(
    fc.property(value, (given) => {
      const octets = packr.pack(whole(given));
      const read = readValue(octets);
      return isDeepStrictEqual(read, given) && isDeepStrictEqual(read, unpackr.unpack(octets));
    }),
    { numRuns: 500 },
  );
});

t.test('the daemon reads what a client writes', async (t) => {
  const octets = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
  const name = fc.string({ unit: 'grapheme', maxLength: 60 });
  const optional = { requiredKeys: [] as [] };
  const names = fc.array(name, { minLength: 1, maxLength: 64 });
  const short = fc.string({ maxLength: 63, unit: 'binary' }); // 4 octets a character at most
  const parameters = fc.record(
    {
      site: name,
      username: octets,
      password: octets,
      require: fc.record({ staff: fc.boolean(), superuser: fc.boolean(), permissions: names, groups: names }, optional),
      client: fc.record({ address: short, service: short }, optional),
      deadline_ms: fc.integer({ min: 1, max: 600_000 }),
      want: fc.constantFrom(['permissions'], []),
      lease: fc.boolean(),
      leased: fc.nat(0xffff_ffff),
    },
    { requiredKeys: ['username', 'password'] },
  );
  fc.assert(
    fc.property(fc.nat(0xffff_ffff), parameters, (id, given) => {
      const request = decodeRequest(encodeRequest(id, 'check', given).subarray(4));
      if (request.operation !== 'check') return false;
      const { site, require, client, deadline_ms = 10_000, want = [], lease = false, leased = 0 } = given;
      t.same(
        { ...request, username: Buffer.from(request.username), password: Buffer.from(request.password) },
        {
          operation: 'check',
          id,
          site,
          username: given.username,
          password: given.password,
          require: { staff: false, superuser: false, permissions: [], groups: [], ...require },
          client: { address: '', service: '', ...client },
          deadlineMs: deadline_ms,
          wantPermissions: want.length > 0,
          lease,
          leased,
        },
      );
      return true;
    }),
    { numRuns: 300 },
  );
});

t.test('a question read in one pass is what the general reader makes of it', async (t) => {
  let taken = 0;
  const agrees = (body: Buffer): boolean => {
    const question = readQuestion(body);
    if (question === undefined) return true;
    taken++;
    return isDeepStrictEqual(question, decodeAny(body));
  };
  // Requests of clients, with parts of others in them and octets changed: heads, counts, sizes, doubled keys.
  const bodies = vectors('requests').map(({ hex }) => Buffer.from(hex, 'hex').subarray(4));
  const octet = fc.oneof(fc.nat(255), fc.constantFrom(0x80, 0x81, 0x90, 0x91, 0xa0, 0xc2, 0xc4, 0xc5, 0xcc, 0xd9));
  const changes = fc.array(fc.tuple(fc.nat(300), octet), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...bodies), changes, (body, list) => {
      const changed = Buffer.from(body);
      for (const [at, octet] of list) changed[at % changed.length] = octet;
      return agrees(changed);
    }),
    { numRuns: 30_000 },
  );
  for (const body of bodies) for (let end = 0; end < body.length; end++) t.ok(agrees(body.subarray(0, end)));
  const word = fc.constantFrom(
    'site',
    'username',
    'password',
    'require',
    'client',
    'deadline_ms',
    'want',
    'staff',
    'lease',
    'leased',
  );
  const text = fc.oneof(word, fc.string({ maxLength: 70 }), fc.string({ unit: 'grapheme', maxLength: 5 }));
  const octets = fc.uint8Array({ maxLength: 400 }).map((array) => Buffer.from(array));
  const map = (keys: fc.Arbitrary<string>, value: fc.Arbitrary<unknown>) =>
    fc.array(fc.tuple(keys, value), { maxLength: 5 });
  const inner = fc.oneof(text, fc.boolean(), fc.array(text, { maxLength: 4 }), fc.nat(300));
  const parts = fc.constantFrom('staff', 'superuser', 'permissions', 'groups', 'address', 'service');
  const value = fc.oneof(text, octets, fc.nat(700_000), map(parts, inner), inner);
  // Pairs in place of maps, so that a key may come twice.
  const pack = (given: unknown): Buffer => {
    if (Array.isArray(given) && given.every((each) => Array.isArray(each) && each.length === 2)) {
      return Buffer.concat([Buffer.of(0x80 | given.length), ...given.flat().map(pack)]);
    }
    if (Array.isArray(given)) return Buffer.concat([Buffer.of(0x90 | given.length), ...given.map(pack)]);
    return Buffer.from(new Packr({ useRecords: false }).pack(given));
  };
  fc.assert(
    fc.property(
      fc.constantFrom('check', 'authorize', 'ping'),
      fc.nat(0xffff_ffff),
      map(word, value),
      (name, id, list) => {
        return agrees(Buffer.concat([Buffer.of(0x94, 1), pack(id), pack(name), pack(list)]));
      },
    ),
    { numRuns: 10_000 },
  );
  t.ok(taken > 5_000, `${taken} of the bodies are questions that are read so`);

  const parameters = {
    site: 'mysite.settings',
    username: Buffer.from('alice'),
    password: Buffer.from('secret'),
    require: { staff: true, groups: ['Editors'] },
    client: { address: '192.0.2.7', service: 'apache' },
    deadline_ms: 5_000,
    lease: true,
    leased: 70_000,
  };
  t.ok(readQuestion(encodeRequest(300, 'check', parameters).subarray(4)), "Apache's questions are");
});

t.test('a request is a view of its frame', async (t) => {
  const body = encodeRequest(1, 'check', { username: Buffer.from('alice'), password: Buffer.from('secret') }).subarray(
    4,
  );
  const request = decodeRequest(body);
  body.fill(0);
  t.same(request.operation === 'check' && Buffer.from(request.password), Buffer.alloc(6), 'wiping the frame is enough');
});

t.test('replies', async (t) => {
  for (const { name, hex, message } of vectors('replies')) {
    const [, id, status, { lease_ms, lease_epoch, ...content }] = message;
    const lease = lease_ms === undefined ? undefined : { ms: lease_ms, epoch: BigInt(lease_epoch) };
    if (lease === undefined) {
      t.equal(encodeReply(id, { status, content } as Reply).toString('hex'), hex, `${name} is encoded octet for octet`);
    }
    if (status === 0) {
      const prepared: Reply = { status, content: new Encoded(content), lease };
      t.equal(encodeReply(id, prepared).toString('hex'), hex, `${name} is the same if its content was encoded before`);
    }
    const reply = decodeReply(Buffer.from(hex, 'hex').subarray(4));
    t.equal(reply.id, id, name);
    t.equal(reply.status, status, name);
    t.equal(reply.content.get('lease_ms'), lease_ms, `${name}: lease`);
    t.equal(reply.content.get('lease_epoch'), lease_epoch, `${name}: epoch`);
  }
  for (const ms of [1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff]) {
    const reply: Reply = { status: 0, content: new Encoded({ account: {} }), lease: { ms, epoch: 2n ** 53n - 1n } };
    const { content } = decodeReply(encodeReply(1, reply).subarray(4));
    t.same([content.get('lease_ms'), content.get('lease_epoch')], [ms, 2 ** 53 - 1], `a lease of ${ms} ms`);
  }
  // The longest content with a lease is as long as a frame; one octet more goes without.
  for (const [more, leased] of [
    [0, true],
    [1, false],
  ] as const) {
    const text = 'x'.repeat(limits.FRAME_MAX - LEASE_OCTETS_MAX - 14 + more);
    const lease = { ms: 0xffff_ffff, epoch: 1n };
    const frame = encodeReply(0xffff_ffff, { status: 0, content: new Encoded({ t: text }), lease });
    t.equal(decodeReply(frame.subarray(4)).content.has('lease_ms'), leased, `${frame.length} octets`);
    t.equal(decodeReply(frame.subarray(4)).content.get('t'), text);
  }
  for (const id of [0, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff]) {
    const [plain, prepared] = [{ ok: true }, new Encoded({ ok: true })].map((content) =>
      encodeReply(id, { status: 0, content }).toString('hex'),
    );
    t.equal(prepared, plain, `id ${id}`);
  }
  const groups = Array.from({ length: 9000 }, (_, at) => `group ${at}`);
  for (const content of [{ account: { groups } }, new Encoded({ account: { groups } })]) {
    const large = decodeReply(encodeReply(1, { status: 0, content }).subarray(4));
    t.equal(large.status, 4, 'a reply that does not fit a frame is an error, not a shortened grant');
  }
});

t.test('refused frames', async (t) => {
  for (const { name, hex, id } of vectors('refused')) {
    const bytes = Buffer.from(hex, 'hex');
    if (id === null && bytes.length === 4) {
      t.throws(() => read([bytes]), { message: /invalid frame length/ }, name);
      continue;
    }
    try {
      const request = decodeRequest(bytes.subarray(4));
      // An operation of the other socket is refused by the daemon, not by the codec.
      t.equal(name, 'control-operation', `${name} is read as ${request.operation}`);
    } catch (error) {
      t.type(error, BadRequest, name);
      t.equal((error as BadRequest).id ?? null, id, `${name}: id`);
      t.match((error as BadRequest).message, /^[^\n]{10,}$/, `${name}: a sentence`);
    }
  }
});

t.test('any input is a request or a BadRequest', async () => {
  const decodes = (body: Uint8Array) => {
    try {
      decodeRequest(Buffer.from(body));
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), decodes), { numRuns: 5000 });
  // Golden frames with some octets changed.
  const bodies = [...vectors('requests'), ...vectors('refused')]
    .map(({ hex }) => Buffer.from(hex, 'hex').subarray(4))
    .filter((body) => body.length > 0 && body.length < 1000);
  const changes = fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(fc.constantFrom(...bodies), changes, (body, list) => {
      const changed = Buffer.from(body);
      for (const [at, octet] of list) changed[at % changed.length] = octet;
      decodes(changed);
    }),
    { numRuns: 20_000 },
  );
});

t.test('the C limits are the same', (t) => {
  const header = readFileSync(new URL('../../client-c/lib/limits.h', import.meta.url), 'utf8');
  const defined = [...header.matchAll(/^#define DJAUTH_(\w+_(?:MAX|OCTETS)\w*) (.*)$/gm)];
  t.equal(
    defined.length,
    (header.match(/^#define/gm)?.length ?? 0) - 1,
    'every #define but the include guard is a limit',
  );
  t.ok(defined.length >= 8, 'limits were found');
  const ours = new Map<string, number>(Object.entries(limits));
  for (const [, name = '', value] of defined) t.equal(Number(value), ours.get(name), name);
  t.end();
});
