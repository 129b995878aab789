/*
 * lease_table.h: the leases of all children of httpd, in memory that they share.
 *
 * A lease is a grant that may be used again, for as long as the daemon said. The table knows nothing of httpd, of
 * questions or of accounts: a key of 32 octets, which nobody can choose, finds some octets.
 *
 * Whatever a child does to the table, and wherever it dies, another child finds what was put under a key, whole, or finds
 * nothing. Nobody waits for a lock for long: a lease is worth less than the question that it saves.
 */
#ifndef MOD_AUTHNZ_DJANGO_LEASE_TABLE_H
#define MOD_AUTHNZ_DJANGO_LEASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

#define DJANGO_LEASE_KEY_OCTETS 32

/* What does not fit is not leased. With it an entry takes 768 octets. */
#define DJANGO_LEASE_CONTENT_MAX 704

/* The number of entries, and how many there are by default. A table has a multiple of 8. */
#define DJANGO_LEASES_MAX 65536
#define DJANGO_LEASES_DEFAULT 4096

/* Pairs of a socket and a site that have a counter of their own. Those that find none are given no leases. */
#define DJANGO_LEASE_COUNTERS 256

typedef struct django_lease_table django_lease_table;

typedef struct django_lease {
    uint64_t epoch;   /* the lease is good while the daemon's epoch is this one; never 0 */
    int64_t expires;  /* by django_lease_clock; then it is over */
    unsigned counter; /* as django_lease_counter returned it: what a use of the lease adds one to */
    size_t length;    /* of the content, in octets */
    unsigned char content[DJANGO_LEASE_CONTENT_MAX];
} django_lease;

typedef struct django_lease_figures {
    size_t size;     /* entries */
    size_t used;     /* of which are good by their time */
    uint64_t hits;   /* grants on lease since the table was made */
    uint64_t misses; /* what was looked for in vain */
} django_lease_figures;

/* Nanoseconds of CLOCK_BOOTTIME, which goes on while the machine is suspended. */
int64_t django_lease_clock(void);

/* In the parent process, before it has children. Returns NULL with errno set. */
django_lease_table *django_lease_table_make(size_t entries);

/* Frees this process's view of it. No thread may use the table any more. */
void django_lease_table_free(django_lease_table *table);

/*
 * Finds a lease that is good now: *epoch is read, and the clock, when nothing can delay the caller any more. What is found
 * to be over is overwritten. Returns 1 and fills in the lease, its counter included, or returns 0.
 */
int django_lease_get(django_lease_table *table, const unsigned char key[DJANGO_LEASE_KEY_OCTETS], const uint64_t *epoch,
                     django_lease *lease);

/* Keeps the lease, in the place of one that is over or of the one that is over first. */
void django_lease_put(django_lease_table *table, const unsigned char key[DJANGO_LEASE_KEY_OCTETS],
                      const django_lease *lease);

/*
 * The counter of a name of 32 octets. It stays the same as long as the table. Returns -1 if it has none and `create` is 0, or
 * if there is none left.
 */
int django_lease_counter(django_lease_table *table, const unsigned char name[DJANGO_LEASE_KEY_OCTETS], int create);

/* The number of uses since the last call: it becomes 0. At most UINT32_MAX, the rest stays. */
uint32_t django_lease_counter_take(django_lease_table *table, int counter);

/* Gives back what was taken and could not be told. */
void django_lease_counter_give(django_lease_table *table, int counter, uint32_t uses);

/* Whether this is the first call for the counter, of all children: what is to be said of its name was not said yet. */
int django_lease_counter_is_new(django_lease_table *table, int counter);

void django_lease_table_figures(django_lease_table *table, django_lease_figures *figures);

#endif /* MOD_AUTHNZ_DJANGO_LEASE_TABLE_H */
