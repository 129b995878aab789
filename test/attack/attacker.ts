import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { buildSync } from 'esbuild';
import { start } from '../bench/processes.ts';
import type { Flood, Loot } from './flood.ts';

export interface Attacker {
  /** Ends the attack. Returns what the attacker got. */
  stop(): Promise<Loot>;
}

export interface AttackerOptions {
  /** The account of the system that attacks; the one that runs the harness by default. */
  readonly as?: string;
}

/** Starts attacks, each in a process of its own with a low priority. Resolves when all have begun. */
export async function attackBy(floods: readonly Flood[], options: AttackerOptions = {}): Promise<Attacker> {
  const all = await Promise.all(floods.map((flood) => one(flood, options)));
  return {
    async stop() {
      const loots = await Promise.all(all.map((attacker) => attacker.stop()));
      const counts: Record<string, number> = {};
      for (const loot of loots) {
        for (const [what, number] of Object.entries(loot.counts)) counts[what] = (counts[what] ?? 0) + number;
      }
      return { counts, told: loots.reduce((sum, loot) => sum + loot.told, 0) };
    },
  };
}

let bundled: string | undefined;

/** flood.ts as one file, where every user can read it. It starts in a tenth of the time. */
function bundle(): string {
  if (bundled !== undefined) return bundled;
  const directory = mkdtempSync(join(tmpdir(), 'djauthd-flood-'));
  chmodSync(directory, 0o755);
  process.once('exit', () => rmSync(directory, { recursive: true, force: true }));
  bundled = join(directory, 'flood.cjs');
  const entryPoints = [join(import.meta.dirname, 'flood.ts')];
  const external = ['msgpackr-extract'];
  buildSync({
    entryPoints,
    outfile: bundled,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    external,
    logLevel: 'error',
  });
  return bundled;
}

function groupOf(account: string): string {
  return execFileSync('id', ['-g', account], { encoding: 'utf8' }).trim();
}

async function one(flood: Flood, { as }: AttackerOptions): Promise<Attacker> {
  const become = as === undefined ? [] : ['setpriv', '--reuid', as, '--regid', groupOf(as), '--clear-groups'];
  const words = ['-n', '10', ...become, process.execPath, bundle(), JSON.stringify(flood)];
  const child = start('nice', words, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  if ((await lines.next()).value !== 'ready') throw new Error('the attacker did not start');
  return {
    async stop() {
      child.kill('SIGTERM');
      const { value, done } = await lines.next();
      if (done) throw new Error('the attacker ended early');
      return JSON.parse(value);
    },
  };
}

/** What the attacker got, in a few words. */
export function tell({ counts }: Loot, seconds: number): string {
  const words: Record<string, string> = { 0: 'granted', 1: 'denied', 2: 'unknown', 3: 'busy', 4: 'error', 5: 'bad' };
  const parts = Object.entries(counts).map(
    ([what, number]) => `${words[what] ?? what} ${(number / seconds).toFixed(number / seconds < 10 ? 1 : 0)}`,
  );
  return `attacker per s: ${parts.join(', ') || 'nothing'}`;
}
