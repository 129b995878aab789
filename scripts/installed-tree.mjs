// Files that were put on a host, with a list of them there, by which they are taken away again.
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { dirname, join } from 'node:path';

/** What an administrator edits: never written over, and not removed once it was changed. */
const isConfiguration = (path) => path.startsWith('/etc/') && !path.startsWith('/etc/systemd/');

export class InstalledTree {
  #destination;
  #manifest;
  #say;
  /** Path to digest of what is installed there, and the directories that were made for it. */
  #files = new Map();
  #directories = new Set();
  #before;

  /**
   * @param destination stands before each path, and is written into no file
   * @param manifest the path of the list
   * @param say told of each file
   */
  constructor(destination, manifest, say) {
    this.#destination = destination;
    this.#manifest = manifest;
    this.#say = say;
    this.#before = this.#read();
    for (const directory of this.#before.directories) this.#directories.add(directory);
  }

  /** A file that is there already, with this content and mode, is left as it is. */
  file(path, content, mode) {
    this.#files.set(path, digestOf(content));
    const place = this.#place(path);
    const there = stateOf(place);
    if (there && isConfiguration(path) && there.digest !== digestOf(content)) {
      // What was ours, and is still as it was left, goes with the rest at the end.
      this.#files.set(path, this.#before.files[path] ?? digestOf(content));
      this.#say(`${place} (kept as it is)`);
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

  /** Writes the list, after taking away what an earlier version had and this one does not. */
  finish() {
    for (const [path, digest] of Object.entries(this.#before.files)) {
      if (!this.#files.has(path) && path !== this.#manifest) this.#take(path, digest);
    }
    // Its directory is to be on the list as well.
    this.#makeDirectory(dirname(this.#manifest));
    const files = Object.fromEntries(this.#files);
    const list = { files, directories: [...this.#directories].sort() };
    this.file(this.#manifest, `${JSON.stringify(list, undefined, 1)}\n`, 0o644);
  }

  /** @throws Error, a sentence, where there is no list */
  remove() {
    const { files, directories } = this.#before;
    const place = this.#place(this.#manifest);
    if (!fs.existsSync(place)) throw new Error(`${place} is not there: nothing was installed by this`);
    for (const [path, digest] of Object.entries(files)) this.#take(path, digest);
    fs.rmSync(place);
    this.#say(place);
    // Deepest first; what others have put something into stays.
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
      this.#say(`${place} (kept: it was changed)`);
      return;
    }
    fs.rmSync(place);
    this.#say(`${place} (removed)`);
  }

  /** Never written in place: a daemon that runs has the old file mapped. */
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
