/** The statuses of replies: PROTOCOL.md section 4. */
export const STATUS = {
  granted: 0,
  denied: 1,
  unknownUser: 2,
  busy: 3,
  error: 4,
  badRequest: 5,
} as const;

export type Status = (typeof STATUS)[keyof typeof STATUS];
