/*
 * lease_table.c: the leases of all children.
 *
 * The table consists of sets of 8 entries; a key has its place in one of them. Sets share 64 robust mutexes: when a child
 * dies that has one, the next that wants it is told, and empties all sets of that mutex before it goes on. An entry is
 * made good as the last step of writing it, so that not even a mistake with the mutexes would show half of one.
 *
 * The parent process believes nothing that children can write: its own view of the table is in memory of its own.
 */
#include "lease_table.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum { WAYS = 8, STRIPES = 64, SPINS = 4, NAPS = 16 };

/* How long a thread naps that finds a mutex taken; with its NAPS it waits 2 ms at most. */
#define NAP_NS 50000

/* What a search reads first: two lines of the processor's cache hold those of a set. */
typedef struct slot {
    uint64_t tag;    /* some octets of the key */
    int64_t expires; /* 0: the entry is free */
} slot;

typedef struct entry {
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
    uint64_t epoch;
    uint32_t counter;
    uint32_t length;
    unsigned char content[DJANGO_LEASE_CONTENT_MAX];
} entry;

typedef struct set {
    slot slots[WAYS];
    entry entries[WAYS];
} set;

/* What one mutex protects beside the sets: the figures need no line of the cache that all children write to. */
typedef struct stripe {
    pthread_mutex_t mutex;
    uint64_t hits;
    uint64_t misses;
} __attribute__((aligned(64))) stripe;

typedef struct counter {
    unsigned char name[DJANGO_LEASE_KEY_OCTETS];
    uint32_t is_named; /* set last */
    uint32_t is_known;
    uint64_t uses;
} __attribute__((aligned(64))) counter;

typedef struct shared {
    pthread_mutex_t naming;
    uint32_t swept; /* the set that was looked through last */
    counter counters[DJANGO_LEASE_COUNTERS];
    stripe stripes[STRIPES];
    set sets[];
} shared;

struct django_lease_table {
    shared *shared;
    size_t octets;
    size_t sets;
};

int64_t django_lease_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_BOOTTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- the mutexes ---- */

static int make_mutex(pthread_mutex_t *mutex)
{
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);

    if (error != 0) {
        return error;
    }
    error = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (error == 0) {
        error = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    }
    if (error == 0) {
        error = pthread_mutex_init(mutex, &attributes);
    }
    pthread_mutexattr_destroy(&attributes);
    return error;
}

/*
 * Returns 0, EOWNERDEAD (taken, but its last owner died with it) or what pthread_mutex_trylock returned. A child that is
 * stopped while it has the mutex must stop nobody else, so there is no waiting without an end.
 */
static int take(pthread_mutex_t *mutex, int naps)
{
    static const struct timespec nap = {.tv_nsec = NAP_NS};
    int tries;
    int error;

    for (tries = 0; (error = pthread_mutex_trylock(mutex)) == EBUSY && tries < naps; tries++) {
        if (tries < SPINS) {
            sched_yield();
        } else {
            nanosleep(&nap, NULL);
        }
    }
    return error;
}

static stripe *stripe_of(const django_lease_table *table, size_t at)
{
    return &table->shared->stripes[at % STRIPES];
}

static void wipe(set *of, int way)
{
    of->slots[way].expires = 0;
    of->slots[way].tag = 0;
    explicit_bzero(&of->entries[way], sizeof(of->entries[way]));
}

/* Returns 1 if the stripe of this set is locked. After the death of an owner, all its sets are empty. */
static int lock(django_lease_table *table, size_t at, int naps)
{
    stripe *locked = stripe_of(table, at);
    int error = take(&locked->mutex, naps);

    if (error == EOWNERDEAD) {
        size_t next;

        for (next = at % STRIPES; next < table->sets; next += STRIPES) {
            explicit_bzero(&table->shared->sets[next], sizeof(set));
        }
        error = pthread_mutex_consistent(&locked->mutex);
        if (error != 0) {
            pthread_mutex_unlock(&locked->mutex); /* and nobody can take it any more */
        }
    }
    return error == 0;
}

static void unlock(django_lease_table *table, size_t at)
{
    pthread_mutex_unlock(&stripe_of(table, at)->mutex);
}

/* ---- the table ---- */

