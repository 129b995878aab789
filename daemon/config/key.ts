import { z } from 'zod';
import type { KeyType } from './key-types.ts';

/** What the reference says of a key, beside its type. */
interface About {
  /** What the key is for: one sentence or more, in Markdown. */
  readonly about: string;
  /** A value for the sample file, as in TOML; else the default. */
  readonly example?: unknown;
  /** The value may hold a secret: no message repeats it. */
  readonly secret?: true;
}

/** The value of a key that is not written, as in TOML. */
interface Default {
  readonly default: unknown;
}

/** What a key that is not written means. */
interface Absent {
  readonly absent: string;
}

export type KeyFacts = { readonly type: KeyType<unknown> } & About & Partial<Default & Absent>;

/** A table of keys, and how it is written. */
interface SectionFacts {
  readonly about: string;
  /** Keys, sections and, under `*`, what a name chosen by the administrator stands for. */
  readonly entries: Readonly<Record<string, z.ZodType>>;
  /** The section is an array of tables. */
  readonly array: boolean;
  /** What a section that is not written means, if it can be omitted. */
  readonly absent?: string;
}

const keys = new WeakMap<z.ZodType, KeyFacts>();
const sections = new WeakMap<z.ZodType, SectionFacts>();

/** A key. It is required unless it has a default or an `absent`. */
export function key<T>(type: KeyType<T>, facts: About & Absent): z.ZodOptional<z.ZodType<T>>;
export function key<T>(type: KeyType<T>, facts: About & Partial<Default>): z.ZodType<T>;
export function key<T>(type: KeyType<T>, facts: About & Partial<Default & Absent>): z.ZodType {
  const value = z.unknown().transform((given, context): T => {
    let problem = '';
    try {
      const parsed = type.parse(given);
      if (parsed !== undefined) return parsed;
    } catch (error) {
      problem = ` (${(error as Error).message})`;
    }
    context.addIssue({ code: 'custom', message: type.accepted + problem });
    return z.NEVER;
  });
  const schema: z.ZodType =
    facts.absent !== undefined ? value.optional() : facts.default !== undefined ? value.prefault(facts.default) : value;
  keys.set(schema, { type, ...facts });
  return schema;
}

/** A table of keys; an unknown one is an error. */
export function section<S extends Readonly<Record<string, z.ZodType>>>(about: string, entries: S) {
  const schema = z.strictObject(entries, 'a table');
  return described(schema, { about, entries, array: false });
}

/** A section that can be omitted: all its keys have defaults. */
export function optionalSection<S extends Readonly<Record<string, z.ZodType>>>(about: string, entries: S) {
  const schema = z.strictObject(entries, 'a table');
  return described(schema.prefault({} as z.input<typeof schema>), { about, entries, array: false });
}

/** A section that has no defaults key by key, but a meaning, `absent`, where it is omitted as a whole. */
export function absentSection<S extends Readonly<Record<string, z.ZodType>>>(
  about: string,
  absent: string,
  entries: S,
) {
  return described(z.strictObject(entries, 'a table').optional(), { about, entries, array: false, absent });
}

/** The same section with its value as the daemon uses it. */
export function converted<Z extends z.ZodType, T>(schema: Z, convert: (value: z.output<Z>) => T) {
  return described(schema.transform(convert), sections.get(schema) as SectionFacts);
}

/** Tables of the same keys, each under a name of the administrator's choice; at least one. */
export function namedSections<S extends z.ZodType>(about: string, accepted: string, each: S) {
  const schema = z
    .record(z.string(), each, 'a table')
    .refine((tables) => Object.keys(tables).length > 0, accepted)
    .refine((tables) => !('' in tables), 'a name that is not empty');
  return described(schema, { about, entries: { '*': each }, array: false });
}

/** Any number of tables of the same keys, `[[…]]`. */
export function arrayOfTables<S extends Readonly<Record<string, z.ZodType>>>(about: string, entries: S) {
  return described(z.array(z.strictObject(entries, 'a table'), 'an array of tables').default([]), {
    about,
    entries,
    array: true,
  });
}

function described<Z extends z.ZodType>(schema: Z, facts: SectionFacts): Z {
  sections.set(schema, facts);
  return schema;
}

/** A key of the reference. */
export interface KeyEntry extends KeyFacts {
  readonly name: string;
  readonly required: boolean;
}

/** A section of the reference, with its keys in the order of the table. */
export interface SectionEntry {
  /** From the top, such as `['sites', '*', 'schema', 'user']`; `*` is a name of the administrator's choice. */
  readonly path: readonly string[];
  readonly about: string;
  readonly array: boolean;
  readonly absent?: string;
  readonly keys: readonly KeyEntry[];
}

/** Every section below one, itself first. The one walk that all generated documents are made from. */
export function sectionsOf(schema: z.ZodType, path: readonly string[] = []): SectionEntry[] {
  const facts = sections.get(schema);
  if (facts === undefined) return [];
  const { entries, ...rest } = facts;
  const own: KeyEntry[] = [];
  for (const [name, entry] of Object.entries(entries)) {
    const found = keys.get(entry);
    if (found) own.push({ name, ...found, required: found.default === undefined && found.absent === undefined });
  }
  const inner = Object.entries(entries).flatMap(([name, entry]) => sectionsOf(entry, [...path, name]));
  return [{ path, ...rest, keys: own }, ...inner];
}
