/*
 * test_leases.c: the table of leases, used by threads and by processes that are killed and stopped in the middle of it.
 * Built twice: under ThreadSanitizer, and under ASan and UBSan.
 */
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tap.h"

/* The clock is the test's where it is not 0, and a signal comes in the middle of a write where it is wanted. */
static int64_t fake_ns;
static int signal_at_copy; /* the signal */
static int copies_before;  /* how many copies are made before it comes */

static int fake_clock(clockid_t clock, struct timespec *now)
{
    if (fake_ns == 0) {
        return clock_gettime(clock, now);
    }
    now->tv_sec = fake_ns / 1000000000;
    now->tv_nsec = fake_ns % 1000000000;
    return 0;
}

static void *copy_octets(void *to, const void *from, size_t length)
{
    if (signal_at_copy != 0 && copies_before-- == 0) {
        memcpy(to, from, length / 2);
        raise(signal_at_copy);
        signal_at_copy = 0;
    }
    return memcpy(to, from, length);
}

#define clock_gettime fake_clock
#define memcpy copy_octets
#include "apache/lease_table.c"
#undef memcpy
#undef clock_gettime

enum { THREADS = 8, ROUNDS = 4000, KEYS = 200, CHILDREN = 4, KILLS = 150 };

#define SECOND 1000000000

static const uint64_t epoch = 7;

/* Keys are spread as HMACs are. */
static void key_of(unsigned number, unsigned char key[DJANGO_LEASE_KEY_OCTETS])
{
    uint64_t state = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    size_t i;

    for (i = 0; i < DJANGO_LEASE_KEY_OCTETS; i += sizeof(state)) {
        state ^= state >> 31;
        state *= UINT64_C(0xbf58476d1ce4e5b9);
        state ^= state >> 27;
        memcpy(key + i, &state, sizeof(state));
    }
}

/* Whatever is found can be told from what was put under another key, and from half of it. */
static void fill(django_lease *lease, unsigned number, int64_t expires)
{
    lease->epoch = epoch;
    lease->expires = expires;
    lease->counter = number % DJANGO_LEASE_COUNTERS;
    lease->length = 1 + (number * 37) % DJANGO_LEASE_CONTENT_MAX;
    memset(lease->content, (int)(1 + number % 255), lease->length);
}

static int is_filled(const django_lease *lease, unsigned number)
{
    size_t i;

    if (lease->epoch != epoch || lease->counter != number % DJANGO_LEASE_COUNTERS
        || lease->length != 1 + (number * 37) % DJANGO_LEASE_CONTENT_MAX) {
        return 0;
    }
    for (i = 0; i < lease->length; i++) {
        if (lease->content[i] != 1 + number % 255) {
            return 0;
        }
    }
    return 1;
}

static void put(django_lease_table *table, unsigned number, int64_t expires)
{
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
    django_lease lease;

    key_of(number, key);
    fill(&lease, number, expires);
    django_lease_put(table, key, &lease);
}

/* 1: found as it was put; 0: not found; -1: something else was found. */
static int get(django_lease_table *table, unsigned number, uint64_t current)
{
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
    django_lease lease;

    key_of(number, key);
    if (!django_lease_get(table, key, &current, &lease)) {
        return 0;
    }
    return is_filled(&lease, number) ? 1 : -1;
}

/* How many octets of all sets are not 0. */
static size_t left_in(const django_lease_table *table)
{
    const unsigned char *octets = (const unsigned char *)table->shared->sets;
    size_t left = 0;
    size_t i;

    for (i = 0; i < table->sets * sizeof(set); i++) {
        left += octets[i] != 0;
    }
    return left;
}

static size_t used_of(django_lease_table *table)
{
    django_lease_figures figures;

    django_lease_table_figures(table, &figures);
    return figures.used;
}

