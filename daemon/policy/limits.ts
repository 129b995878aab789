/** A longer username names no account. As the client sent it, in octets. */
export const USERNAME_OCTETS_MAX = 1_024;

/** A longer password is denied without being looked at: hashing time grows with the length. */
export const PASSWORD_OCTETS_MAX = 32_768;
