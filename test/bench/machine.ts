import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, release } from 'node:os';

/** Debian's Python, which has Debian's Django. */
export const PYTHON = '/usr/bin/python3';

/** The machine and the versions that the figures were measured with. */
export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly versions: Readonly<Record<string, string>>;
}

const VERSIONS: Record<string, () => string> = {
  djauthd: () => JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version,
  'Node.js': () => process.versions.node,
  Apache: () => first('/usr/sbin/apache2', ['-v'], /Apache\/([\d.]+)/),
  mod_wsgi: () => first('dpkg-query', ['-W', 'libapache2-mod-wsgi-py3'], /\t([\d.]+)/),
  Django: () => first(PYTHON, ['-c', 'import django; print(django.__version__)'], /(.*)/),
  Python: () => first(PYTHON, ['-V'], /Python ([\d.]+)/),
  PostgreSQL: () => first('psql', ['-V'], /([\d.]+)/),
  Subversion: () => first('svn', ['--version', '-q'], /([\d.]+)/),
  OpenSSL: () => first('openssl', ['version'], /OpenSSL ([\w.]+)/),
  Linux: () => release(),
};

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    versions: Object.fromEntries(Object.entries(VERSIONS).map(([name, version]) => [name, attempt(version)])),
  };
}

function first(command: string, args: string[], pattern: RegExp): string {
  return pattern.exec(execFileSync(command, args, { encoding: 'utf8', stdio: 'pipe' }))?.[1] ?? 'unknown';
}

function attempt(version: () => string): string {
  try {
    return version();
  } catch {
    return 'unknown';
  }
}
