/*
 * PBKDF2 (RFC 8018) with HMAC-SHA-256 and HMAC-SHA-1, for hash workers.
 *
 * The hash functions are OpenSSL's, from the node program that loads this addon. Only the loop around them is ours: the
 * states of HMAC after its two key blocks are computed once, and then an iteration is two calls of the block function.
 * OpenSSL's own PBKDF2 copies contexts and takes twice the time, since 3.0 even more.
 *
 * On x86-64 processors with SHA extensions the block function of SHA-256 is compiled into the loop (pbkdf2_sha_ni.h):
 * its rounds wait for each other, and two passwords that are hashed in turn take hardly longer than one. The caller
 * compares its results with OpenSSL's before it uses it.
 *
 * It blocks the calling thread and allocates nothing. Everything derived from the password except the result is wiped
 * before it returns.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <tmmintrin.h>
#endif

#include "export.h"

#define BLOCK 64
#define WORDS_MAX 8
#define INNER_PAD 0x36
#define OUTER_PAD 0x5c

/* SHA256_CTX and SHA_CTX of <openssl/sha.h>, unchanged since 1.0. What follows the state is private to OpenSSL. */
struct context {
    uint32_t state[WORDS_MAX]; /* SHA-1 has five words, and its other members follow them */
    uint32_t rest[32];         /* more than either needs */
};

struct digest;

/* Iterations from the second on: starts with the block of the first and adds to total, both in the order of octets. */
typedef void loop(const struct digest *digest, struct context *context, const uint32_t *inner, const uint32_t *outer,
                  unsigned char *block, uint32_t *total, uint32_t iterations);

static loop loop_8, loop_5;

struct digest {
    const char *name;
    loop *iterate;
    unsigned words;
    const char *symbols[4];
    int (*init)(struct context *);
    int (*update)(struct context *, const void *, size_t);
    int (*final)(unsigned char *, struct context *);
    void (*transform)(struct context *, const unsigned char *);
};

static struct digest digests[] = {
    {.name = "sha256", .iterate = loop_8, .words = 8, .symbols = {"SHA256_Init", "SHA256_Update", "SHA256_Final", "SHA256_Transform"}},
    {.name = "sha1", .iterate = loop_5, .words = 5, .symbols = {"SHA1_Init", "SHA1_Update", "SHA1_Final", "SHA1_Transform"}},
};

/* POSIX guarantees that pointers to objects and functions have one size; C does not. */
static bool find(void *function, const char *symbol)
{
    void *address = dlsym(RTLD_DEFAULT, symbol);
    memcpy(function, &address, sizeof address);
    return address != NULL;
}

static bool find_all(struct digest *digest)
{
    return find(&digest->init, digest->symbols[0]) && find(&digest->update, digest->symbols[1])
        && find(&digest->final, digest->symbols[2]) && find(&digest->transform, digest->symbols[3]);
}

/* Once for all threads that load this addon. */
static pthread_once_t search = PTHREAD_ONCE_INIT;
static bool found;

static void search_all(void)
{
    found = true;
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) found = found && find_all(&digests[i]);
}

static void store(unsigned char *octets, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        uint32_t word = __builtin_bswap32(words[i]);
        if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__) word = words[i];
        memcpy(octets + i * sizeof word, &word, sizeof word);
    }
}

/* The second block of either hash of an HMAC over a message as long as the digest: padding and length are constant. */
static void prepare(unsigned char block[BLOCK], size_t digest_octets)
{
    const size_t bits = (BLOCK + digest_octets) * 8;
    memset(block, 0, BLOCK);
    block[digest_octets] = 0x80;
    block[BLOCK - 2] = (unsigned char)(bits >> 8);
    block[BLOCK - 1] = (unsigned char)bits;
}

/* The state after a key block. */
static void absorb(const struct digest *digest, uint32_t state[WORDS_MAX], const unsigned char key[BLOCK], int pad)
{
    unsigned char block[BLOCK];
    struct context context;
    for (unsigned i = 0; i < BLOCK; i++) block[i] = (unsigned char)(key[i] ^ pad);
    digest->init(&context);
    digest->transform(&context, block);
    memcpy(state, context.state, digest->words * sizeof *state);
    explicit_bzero(&context, sizeof context);
    explicit_bzero(block, sizeof block);
}