static void test_time(void)
{
    django_lease_table *table = django_lease_table_make(DJANGO_LEASES_DEFAULT);
    unsigned char key[DJANGO_LEASE_KEY_OCTETS];
    django_lease lease;
    int i;

    fake_ns = 5 * (int64_t)SECOND;
    ok(sizeof(set) == WAYS * 768, "an entry takes %zu octets", sizeof(set) / WAYS);
    ok(get(table, 1, epoch) == 0, "nothing is found in an empty table");
    put(table, 1, fake_ns + SECOND);
    put(table, 2, fake_ns + SECOND);
    ok(get(table, 1, epoch) == 1 && get(table, 2, epoch) == 1, "what was put is found");
    ok(get(table, 3, epoch) == 0, "and nothing else");
    fake_ns += SECOND - 1;
    ok(get(table, 1, epoch) == 1, "to the last nanosecond");
    fake_ns += 1;
    ok(get(table, 1, epoch) == 0 && get(table, 2, epoch) == 0, "and no longer");
    ok(left_in(table) == 0, "then it is overwritten: %zu octets are left", left_in(table));

    put(table, 1, fake_ns);
    put(table, 1, fake_ns - SECOND);
    ok(left_in(table) == 0, "what is over before it is put is not put");
    put(table, 1, fake_ns + SECOND);
    put(table, 1, fake_ns + 1);
    fake_ns += 1;
    ok(get(table, 1, epoch) == 0, "the younger lease of a key takes the place of the older, even if it is shorter");

    put(table, 1, fake_ns + SECOND);
    ok(get(table, 1, epoch + 1) == 0 && left_in(table) == 0, "a lease of another epoch is overwritten");
    ok(get(table, 1, epoch) == 0, "and is not found when the epoch comes back");
    put(table, 1, fake_ns + SECOND);
    ok(get(table, 1, 0) == 0 && get(table, 1, epoch) == 1, "nothing is found, or lost, by a child that sees no epoch");
    get(table, 1, epoch + 1);

    key_of(1, key);
    fill(&lease, 1, fake_ns + SECOND);
    lease.epoch = 0;
    django_lease_put(table, key, &lease);
    lease.epoch = epoch;
    lease.counter = DJANGO_LEASE_COUNTERS;
    django_lease_put(table, key, &lease);
    lease.counter = 1;
    lease.length = DJANGO_LEASE_CONTENT_MAX + 1;
    django_lease_put(table, key, &lease);
    ok(left_in(table) == 0, "what cannot be a lease is not put");

    put(table, 1, fake_ns + SECOND);
    table->shared->sets[place_of(table, key)].entries[0].length = DJANGO_LEASE_CONTENT_MAX + 1;
    ok(get(table, 1, epoch) == 0, "an entry that no child can have written is not read");

    put(table, 4, fake_ns + SECOND);
    fake_ns += SECOND;
    for (i = 0; i < (int)table->sets; i++) {
        put(table, 5, fake_ns + 1);
    }
    fake_ns += 1;
    get(table, 5, epoch);
    ok(left_in(table) == 0, "what is over goes even where nobody searches for it, as other leases are put");
    fake_ns = 0;
    django_lease_table_free(table);
}

static void test_bound(void)
{
    static const size_t sizes[] = {1, 8, 9, 100, DJANGO_LEASES_DEFAULT};
    size_t at;

    fake_ns = SECOND;
    for (at = 0; at < sizeof(sizes) / sizeof(sizes[0]); at++) {
        django_lease_table *table = django_lease_table_make(sizes[at]);
        size_t size = (sizes[at] + 7) / 8 * 8;
        unsigned last = (unsigned)(20 * size);
        django_lease_figures figures;
        unsigned found = 0;
        unsigned wrong = 0;
        unsigned i;

        for (i = 0; i < last; i++) {
            put(table, i, fake_ns + SECOND + i);
        }
        django_lease_table_figures(table, &figures);
        ok(figures.size == size && figures.used <= size && figures.used > size / 2, "a table of %zu has %zu of %zu used",
           sizes[at], figures.used, figures.size);
        for (i = 0; i < last; i++) {
            int result = get(table, i, epoch);

            found += result == 1;
            wrong += result < 0;
        }
        ok(found == figures.used && wrong == 0, "all of these are found");
        ok(get(table, last - 1, epoch) == 1, "the last one among them: the ones that are over first give way");
        django_lease_table_figures(table, &figures);
        ok(figures.hits == found + 1 && figures.misses == last - found, "%llu hits and %llu misses are counted",
           (unsigned long long)figures.hits, (unsigned long long)figures.misses);
        django_lease_table_free(table);
    }
    fake_ns = 0;
}

