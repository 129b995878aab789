import { constants, getPriority, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../fault.ts';
import { choosePbkdf2 } from '../native/pbkdf2.ts';
import type { Hasher, Shown } from './hasher.ts';
import { hasherOf } from './hashers.ts';

/**
 * How much lower the priority of hashing is than that of the event loop: enough for cached answers to go first, but not
 * so much that another busy program on the machine could stop hashing.
 */
const NICENESS = 5;

/**
 * A job for a worker: does the password match that encoded hash? It is answered when the padding has been computed as
 * well, even if it does. The octets are transferred: the sender no longer has them.
 */
export interface HashQuestion {
  readonly password: Uint8Array;
  readonly encoded: string;
  readonly padding: readonly string[];
}

/** A worker's answer. A fault is not a mismatch. */
export type HashAnswer = { readonly matches: boolean } | { readonly fault: string };

/** One encoded hash to compare a password with: of a question, or of its padding. */
interface Task extends Shown {
  readonly hasher: Hasher;
  readonly question: number;
  readonly padding: boolean;
}

/**
 * The answers to questions that arrived together. All are given when the last hash is computed: as the work of all
 * questions of a site is the same, none tells how much another one took.
 */
export function answersTo(questions: readonly HashQuestion[]): readonly HashAnswer[] {
  const answers: (HashAnswer | undefined)[] = questions.map(() => undefined);
  const passwords = questions.map(({ password: { buffer, byteOffset, byteLength } }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  try {
    for (const group of grouped(questions.flatMap((question, at) => tasksOf(question, passwords[at] as Buffer, at)))) {
      for (const [task, answer] of computed(group)) {
        // A fault of the padding counts too: an unknown user's question has the same hashes, none of them its own.
        const fault = 'fault' in answer;
        if (fault || (!task.padding && answers[task.question] === undefined)) answers[task.question] = answer;
      }
    }
    return answers.map((answer) => answer ?? { fault: 'unknown algorithm' });
  } finally {
    for (const password of passwords) password.fill(0);
  }
}

function tasksOf({ encoded, padding }: HashQuestion, password: Buffer, question: number): Task[] {
  return [encoded, ...padding].flatMap((hash, at) => {
    const hasher = hasherOf(hash);
    return hasher ? { hasher, password, encoded: hash, question, padding: at > 0 } : [];
  });
}

/** Two and two where their hasher takes less time for two at once, those of like work together; the others alone. */
function grouped(tasks: readonly Task[]): Task[][] {
  const secondsOf = ({ hasher, encoded }: Task) => hasher.work(encoded)?.seconds ?? 0;
  const groups: Task[][] = [];
  let open: Task[] | undefined;
  for (const task of [...tasks].sort((one, other) => secondsOf(other) - secondsOf(one))) {
    if (task.hasher.verifyTwo !== undefined && open?.[0]?.hasher === task.hasher) {
      open.push(task);
      open = undefined;
    } else {
      const group = [task];
      groups.push(group);
      if (task.hasher.verifyTwo !== undefined) open = group;
    }
  }
  return groups;
}

function computed(group: readonly Task[]): [Task, HashAnswer][] {
  const [first, second] = group as [Task, Task?];
  if (second !== undefined && first.hasher.verifyTwo !== undefined) {
    try {
      const [one, two] = first.hasher.verifyTwo(first, second);
      return [
        [first, { matches: one }],
        [second, { matches: two }],
      ];
    } catch {
      // Alone, each has its own fault.
    }
  }
  return group.map((task) => {
    try {
      return [task, { matches: task.hasher.verify(task.password, task.encoded) }];
    } catch (error) {
      return [task, { fault: messageOf(error) }];
    }
  });
}

/**
 * On Linux this lowers the priority of the calling thread alone: the event loop goes first, cached answers are not
 * delayed. It counts from the daemon's own priority (`Nice=` in a unit), because a process without privileges cannot
 * raise it.
 */
function lowerPriority(): void {
  try {
    setPriority(0, Math.min(getPriority(0) + NICENESS, constants.priority.PRIORITY_LOW));
  } catch {
    // A host that forbids even this computes its hashes with the priority of the event loop.
  }
}

/** Answers what arrives, one or two questions at a time, until its parent ends it. */
export function runHashWorker(): void {
  lowerPriority();
  choosePbkdf2((workerData as { native: boolean }).native);
  parentPort?.on('message', (questions: readonly HashQuestion[]) => parentPort?.postMessage(answersTo(questions)));
}
