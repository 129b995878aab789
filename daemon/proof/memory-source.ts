/** Memory that is not in use yet. */
export interface NewMemory {
  /** All zero. */
  readonly buffer: ArrayBuffer;
  /** Called when it is put to use, in place of all that was. */
  keep(): void;
  /** Called if it is not, or no more. Whatever views of it there are stay valid. */
  drop(): void;
}

/** Where the memory of proofs comes from. */
export interface MemorySource {
  /** What an earlier process left, if anything; the caller keeps it or drops it. */
  take(): NewMemory | undefined;
  create(octets: number): NewMemory;
}

/** Memory that ends with the process. */
export const ownMemory: MemorySource = {
  take: () => undefined,
  create: (octets) => ({ buffer: new ArrayBuffer(octets), keep() {}, drop() {} }),
};