/* Puts and gets at random, and returns how many times something wrong was found. */
static size_t work(django_lease_table *table, unsigned seed, int rounds)
{
    size_t wrong = 0;
    unsigned state = seed;
    int i;

    for (i = 0; i < rounds; i++) {
        unsigned number;

        state = state * 1103515245 + 12345;
        number = (state >> 8) % KEYS;
        if (state >> 31) {
            put(table, number, django_lease_clock() + SECOND / 100);
        } else {
            wrong += get(table, number, epoch) < 0;
        }
    }
    return wrong;
}

static django_lease_table *shared_by_threads;

static void *work_of_thread(void *seed)
{
    return (void *)work(shared_by_threads, (unsigned)(uintptr_t)seed, ROUNDS);
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    django_lease_figures figures;
    uint64_t counted = 0;
    size_t wrong = 0;
    int i;

    shared_by_threads = django_lease_table_make(64);
    for (i = 0; i < THREADS; i++) {
        pthread_create(&threads[i], NULL, work_of_thread, (void *)(uintptr_t)(i + 1));
    }
    for (i = 0; i < THREADS; i++) {
        void *result;

        pthread_join(threads[i], &result);
        wrong += (size_t)result;
    }
    for (i = 0; i < DJANGO_LEASE_COUNTERS; i++) {
        counted += django_lease_counter_take(shared_by_threads, i);
    }
    django_lease_table_figures(shared_by_threads, &figures);
    ok(wrong == 0 && figures.hits > 0, "%d threads find only what was put: %llu times", THREADS,
       (unsigned long long)figures.hits);
    ok(counted == figures.hits, "and each time is counted once");
    django_lease_table_free(shared_by_threads);
}

static pid_t begin_child(django_lease_table *table, unsigned seed)
{
    pid_t child = fork();

    if (child == 0) {
        for (;;) {
            if (work(table, seed++, 100) != 0) {
                _exit(1);
            }
        }
    }
    return child;
}

