/** The site cannot be imported. The message has one sentence per line. */
export class ImportError extends Error {}