django_lease_table *django_lease_table_make(size_t entries)
{
    django_lease_table *made = calloc(1, sizeof(*made));
    struct timespec now;
    int error = 0;
    int i;

    if (made == NULL) {
        return NULL;
    }
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) { /* before Linux 2.6.39 */
        free(made);
        return NULL;
    }
    made->sets = entries > WAYS ? (entries + WAYS - 1) / WAYS : 1;
    made->octets = sizeof(shared) + made->sets * sizeof(set);
    made->shared = mmap(NULL, made->octets, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (made->shared == MAP_FAILED) {
        free(made);
        return NULL;
    }
    /* A core file shows nobody's account. Old kernels cannot say so. */
    madvise(made->shared, made->octets, MADV_DONTDUMP);
    for (i = 0; i < STRIPES && error == 0; i++) {
        error = make_mutex(&made->shared->stripes[i].mutex);
    }
    if (error == 0) {
        error = make_mutex(&made->shared->naming);
    }
    if (error != 0) {
        django_lease_table_free(made);
        errno = error;
        return NULL;
    }
    return made;
}

void django_lease_table_free(django_lease_table *table)
{
    if (table != NULL) {
        munmap(table->shared, table->octets);
        free(table);
    }
}

/* Keys are HMACs: any of their octets are as good as random. */
static uint64_t number_of(const unsigned char *octets)
{
    uint64_t number;

    memcpy(&number, octets, sizeof(number));
    return number;
}

static size_t place_of(const django_lease_table *table, const unsigned char *key)
{
    return (size_t)(number_of(key) % table->sets);
}

static uint64_t tag_of(const unsigned char *key)
{
    return number_of(key + sizeof(uint64_t));
}

/* The entry of this key, or -1. On the way, what is over is overwritten. */
static int search(set *in, const unsigned char *key, int64_t now)
{
    uint64_t tag = key != NULL ? tag_of(key) : 0;
    int found = -1;
    int i;

    for (i = 0; i < WAYS; i++) {
        const slot *looked = &in->slots[i];

        if (looked->expires == 0) {
            continue;
        }
        if (looked->expires <= now) {
            wipe(in, i);
        } else if (key != NULL && looked->tag == tag
                   && memcmp(in->entries[i].key, key, DJANGO_LEASE_KEY_OCTETS) == 0) {
            found = i;
        }
    }
    return found;
}

/* Copies the entry, unless no child of this program can have written it. */
static int copy(const set *from, int way, django_lease *lease)
{
    const entry *found = &from->entries[way];

    if (found->length > DJANGO_LEASE_CONTENT_MAX || found->counter >= DJANGO_LEASE_COUNTERS) {
        return 0;
    }
    lease->epoch = found->epoch;
    lease->expires = from->slots[way].expires;
    lease->counter = found->counter;
    lease->length = found->length;
    memcpy(lease->content, found->content, found->length);
    return 1;
}

int django_lease_get(django_lease_table *table, const unsigned char key[DJANGO_LEASE_KEY_OCTETS], const uint64_t *epoch,
                     django_lease *lease)
{
    size_t at = place_of(table, key);
    set *in = &table->shared->sets[at];
    stripe *counted = stripe_of(table, at);
    uint64_t current;
    int way;
    int hit = 0;

    if (__atomic_load_n(epoch, __ATOMIC_RELAXED) == 0 || !lock(table, at, NAPS)) {
        return 0;
    }
    current = __atomic_load_n(epoch, __ATOMIC_ACQUIRE);
    way = search(in, key, django_lease_clock());
    if (way >= 0 && in->entries[way].epoch == current) {
        hit = copy(in, way, lease);
    } else if (way >= 0) {
        wipe(in, way); /* the daemon has forgotten something since: an epoch does not come back */
    }
    if (hit) {
        counted->hits++;
    } else {
        counted->misses++;
    }
    unlock(table, at);
    if (hit) {
        __atomic_fetch_add(&table->shared->counters[lease->counter].uses, 1, __ATOMIC_RELAXED);
    }
    return hit;
}

/* A free entry, or the one that is over first. */
static int victim_of(const set *in)
{
    int victim = 0;
    int i;

    for (i = 1; i < WAYS; i++) {
        if (in->slots[i].expires < in->slots[victim].expires) {
            victim = i;
        }
    }
    return victim;
}

/* Looks through one more set, so that what is over does not stay where nobody searches. */
static void sweep(django_lease_table *table)
{
    size_t at = __atomic_fetch_add(&table->shared->swept, 1, __ATOMIC_RELAXED) % table->sets;

    if (lock(table, at, 0)) {
        search(&table->shared->sets[at], NULL, django_lease_clock());
        unlock(table, at);
    }
}