static void test_killed(void)
{
    django_lease_table *table = django_lease_table_make(64);
    pid_t children[CHILDREN];
    int wrong = 0;
    int i;

    for (i = 0; i < CHILDREN; i++) {
        children[i] = begin_child(table, (unsigned)i);
    }
    for (i = 0; i < KILLS; i++) {
        pid_t *one = &children[i % CHILDREN];
        const struct timespec some = {.tv_nsec = 100000 + (i * 7919 % 100) * 20000};
        int status;

        nanosleep(&some, NULL);
        kill(*one, SIGKILL);
        waitpid(*one, &status, 0);
        wrong += !WIFSIGNALED(status);
        *one = begin_child(table, (unsigned)(1000 + i));
    }
    for (i = 0; i < CHILDREN; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    ok(wrong == 0, "%d processes of which %d are killed at any moment find only what was put", CHILDREN, KILLS);
    ok(work(table, 1, ROUNDS) == 0, "and so does who comes after them");
    for (i = 0; i < STRIPES; i++) {
        wrong += pthread_mutex_trylock(&table->shared->stripes[i].mutex) != 0;
        pthread_mutex_unlock(&table->shared->stripes[i].mutex);
    }
    ok(wrong == 0, "no mutex is left taken");
    django_lease_table_free(table);
}

/* A child that is killed between any two steps of writing an entry, and in the middle of one. */
static void test_torn(void)
{
    enum { PARTS = 3 };
    int part;

    for (part = 0; part < PARTS; part++) {
        django_lease_table *table = django_lease_table_make(1);
        pid_t child;
        int status;

        put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
        child = fork();
        if (child == 0) {
            signal_at_copy = SIGKILL;
            copies_before = part + 1; /* after that of the key's number; the place and tag of it are copies too */
            put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
            _exit(0);
        }
        waitpid(child, &status, 0);
        ok(WIFSIGNALED(status) && pthread_mutex_trylock(&table->shared->stripes[0].mutex) == EOWNERDEAD,
           "killed under the lock, at copy %d", part + 1);
        /* As if that had not been the first to notice. */
        pthread_mutex_consistent(&table->shared->stripes[0].mutex);
        pthread_mutex_unlock(&table->shared->stripes[0].mutex);
        ok(get(table, 1, epoch) >= 0, "no half of a lease is found even by who does not know");
        django_lease_table_free(table);

        table = django_lease_table_make(1);
        put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
        child = fork();
        if (child == 0) {
            signal_at_copy = SIGKILL;
            copies_before = part + 1;
            put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
            _exit(0);
        }
        waitpid(child, &status, 0);
        ok(get(table, 1, epoch) == 0 && left_in(table) == 0, "whoever is next overwrites all that the mutex protects");
        put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
        ok(get(table, 1, epoch) == 1 && used_of(table) == 1, "and the table is as good as new");
        django_lease_table_free(table);
    }
}

/* A child that is stopped while it has a mutex stops nobody else. */
static void test_stopped(void)
{
    django_lease_table *table = django_lease_table_make(1);
    struct timespec begun;
    struct timespec ended;
    pid_t child = fork();
    int status;
    int i;
    int found = 0;

    if (child == 0) {
        signal_at_copy = SIGSTOP;
        copies_before = 2;
        put(table, 1, django_lease_clock() + 60 * (int64_t)SECOND);
        _exit(0);
    }
    waitpid(child, &status, WUNTRACED);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    for (i = 0; i < 10; i++) {
        found += get(table, 1, epoch);
        put(table, 2, django_lease_clock() + SECOND);
    }
    used_of(table);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    ok(WIFSTOPPED(status) && found == 0 && ended.tv_sec - begun.tv_sec < 20, "a stopped child costs the leases of its mutex");
    kill(child, SIGCONT);
    waitpid(child, &status, 0);
    ok(WIFEXITED(status) && get(table, 1, epoch) == 1, "until it goes on");
    django_lease_table_free(table);
}

static void test_counters(void)
{
    django_lease_table *table = django_lease_table_make(8);
    unsigned char name[DJANGO_LEASE_KEY_OCTETS];
    unsigned char seen[DJANGO_LEASE_COUNTERS] = {0};
    int wrong = 0;
    unsigned i;
    pid_t child;

    for (i = 0; i < DJANGO_LEASE_COUNTERS; i++) {
        int at;

        key_of(i, name);
        wrong += django_lease_counter(table, name, 0) != -1;
        at = django_lease_counter(table, name, 1);
        wrong += at < 0 || seen[at]++ != 0 || django_lease_counter(table, name, 0) != at
                 || django_lease_counter(table, name, 1) != at;
    }
    key_of(i, name);
    ok(wrong == 0 && django_lease_counter(table, name, 1) == -1, "%u names have a counter each, and one more has none", i);
    ok(django_lease_counter_is_new(table, 3) && !django_lease_counter_is_new(table, 3), "what is said once is said once");
    django_lease_counter_give(table, 3, 5);
    django_lease_counter_give(table, 3, UINT32_MAX);
    ok(django_lease_counter_take(table, 3) == UINT32_MAX && django_lease_counter_take(table, 3) == 5
           && django_lease_counter_take(table, 3) == 0 && django_lease_counter_take(table, 4) == 0,
       "a question tells no more uses than it has room for, and each once");
    django_lease_table_free(table);

    table = django_lease_table_make(8);
    child = fork();
    if (child == 0) {
        key_of(1, name);
        signal_at_copy = SIGKILL;
        copies_before = 2; /* two searches come before it */
        django_lease_counter(table, name, 1);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    key_of(1, name);
    ok(pthread_mutex_trylock(&table->shared->naming) == EOWNERDEAD, "killed while it named a counter");
    pthread_mutex_consistent(&table->shared->naming);
    pthread_mutex_unlock(&table->shared->naming);
    ok(django_lease_counter(table, name, 1) >= 0, "the next child names it");
    django_lease_table_free(table);
}

int main(void)
{
    test_time();
    test_bound();
    test_threads();
    test_torn();
    test_stopped();
    test_counters();
    test_killed();
    return tap_done();
}
