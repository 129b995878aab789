import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import t from 'tap';
import { FrameReader } from '../../protocol/frame.ts';
import { FRAME_MAX } from '../../protocol/limits.ts';
import { decodeReply, encodeReply, type Reply } from '../../protocol/reply.ts';
import { BadRequest, decodeRequest, encodeRequest } from '../../protocol/request.ts';

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
  t.equal(read([frame(Buffer.alloc(FRAME_MAX, 1))])[0]?.length, 2 * FRAME_MAX, 'the longest');
  const long = Buffer.alloc(4);
  long.writeUInt32BE(FRAME_MAX + 1);
  t.throws(() => read([long]), { message: /is not allowed/ }, 'one octet more');
  t.throws(
    () => read([...long].map((octet) => Buffer.from([octet]))),
    { message: /is not allowed/ },
    'one octet more, piece by piece',
  );
  t.throws(() => read([Buffer.alloc(4)]), { message: /is not allowed/ }, 'an empty one');

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
  t.same(kept, Buffer.alloc(2), 'a body that was gathered is wiped when it has been read');

  t.test('however a stream is split, the same comes out', async () => {
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
    t.equal(encodeRequest(id, operation, parameters).toString('hex'), hex, `${name} is written octet for octet`);
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
  }
});

t.test('replies', async (t) => {
  for (const { name, hex, message } of vectors('replies')) {
    const [, id, status, content] = message;
    t.equal(encodeReply(id, { status, content } as Reply).toString('hex'), hex, `${name} is written octet for octet`);
    const reply = decodeReply(Buffer.from(hex, 'hex').subarray(4));
    t.equal(reply.id, id, name);
    t.equal(reply.status, status, name);
  }
  const groups = Array.from({ length: 9000 }, (_, at) => `group ${at}`);
  const large = decodeReply(encodeReply(1, { status: 0, content: { account: { groups } } }).subarray(4));
  t.equal(large.status, 4, 'an account that fits no frame is an error, not a grant cut short');
});

t.test('what is refused', async (t) => {
  for (const { name, hex, id } of vectors('refused')) {
    const bytes = Buffer.from(hex, 'hex');
    if (id === null && bytes.length === 4) {
      t.throws(() => read([bytes]), { message: /is not allowed/ }, name);
      continue;
    }
    try {
      const request = decodeRequest(bytes.subarray(4));
      // What belongs to the other socket is refused by the daemon, not by the codec.
      t.equal(name, 'control-operation', `${name} is taken for ${request.operation}`);
    } catch (error) {
      t.type(error, BadRequest, name);
      t.equal((error as BadRequest).id ?? null, id, `${name}: id`);
      t.match((error as BadRequest).message, /^[^\n]{10,}$/, `${name}: a sentence`);
    }
  }
});

t.test('whatever comes is a request or a BadRequest', async () => {
  const decodes = (body: Uint8Array) => {
    try {
      decodeRequest(Buffer.from(body));
    } catch (error) {
      if (!(error instanceof BadRequest)) throw error;
    }
  };
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), decodes), { numRuns: 5000 });
  // Closer to home: golden frames with some octets changed.
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