/* U1: the HMAC of salt and block number. The salt has any length, so OpenSSL does the buffering. */
static void first(const struct digest *digest, const unsigned char key[BLOCK], const unsigned char *salt,
                  size_t salt_octets, uint32_t number, unsigned char *result)
{
    const size_t octets = digest->words * sizeof(uint32_t);
    unsigned char pad[BLOCK], last[sizeof number];
    struct context context;
    store(last, &number, 1);
    for (unsigned i = 0; i < BLOCK; i++) pad[i] = (unsigned char)(key[i] ^ INNER_PAD);
    digest->init(&context);
    digest->update(&context, pad, BLOCK);
    digest->update(&context, salt, salt_octets);
    digest->update(&context, last, sizeof last);
    digest->final(result, &context);
    for (unsigned i = 0; i < BLOCK; i++) pad[i] = (unsigned char)(key[i] ^ OUTER_PAD);
    digest->init(&context);
    digest->update(&context, pad, BLOCK);
    digest->update(&context, result, octets);
    digest->final(result, &context);
    explicit_bzero(&context, sizeof context);
    explicit_bzero(pad, sizeof pad);
}

/*
 * The loop itself, once per digest and per function that stores words as octets. It is a tenth faster if the number of
 * words is known and the octets are stored by sixteens, as the block function loads them.
 */
#define LOOP(name, words, store_words)                                                                                 \
    static void name(const struct digest *digest, struct context *context, const uint32_t *inner,                      \
                     const uint32_t *outer, unsigned char *block, uint32_t *total, uint32_t iterations)                 \
    {                                                                                                                  \
        for (uint32_t i = 1; i < iterations; i++) {                                                                    \
            uint32_t each[words];                                                                                      \
            memcpy(context->state, inner, sizeof each);                                                                \
            digest->transform(context, block);                                                                         \
            store_words(block, context->state, words);                                                                 \
            memcpy(context->state, outer, sizeof each);                                                                \
            digest->transform(context, block);                                                                         \
            store_words(block, context->state, words);                                                                 \
            memcpy(each, block, sizeof each);                                                                          \
            for (unsigned word = 0; word < words; word++) total[word] ^= each[word];                                   \
            /* Nothing is left on the stack. */                                                                               \
            if (i + 1 == iterations) explicit_bzero(each, sizeof each);                                                \
        }                                                                                                              \
    }

LOOP(plain_loop_8, 8, store)
LOOP(plain_loop_5, 5, store)

#if defined(__x86_64__)
/* The fifth word of SHA-1 is stored by itself. */
__attribute__((target("ssse3"))) static inline void store_by_16(unsigned char *octets, const uint32_t *words,
                                                                unsigned count)
{
    const __m128i swapped = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    unsigned at = 0;
    for (; at + 4 <= count; at += 4) {
        __m128i four = _mm_loadu_si128((const __m128i *)(const void *)(words + at));
        _mm_storeu_si128((__m128i *)(void *)(octets + at * sizeof *words), _mm_shuffle_epi8(four, swapped));
    }
    store(octets + at * sizeof *words, words + at, count - at);
}

__attribute__((target("ssse3"))) LOOP(quick_loop_8, 8, store_by_16)
__attribute__((target("ssse3"))) LOOP(quick_loop_5, 5, store_by_16)
#define CHOOSE(quick, plain) (__builtin_cpu_supports("ssse3") ? quick : plain)
#else
#define CHOOSE(quick, plain) plain
#endif

#include "pbkdf2_sha_ni.h"

/* Whether the extensions of the processor are used; all threads decide alike. */
static atomic_bool accelerated;
/* Set for ever when they computed something wrong: no thread tries them again while others compute. */
static atomic_bool condemned;

