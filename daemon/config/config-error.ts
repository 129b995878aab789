/** The configuration cannot be used. The message has one line per mistake; each names the file. */
export class ConfigError extends Error {}
