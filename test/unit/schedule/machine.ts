/** Whose step a task is: the machine's own parts stop with it. */
export type Owner = 'world' | 'network' | 'timer';

interface Task {
  at: number;
  readonly order: number;
  readonly owner: Owner;
  /** The process that runs it; undefined: none that could be stopped or killed. */
  readonly process: Process | undefined;
  readonly run: () => void;
}

/** A process of the machine. */
export class Process {
  /** What came while it was stopped. */
  readonly pending: (() => void)[] = [];
  stopped = false;
  dead = false;
}

/** Until everything that is due at this moment has been done. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

/**
 * Time, and a machine in it that can sleep and whose wall clock can be set. What is scheduled runs in the order of its time,
 * with everything that follows from it, before time goes on.
 */
export class Machine {
  /** The time of the world, in ms, which every database outside of the machine shares. */
  time = 0;
  #slept = 0;
  #wall = 1e12;
  #tasks: Task[] = [];
  #order = 0;

  /** CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME. */
  readonly monotonic = (): number => 1e6 + this.time - this.#slept;
  readonly boottime = (): number => 1e6 + this.time;
  readonly wall = (): number => this.#wall + this.time;

  setWall(step: number): void {
    this.#wall += step;
  }

  after(ms: number, run: () => void, owner: Owner = 'world', process?: Process): void {
    this.#tasks.push({ at: this.time + ms, order: this.#order++, owner, process, run });
  }

  /** Time passes while the machine works. */
  async pass(ms: number): Promise<void> {
    const until = this.time + ms;
    for (;;) {
      const task = this.#next(until, () => true);
      if (task === undefined) break;
      this.time = Math.max(this.time, task.at);
      await this.#run(task);
    }
    this.time = until;
    await turn();
  }

  /** The machine sleeps: the world goes on, its timers do not, and what the network brings waits. */
  async sleep(ms: number): Promise<void> {
    const until = this.time + ms;
    for (;;) {
      const task = this.#next(until, ({ owner }) => owner === 'world');
      if (task === undefined) break;
      this.time = Math.max(this.time, task.at);
      await this.#run(task);
    }
    for (const task of this.#tasks) if (task.owner === 'timer') task.at += ms;
    this.time = until;
    this.#slept += ms;
  }

  async continue(process: Process): Promise<void> {
    process.stopped = false;
    for (const run of process.pending.splice(0)) {
      if (!process.dead) run();
      await turn();
    }
  }

  #next(until: number, allows: (task: Task) => boolean): Task | undefined {
    let first: Task | undefined;
    for (const task of this.#tasks) {
      if (task.at > until || !allows(task)) continue;
      if (first === undefined || task.at < first.at || (task.at === first.at && task.order < first.order)) first = task;
    }
    if (first !== undefined) this.#tasks = this.#tasks.filter((task) => task !== first);
    return first;
  }

  async #run({ process, run }: Task): Promise<void> {
    if (process?.dead) return;
    if (process?.stopped) process.pending.push(run);
    else run();
    await turn();
  }
}
