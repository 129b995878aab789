/** A pipeline of which each step may have to wait: it yields what it waits for. */
export type Steps<T> = Generator<Promise<unknown>, T, unknown>;

/** `const x = yield* settled(f())` is `await f()` that does not wait where there is nothing to wait for. */
export function* settled<T>(value: T | Promise<T>): Steps<T> {
  return value instanceof Promise ? ((yield value) as T) : value;
}

/**
 * Goes through the steps: at once, as far as nothing has to be waited for, and often that is to the end. What an `async`
 * function would have answered through a promise for each step is then answered in the same turn of the event loop.
 *
 * @param onWait called once, before anything is waited for
 */
export function walk<T>(steps: Steps<T>, onWait: () => void): T | Promise<T> {
  const first = steps.next();
  if (first.done) return first.value;
  onWait();
  return goOn(steps, first.value);
}

async function goOn<T>(steps: Steps<T>, awaited: Promise<unknown>): Promise<T> {
  for (;;) {
    const outcome = await awaited.then(
      (value) => () => steps.next(value),
      (error) => () => steps.throw(error),
    );
    const step = outcome();
    if (step.done) return step.value;
    awaited = step.value;
  }
}
