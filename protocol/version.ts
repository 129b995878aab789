/** The version of the protocol spoken here: PROTOCOL.md section 5. */
export const PROTOCOL_VERSION = 1;