static void loop_8(const struct digest *digest, struct context *context, const uint32_t *inner, const uint32_t *outer,
                   unsigned char *block, uint32_t *total, uint32_t iterations)
{
    if (accelerated) {
        struct stream stream = {inner, outer, block, total};
        sha_ni_loop_1(&stream, iterations);
        return;
    }
    CHOOSE(quick_loop_8, plain_loop_8)(digest, context, inner, outer, block, total, iterations);
}

static void loop_5(const struct digest *digest, struct context *context, const uint32_t *inner, const uint32_t *outer,
                   unsigned char *block, uint32_t *total, uint32_t iterations)
{
    CHOOSE(quick_loop_5, plain_loop_5)(digest, context, inner, outer, block, total, iterations);
}

/* One password on its way: everything that an iteration needs. */
struct job {
    const struct digest *digest;
    unsigned char key[BLOCK], block[BLOCK];
    uint32_t inner[WORDS_MAX], outer[WORDS_MAX], total[WORDS_MAX];
    struct context context;
};

static void start(struct job *job, const struct digest *digest, const unsigned char *password, size_t password_octets)
{
    memset(job, 0, sizeof *job);
    job->digest = digest;
    if (password_octets > BLOCK) {
        digest->init(&job->context);
        digest->update(&job->context, password, password_octets);
        digest->final(job->key, &job->context);
    } else if (password_octets > 0) {
        memcpy(job->key, password, password_octets);
    }
    absorb(digest, job->inner, job->key, INNER_PAD);
    absorb(digest, job->outer, job->key, OUTER_PAD);
}

/* The first iteration of a block of the result. */
static void begin(struct job *job, const unsigned char *salt, size_t salt_octets, uint32_t number)
{
    const size_t octets = job->digest->words * sizeof(uint32_t);
    prepare(job->block, octets);
    first(job->digest, job->key, salt, salt_octets, number, job->block);
    memcpy(job->total, job->block, octets);
}

/* All further iterations. */
static void go_on(struct job *job, uint32_t iterations)
{
    job->digest->iterate(job->digest, &job->context, job->inner, job->outer, job->block, job->total, iterations);
}

static void pbkdf2(const struct digest *digest, const unsigned char *password, size_t password_octets,
                   const unsigned char *salt, size_t salt_octets, uint32_t iterations, unsigned char *out,
                   size_t out_octets)
{
    const size_t octets = digest->words * sizeof(uint32_t);
    struct job job;
    start(&job, digest, password, password_octets);
    for (uint32_t number = 1; out_octets > 0; number++) {
        begin(&job, salt, salt_octets, number);
        go_on(&job, iterations);
        const size_t taken = out_octets < octets ? out_octets : octets;
        memcpy(out, job.total, taken);
        out += taken;
        out_octets -= taken;
    }
    explicit_bzero(&job, sizeof job);
}

struct octets {
    unsigned char *data;
    size_t length;
};

static bool read_octets(napi_env env, napi_value value, struct octets *octets)
{
    napi_typedarray_type type;
    void *data;
    bool is_array = false;
    if (napi_is_typedarray(env, value, &is_array) != napi_ok || !is_array) return false;
    if (napi_get_typedarray_info(env, value, &type, &octets->length, &data, NULL, NULL) != napi_ok) return false;
    octets->data = data;
    return type == napi_uint8_array;
}

static napi_value refuse(napi_env env, const char *message)
{
    napi_throw_type_error(env, NULL, message);
    return NULL;
}

/*
 * pbkdf2(digest, password, salt, iterations, result): fills result.
 * digest is an index of `digests`; password, salt and result are Uint8Arrays; iterations is at least 1.
 */
static napi_value call(napi_env env, napi_callback_info info)
{
    napi_value arguments[5];
    size_t count = 5;
    uint32_t which, iterations;
    struct octets password, salt, result;
    if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count != 5)
        return refuse(env, "pbkdf2 takes a digest, a password, a salt, iterations and a result");
    if (napi_get_value_uint32(env, arguments[0], &which) != napi_ok || which >= sizeof digests / sizeof *digests)
        return refuse(env, "unknown digest");
    if (!read_octets(env, arguments[1], &password) || !read_octets(env, arguments[2], &salt)
        || !read_octets(env, arguments[4], &result))
        return refuse(env, "password, salt and result must be Uint8Arrays");
    if (napi_get_value_uint32(env, arguments[3], &iterations) != napi_ok || iterations == 0)
        return refuse(env, "iterations must be a number of at least 1");
    pbkdf2(&digests[which], password.data, password.length, salt.data, salt.length, iterations, result.data,
           result.length);
    return NULL;
}

