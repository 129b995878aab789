import { readdirSync, readFileSync } from 'node:fs';

export function quantile(values: readonly number[], q: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] as number;
}

/** The probability that one of `some` is greater than one of `others`: 0.5 tells nothing. */
export function auc(some: readonly number[], others: readonly number[]): number {
  let greater = 0;
  for (const a of some) for (const b of others) greater += a > b ? 1 : a === b ? 0.5 : 0;
  return greater / (some.length * others.length);
}

/** How far a distinguisher is from guessing, whichever way it points: 0.5 to 1. */
export function told(some: readonly number[], others: readonly number[]): number {
  const value = auc(some, others);
  return Math.max(value, 1 - value);
}

/** The standard deviation of `auc` if there is no difference. */
export function aucDeviation(some: number, others: number): number {
  return Math.sqrt((some + others + 1) / (12 * some * others));
}

/** Resident memory of a process and its children, in MB. */
export function rssMb(pid: number): number {
  try {
    const kib = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    return (kib * 1024) / 1e6 + childrenOf(pid).reduce((sum, child) => sum + rssMb(child), 0);
  } catch {
    return 0; // it has ended
  }
}

function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Samples the memory of a process until `stop`. */
export function watchMemory(pid: number): { stop(): { before: number; peak: number } } {
  const before = rssMb(pid);
  let peak = before;
  const sample = () => {
    peak = Math.max(peak, rssMb(pid));
  };
  const timer = setInterval(sample, 100);
  return {
    stop() {
      clearInterval(timer);
      sample();
      return { before, peak };
    },
  };
}
