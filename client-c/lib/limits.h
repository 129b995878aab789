/* limits.h: the protocol's limits, as protocol/limits.ts states them; a unit test compares the two. Internal. */
#ifndef DJAUTH_LIMITS_H
#define DJAUTH_LIMITS_H

/* Octets of the length before each body. */
#define DJAUTH_LENGTH_OCTETS 4

/* Octets of a body, in either direction. */
#define DJAUTH_FRAME_MAX 65536

/* How deep arrays and maps may be nested. */
#define DJAUTH_DEPTH_MAX 8

/* Octets of a username and of a password. Longer ones are denied as "too-long". */
#define DJAUTH_USERNAME_MAX 1024
#define DJAUTH_PASSWORD_MAX 32768

/* Permissions or groups that one question may list. */
#define DJAUTH_ALTERNATIVES_MAX 64

/* The longest interval after which a status page reloads itself, in seconds. */
#define DJAUTH_REFRESH_MAX_S 86400

/* How many grants on lease one question may report. */
#define DJAUTH_LEASED_MAX 4294967295

/* The longest time that a client may give the daemon, in milliseconds. */
#define DJAUTH_DEADLINE_MAX_MS 600000

#endif /* DJAUTH_LIMITS_H */
