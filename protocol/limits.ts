/** The protocol's limits, as PROTOCOL.md states them. Input is checked against them before it is stored. */

/** The octets of the length field before each body. */
export const LENGTH_OCTETS = 4;

/** The most octets of a body. */
export const FRAME_MAX = 65_536;

/** How deep arrays and maps may be nested. */
export const DEPTH_MAX = 8;

/** The largest request id: the largest unsigned 32-bit number. */
export const ID_MAX = 0xffff_ffff;

/** How many requests of a connection may be unanswered before the daemon stops reading from it. */
export const IN_FLIGHT_MAX = 64;

/** The time limit of a frame from its first octet to its last, in milliseconds. */
export const FRAME_TIME_MS = 10_000;

/** The longest username, in octets; a longer one is denied. */
export const USERNAME_MAX = 1_024;

/** The longest password, in octets; a longer one is denied. */
export const PASSWORD_MAX = 32_768;

/** How many permissions or groups a requirement may list. */
export const ALTERNATIVES_MAX = 64;

/** The longest client address and service, in octets. */
export const CLIENT_TEXT_MAX = 255;

/** The longest expression of `explain`, in octets. */
export const EXPRESSION_MAX = 4_096;

/** The longest time after which a status page refreshes itself, in seconds. */
export const REFRESH_MAX_S = 86_400;

/** How many grants on lease one request may report. */
export const LEASED_MAX = 0xffff_ffff;

/** The deadline of a request that has none, and the longest, in milliseconds. */
export const DEADLINE_DEFAULT_MS = 10_000;
export const DEADLINE_MAX_MS = 600_000;
