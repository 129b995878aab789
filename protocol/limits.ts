/** The protocol's limits, as PROTOCOL.md states them. Whatever arrives is measured against these before it is kept. */

/** Octets of the length field before each body. */
export const LENGTH_OCTETS = 4;

/** The most octets a body may have. */
export const FRAME_MAX = 65_536;

/** How deep arrays and maps may stand inside each other. */
export const DEPTH_MAX = 8;

/** The largest request id: an unsigned 32-bit number. */
export const ID_MAX = 0xffff_ffff;

/** Requests a connection may have unanswered before the daemon stops reading from it. */
export const IN_FLIGHT_MAX = 64;

/** How long a frame may take from its first octet to its last, in milliseconds. */
export const FRAME_TIME_MS = 10_000;

/** The longest username, in octets; a longer one names nobody. */
export const USERNAME_MAX = 1_024;

/** The longest password, in octets; a longer one is denied. */
export const PASSWORD_MAX = 32_768;

/** The most permissions or groups one requirement may list. */
export const ALTERNATIVES_MAX = 64;

/** The longest client address and service, in octets. */
export const CLIENT_TEXT_MAX = 255;

/** How seldom a status page may be fetched anew, in seconds. */
export const REFRESH_MAX_S = 86_400;

/** How long a client waits where it names no deadline, and the longest it may name, in milliseconds. */
export const DEADLINE_DEFAULT_MS = 10_000;
export const DEADLINE_MAX_MS = 600_000;
