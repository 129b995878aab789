import { fstatSync } from 'node:fs';
import { z } from 'zod';
import { messageOf } from '../fault.ts';
import { ImportError } from './import-error.ts';
import type { ImportedSite } from './imported-site.ts';

/**
 * What passes from `djauthd import --export`, run by the site's user, to `djauthd import --install`, run by root. It holds
 * the database's password, and goes through a pipe alone.
 */
const exportSchema = z.strictObject({
  djauthd_site: z.literal(1),
  url: z.string(),
  password: z.string().optional(),
  keys: z.partialRecord(
    z.enum(['hashers', 'foreign_hashers', 'bcrypt_long', 'username_match']),
    z.union([z.string(), z.array(z.string())]),
  ),
  schema: z
    .record(
      z.string(),
      z.record(z.string(), z.union([z.string(), z.literal(false), z.array(z.record(z.string(), z.string()))])),
    )
    .optional(),
});

/** The longest export that is read, in octets. */
const EXPORT_MAX = 1024 * 1024;

/** Writes a site to standard output. @throws ImportError if that is not a pipe */
export function exportSite({ url, password, keys, schema }: ImportedSite): void {
  const stat = fstatSync(1);
  if (!stat.isFIFO() && !stat.isSocket()) {
    throw new ImportError(
      "djauthd: --export writes the database's password: pipe it to djauthd import --install, not to a file or terminal",
    );
  }
  const site: z.input<typeof exportSchema> = { djauthd_site: 1, url, password, keys: keys as object, schema };
  process.stdout.once('error', (error) => {
    process.stderr.write(`djauthd: cannot write the site to standard output: ${messageOf(error)}\n`);
    process.exitCode = 1;
  });
  process.stdout.write(`${JSON.stringify(site)}\n`);
}

/**
 * Reads an exported site from standard input. Its author is the site's user: it says nothing of which site it is, and its
 * values are checked with the whole configuration.
 *
 * @throws ImportError
 */
export async function readExport(name: string): Promise<ImportedSite> {
  if (process.stdin.isTTY) throw new ImportError('djauthd: --install reads the output of djauthd import --export');
  const text = await readAll(process.stdin);
  if (text.trim() === '')
    throw new ImportError('djauthd: nothing to install: standard input is empty, the export failed');
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    parsed = undefined;
  }
  const result = exportSchema.safeParse(parsed);
  // The message repeats no value: one of them is a password.
  if (!result.success) {
    throw new ImportError('djauthd: nothing to install: standard input is not the output of djauthd import --export');
  }
  const { url, password, keys, schema } = result.data;
  return { name, url, password, keys: keys as ImportedSite['keys'], schema, notes: [] };
}

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > EXPORT_MAX) throw new ImportError('djauthd: nothing to install: standard input is too long');
  }
  return Buffer.concat(chunks).toString('utf8');
}