void django_lease_put(django_lease_table *table, const unsigned char key[DJANGO_LEASE_KEY_OCTETS],
                      const django_lease *lease)
{
    size_t at = place_of(table, key);
    set *in = &table->shared->sets[at];
    int64_t now;

    if (lease->length > DJANGO_LEASE_CONTENT_MAX || lease->counter >= DJANGO_LEASE_COUNTERS || lease->epoch == 0) {
        return;
    }
    sweep(table);
    if (!lock(table, at, NAPS)) {
        return;
    }
    now = django_lease_clock();
    if (lease->expires > now) {
        int way = search(in, key, now);
        entry *written;

        if (way < 0) {
            way = victim_of(in);
        }
        wipe(in, way);
        written = &in->entries[way];
        memcpy(written->key, key, DJANGO_LEASE_KEY_OCTETS);
        written->epoch = lease->epoch;
        written->counter = lease->counter;
        written->length = (uint32_t)lease->length;
        memcpy(written->content, lease->content, lease->length);
        in->slots[way].tag = tag_of(key);
        in->slots[way].expires = lease->expires;
    }
    unlock(table, at);
}

/* ---- the counters ---- */

/* The counter of this name, or the free one where it may be; -1: neither. */
static int find_counter(const shared *in, const unsigned char *name)
{
    size_t first = (size_t)(number_of(name) % DJANGO_LEASE_COUNTERS);
    size_t i;

    for (i = 0; i < DJANGO_LEASE_COUNTERS; i++) {
        size_t at = (first + i) % DJANGO_LEASE_COUNTERS;
        const counter *looked = &in->counters[at];

        if (!__atomic_load_n(&looked->is_named, __ATOMIC_ACQUIRE)
            || memcmp(looked->name, name, DJANGO_LEASE_KEY_OCTETS) == 0) {
            return (int)at;
        }
    }
    return -1;
}

/* Counters are never given up, so whoever finds one needs no lock. Nor does a child that dies here leave half of one. */
int django_lease_counter(django_lease_table *table, const unsigned char name[DJANGO_LEASE_KEY_OCTETS], int create)
{
    shared *in = table->shared;
    int found = find_counter(in, name);
    int error;

    if (found < 0 || __atomic_load_n(&in->counters[found].is_named, __ATOMIC_ACQUIRE)) {
        return found;
    }
    if (!create) {
        return -1;
    }
    error = take(&in->naming, NAPS);
    if (error == EOWNERDEAD) {
        error = pthread_mutex_consistent(&in->naming);
    }
    if (error != 0) {
        return -1;
    }
    found = find_counter(in, name);
    if (found >= 0 && !__atomic_load_n(&in->counters[found].is_named, __ATOMIC_RELAXED)) {
        memcpy(in->counters[found].name, name, DJANGO_LEASE_KEY_OCTETS);
        __atomic_store_n(&in->counters[found].is_named, 1, __ATOMIC_RELEASE);
    }
    pthread_mutex_unlock(&in->naming);
    return found;
}

uint32_t django_lease_counter_take(django_lease_table *table, int at)
{
    uint64_t uses = __atomic_exchange_n(&table->shared->counters[at].uses, 0, __ATOMIC_RELAXED);

    if (uses > UINT32_MAX) {
        __atomic_fetch_add(&table->shared->counters[at].uses, uses - UINT32_MAX, __ATOMIC_RELAXED);
        uses = UINT32_MAX;
    }
    return (uint32_t)uses;
}

void django_lease_counter_give(django_lease_table *table, int at, uint32_t uses)
{
    __atomic_fetch_add(&table->shared->counters[at].uses, uses, __ATOMIC_RELAXED);
}

int django_lease_counter_is_new(django_lease_table *table, int at)
{
    return __atomic_exchange_n(&table->shared->counters[at].is_known, 1, __ATOMIC_RELAXED) == 0;
}

/* ---- figures ---- */

void django_lease_table_figures(django_lease_table *table, django_lease_figures *figures)
{
    size_t first;

    *figures = (django_lease_figures){.size = table->sets * WAYS};
    for (first = 0; first < STRIPES; first++) {
        const stripe *counted = &table->shared->stripes[first];
        int64_t now;
        size_t at;

        if (!lock(table, first, NAPS)) {
            continue;
        }
        now = django_lease_clock();
        figures->hits += counted->hits;
        figures->misses += counted->misses;
        for (at = first; at < table->sets; at += STRIPES) {
            int i;

            for (i = 0; i < WAYS; i++) {
                figures->used += table->shared->sets[at].slots[i].expires > now;
            }
        }
        unlock(table, first);
    }
}
