// Files installed on a host, and the list of them (a manifest) by which they are removed again.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

/** Files that an administrator edits: never overwritten, and not removed after a change. */
const isConfiguration = (path) => path.startsWith('/etc/') && !path.startsWith('/etc/systemd/');

export class InstalledTree {
  #destination;
  #manifest;
  #say;
  /** Maps each installed path to its digest; and the directories created for them. */
  #files = new Map();
  #directories = new Set();
  #before;

  /**
   * @param destination prepended to each path, and not written into any file
   * @param manifest the path of the manifest
   * @param say called with a line for each file
   */
  constructor(destination, manifest, say) {
    this.#destination = destination;
    this.#manifest = manifest;
    this.#say = say;
    this.#before = this.#read();
    for (const directory of this.#before.directories) this.#directories.add(directory);
  }

  /** Whether an earlier version is installed. */
  get isInstalled() {
    return fs.existsSync(this.#place(this.#manifest));
  }

  /** Installs a file. One with the same content and mode is left alone. */
  file(path, content, mode) {
    this.#files.set(path, digestOf(content));
    const place = this.#place(path);
    const there = stateOf(place);
    if (there && isConfiguration(path) && there.digest !== digestOf(content)) {
      // An unchanged file of an earlier version keeps its digest, so that uninstalling removes it.
      this.#files.set(path, this.#before.files[path] ?? digestOf(content));
      this.#say(`${place} (kept)`);
      return;
    }
    if (there?.digest !== digestOf(content) || there.mode !== mode) {
      this.#put(path, (beside) => {
        fs.writeFileSync(beside, content, { mode });
        fs.chmodSync(beside, mode);
      });
    }
    this.#say(place);
  }

  link(path, target) {
    this.#files.set(path, digestOf(target));
    if (stateOf(this.#place(path))?.target !== target) this.#put(path, (beside) => fs.symlinkSync(target, beside));
    this.#say(this.#place(path));
  }

  /** Removes files that only the earlier version had, then writes the manifest. */
  finish() {
    for (const [path, digest] of Object.entries(this.#before.files)) {
      if (!this.#files.has(path) && path !== this.#manifest) this.#take(path, digest);
    }
    // The manifest's own directory is part of the list.
    this.#makeDirectory(dirname(this.#manifest));
    const files = Object.fromEntries(this.#files);
    const list = { files, directories: [...this.#directories].sort() };
    this.file(this.#manifest, `${JSON.stringify(list, undefined, 1)}\n`, 0o644);
  }

  /** Removes everything on the manifest. @throws Error if there is no manifest */
  remove() {
    const { files, directories } = this.#before;
    const place = this.#place(this.#manifest);
    if (!fs.existsSync(place)) throw new Error(`${place} not found: nothing to uninstall`);
    for (const [path, digest] of Object.entries(files)) this.#take(path, digest);
    fs.rmSync(place);
    this.#say(place);
    // Deepest first; a directory that contains other files stays.
    for (const directory of directories.sort().reverse()) {
      try {
        fs.rmdirSync(this.#place(directory));
      } catch (error) {
        if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes(error.code)) throw error;
      }
    }
  }

  #take(path, digest) {
    const place = this.#place(path);
    const there = stateOf(place);
    if (!there) return;
    if (isConfiguration(path) && there.digest !== digest) {
      this.#say(`${place} (kept: modified)`);
      return;
    }
    fs.rmSync(place);
    this.#say(`${place} (removed)`);
  }

  /** Writes beside the file and renames: a running daemon has the old file mapped. */
  #put(path, write) {
    this.#makeDirectory(dirname(path));
    const beside = `${this.#place(path)}.new`;
    fs.rmSync(beside, { force: true });
    write(beside);
    fs.renameSync(beside, this.#place(path));
  }

  #makeDirectory(directory) {
    if (directory === '/' || fs.existsSync(this.#place(directory))) return;
    this.#makeDirectory(dirname(directory));
    fs.mkdirSync(this.#place(directory), { recursive: true });
    fs.chmodSync(this.#place(directory), 0o755);
    this.#directories.add(directory);
  }

  #place(path) {
    return join(this.#destination, path);
  }

  #read() {
    const place = this.#place(this.#manifest);
    return fs.existsSync(place) ? JSON.parse(fs.readFileSync(place, 'utf8')) : { files: {}, directories: [] };
  }
}

function stateOf(place) {
  const stats = fs.lstatSync(place, { throwIfNoEntry: false });
  if (!stats) return undefined;
  if (stats.isSymbolicLink()) {
    const target = fs.readlinkSync(place);
    return { target, digest: digestOf(target) };
  }
  return { mode: stats.mode & 0o7777, digest: digestOf(fs.readFileSync(place)) };
}

function digestOf(content) {
  return createHash('sha256').update(content).digest('hex');
}
