/** The supported version of the protocol: PROTOCOL.md section 5. */
export const PROTOCOL_VERSION = 1;
