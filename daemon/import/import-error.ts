/** The site cannot be imported. The message has one sentence a line. */
export class ImportError extends Error {}