/* The arguments of one of two passwords. */
struct argument {
    struct octets password, salt, result;
    uint32_t iterations;
};

static bool read_argument(napi_env env, const napi_value values[4], struct argument *argument)
{
    return read_octets(env, values[0], &argument->password) && read_octets(env, values[1], &argument->salt)
        && napi_get_value_uint32(env, values[2], &argument->iterations) == napi_ok && argument->iterations > 0
        && read_octets(env, values[3], &argument->result)
        && argument->result.length == digests[0].words * sizeof(uint32_t);
}

/*
 * pair(password, salt, iterations, result, password, salt, iterations, result): PBKDF2-SHA-256 of two passwords, each
 * with a result of 32 octets. They are hashed in turn where that is faster, until the one with fewer iterations is done.
 */
static napi_value pair(napi_env env, napi_callback_info info)
{
    napi_value values[8];
    size_t count = 8;
    struct argument arguments[2];
    struct job jobs[2];
    if (napi_get_cb_info(env, info, &count, values, NULL, NULL) != napi_ok || count != 8
        || !read_argument(env, values, &arguments[0]) || !read_argument(env, values + 4, &arguments[1]))
        return refuse(env, "pair takes twice a password, a salt, iterations and a result of 32 octets");
    for (unsigned i = 0; i < 2; i++) {
        start(&jobs[i], &digests[0], arguments[i].password.data, arguments[i].password.length);
        begin(&jobs[i], arguments[i].salt.data, arguments[i].salt.length, 1);
    }
    uint32_t both = 1;
    if (accelerated) {
        struct stream streams[2];
        for (unsigned i = 0; i < 2; i++)
            streams[i] = (struct stream){jobs[i].inner, jobs[i].outer, jobs[i].block, jobs[i].total};
        both = arguments[0].iterations < arguments[1].iterations ? arguments[0].iterations : arguments[1].iterations;
        sha_ni_loop_2(streams, both);
    }
    for (unsigned i = 0; i < 2; i++) {
        go_on(&jobs[i], arguments[i].iterations - both + 1);
        memcpy(arguments[i].result.data, jobs[i].total, arguments[i].result.length);
    }
    explicit_bzero(jobs, sizeof jobs);
    return NULL;
}

/* accelerate(wanted): whether the extensions of the processor are used from now on. */
static napi_value accelerate(napi_env env, napi_callback_info info)
{
    napi_value wanted, answer;
    size_t count = 1;
    bool value = false;
    if (napi_get_cb_info(env, info, &count, &wanted, NULL, NULL) != napi_ok || count != 1
        || napi_get_value_bool(env, wanted, &value) != napi_ok)
        return refuse(env, "accelerate takes a boolean");
    accelerated = value && !condemned && has_sha_ni();
    return napi_get_boolean(env, accelerated, &answer) == napi_ok ? answer : NULL;
}

/* condemn(): the extensions compute something wrong here; `accelerate` turns them on no more. */
static napi_value condemn(napi_env env, napi_callback_info info)
{
    (void)env, (void)info;
    condemned = true;
    accelerated = false;
    return NULL;
}

/* Called in each thread that loads this addon. */
NAPI_MODULE_INIT()
{
    pthread_once(&search, search_all);
    if (!found) {
        napi_throw_error(env, NULL, "this node program does not export OpenSSL's hash functions");
        return NULL;
    }
    if (!export_function(env, exports, "pbkdf2", call) || !export_function(env, exports, "pair", pair)
        || !export_function(env, exports, "accelerate", accelerate) || !export_function(env, exports, "condemn", condemn))
        return NULL;
    return exports;
}
