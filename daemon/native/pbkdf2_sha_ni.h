/*
 * The iterations of PBKDF2-SHA-256 by the SHA extensions of x86-64, for one password or two at a time. Included by
 * pbkdf2.c only.
 *
 * Each round needs the result of the one before it, and the processor could begin two in that time: the rounds of a
 * second password fill the gaps. Three do no better. What is hashed is always a digest with constant padding, so words
 * stay words, and no octets are swapped between two blocks.
 */
struct stream {
    /* The states after the two key blocks. */
    const uint32_t *inner, *outer;
    /* The digest of the former iteration, in the order of octets, and, when the loop is over, of the last one. */
    unsigned char *block;
    /* The sum of all digests, in the order of octets. */
    uint32_t *total;
};

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>
#include <immintrin.h>

#define SHA_NI __attribute__((target("sha,sse4.1,ssse3")))
#define UNROLL _Pragma("GCC unroll 16")

static const uint32_t round_keys[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01,
    0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc,
    0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08,
    0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The eight words of a state: a b e f and c d g h, as the instructions want them. */
struct state {
    __m128i abef, cdgh;
};

SHA_NI static inline __attribute__((always_inline)) struct state state_of(__m128i abcd, __m128i efgh)
{
    const __m128i low = _mm_shuffle_epi32(abcd, 0xb1), high = _mm_shuffle_epi32(efgh, 0x1b);
    return (struct state){_mm_alignr_epi8(low, high, 8), _mm_blend_epi16(high, low, 0xf0)};
}

SHA_NI static inline __attribute__((always_inline)) void words_of(struct state state, __m128i words[2])
{
    const __m128i low = _mm_shuffle_epi32(state.abef, 0x1b), high = _mm_shuffle_epi32(state.cdgh, 0xb1);
    words[0] = _mm_blend_epi16(low, high, 0xf0);
    words[1] = _mm_alignr_epi8(high, low, 8);
}

/* The block function on a digest and its padding, for each of `count` streams. */
SHA_NI static inline __attribute__((always_inline)) void compress(const struct state *from, __m128i (*digest)[2],
                                                                  const int count)
{
    __m128i words[2][4];
    struct state state[2];
    UNROLL for (int i = 0; i < count; i++) {
        words[i][0] = digest[i][0];
        words[i][1] = digest[i][1];
        words[i][2] = _mm_set_epi32(0, 0, 0, (int)0x80000000);
        words[i][3] = _mm_set_epi32((BLOCK + 32) * 8, 0, 0, 0);
        state[i] = from[i];
    }
    UNROLL for (int group = 0; group < 16; group++) {
        const __m128i keys = _mm_load_si128((const __m128i *)(const void *)(round_keys + 4 * group));
        UNROLL for (int i = 0; i < count; i++) {
            __m128i *const word = words[i], now = word[group & 3];
            __m128i sum = _mm_add_epi32(now, keys);
            state[i].cdgh = _mm_sha256rnds2_epu32(state[i].cdgh, state[i].abef, sum);
            sum = _mm_shuffle_epi32(sum, 0x0e);
            state[i].abef = _mm_sha256rnds2_epu32(state[i].abef, state[i].cdgh, sum);
            if (group >= 12) continue;
            /* The words of four groups later take the place of these. */
            const __m128i next = word[(group + 1) & 3], last = word[(group + 3) & 3], before = word[(group + 2) & 3];
            word[group & 3] = _mm_sha256msg2_epu32(
                _mm_add_epi32(_mm_sha256msg1_epu32(now, next), _mm_alignr_epi8(last, before, 4)), last);
        }
    }
    UNROLL for (int i = 0; i < count; i++) {
        state[i].abef = _mm_add_epi32(state[i].abef, from[i].abef);
        state[i].cdgh = _mm_add_epi32(state[i].cdgh, from[i].cdgh);
        words_of(state[i], digest[i]);
    }
}

SHA_NI static inline __attribute__((always_inline)) __m128i load(const void *from)
{
    return _mm_loadu_si128((const __m128i *)from);
}

SHA_NI static inline __attribute__((always_inline)) void sha_ni_loop(const struct stream *streams, uint32_t iterations,
                                                                    const int count)
{
    const __m128i swapped = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    struct state inner[2], outer[2];
    __m128i digest[2][2], total[2][2];
    UNROLL for (int i = 0; i < count; i++) {
        const struct stream *stream = &streams[i];
        inner[i] = state_of(load(stream->inner), load(stream->inner + 4));
        outer[i] = state_of(load(stream->outer), load(stream->outer + 4));
        UNROLL for (int half = 0; half < 2; half++) {
            digest[i][half] = _mm_shuffle_epi8(load(stream->block + 16 * half), swapped);
            total[i][half] = _mm_shuffle_epi8(load(stream->total + 4 * half), swapped);
        }
    }
    for (uint32_t done = 1; done < iterations; done++) {
        compress(inner, digest, count);
        compress(outer, digest, count);
        UNROLL for (int i = 0; i < count; i++) {
            total[i][0] = _mm_xor_si128(total[i][0], digest[i][0]);
            total[i][1] = _mm_xor_si128(total[i][1], digest[i][1]);
        }
    }
    UNROLL for (int i = 0; i < count; i++) {
        const struct stream *stream = &streams[i];
        UNROLL for (int half = 0; half < 2; half++) {
            _mm_storeu_si128((__m128i *)(void *)(stream->block + 16 * half), _mm_shuffle_epi8(digest[i][half], swapped));
            _mm_storeu_si128((__m128i *)(void *)(stream->total + 4 * half), _mm_shuffle_epi8(total[i][half], swapped));
        }
    }
    /* What the compiler keeps elsewhere on the stack belongs to the last block, from which no key follows. */
    explicit_bzero(inner, sizeof inner);
    explicit_bzero(outer, sizeof outer);
    explicit_bzero(digest, sizeof digest);
    explicit_bzero(total, sizeof total);
}

SHA_NI static void sha_ni_loop_1(const struct stream *stream, uint32_t iterations)
{
    sha_ni_loop(stream, iterations, 1);
}

SHA_NI static void sha_ni_loop_2(const struct stream *streams, uint32_t iterations)
{
    sha_ni_loop(streams, iterations, 2);
}

static bool has_sha_ni(void)
{
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return false;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & (1u << 29));
}

#else
static void sha_ni_loop_1(const struct stream *stream, uint32_t iterations)
{
    (void)stream, (void)iterations;
}

static void sha_ni_loop_2(const struct stream *streams, uint32_t iterations)
{
    (void)streams, (void)iterations;
}

static bool has_sha_ni(void)
{
    return false;
}
#endif
