import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';

/** Where systemd looks for units, the first with precedence. */
const DIRECTORIES = [
  '/etc/systemd/system',
  '/run/systemd/system',
  '/usr/local/lib/systemd/system',
  '/usr/lib/systemd/system',
  '/lib/systemd/system',
] as const;

/** A unit file with its drop-ins. */
export class Unit {
  readonly name: string;
  readonly file: string;
  readonly #values = new Map<string, string[]>();

  constructor(file: string) {
    this.name = basename(file);
    this.file = file;
    for (const path of [file, ...dropIns(file)]) this.#read(readFileSync(path, 'utf8'));
  }

  /** All values of a setting, such as `Service.User`; an empty assignment has reset it. */
  values(setting: string): readonly string[] {
    return this.#values.get(setting) ?? [];
  }

  /** The last value of a setting. */
  value(setting: string): string | undefined {
    return this.values(setting).at(-1);
  }

  /** All words of a list, such as `SupplementaryGroups=`. */
  words(setting: string): string[] {
    return this.values(setting).flatMap((value) => value.split(/\s+/).filter(Boolean));
  }

  isOn(setting: string): boolean {
    return /^(1|yes|true|on)$/i.test(this.value(setting) ?? '');
  }

  #read(text: string): void {
    let section = '';
    for (const line of text.replaceAll(/\\\n/g, ' ').split('\n')) {
      const header = /^\s*\[(.*)\]\s*$/.exec(line);
      if (header) section = header[1] as string;
      const [, key, value = ''] = /^\s*([A-Za-z]\w*)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key === undefined) continue;
      const setting = `${section}.${key}`;
      this.#values.set(setting, value === '' ? [] : [...this.values(setting), value]);
    }
  }
}

/**
 * An installed unit, by its name or its path; `beside` is another unit in whose directory to look first. undefined if there
 * is none.
 */
export function findUnit(unit: string, beside?: Unit): Unit | undefined {
  const name = /\.\w+$/.test(unit) ? unit : `${unit}.service`;
  const directories = [...(beside ? [dirname(beside.file)] : []), ...DIRECTORIES];
  const files = isAbsolute(name) ? [name] : directories.map((directory) => join(directory, name));
  const file = files.find((path) => existsSync(path));
  return file === undefined ? undefined : new Unit(file);
}

function dropIns(file: string): string[] {
  const name = basename(file);
  const directories = new Set([
    dirname(file),
    ...(DIRECTORIES.some((known) => known === dirname(file)) ? DIRECTORIES : []),
  ]);
  return [...directories]
    .map((directory) => join(directory, `${name}.d`))
    .filter((directory) => existsSync(directory))
    .flatMap((directory) =>
      readdirSync(directory)
        .filter((each) => each.endsWith('.conf'))
        .map((each) => join(directory, each)),
    )
    .sort((a, b) => (basename(a) < basename(b) ? -1 : 1));
}
