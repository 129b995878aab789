/*
 * sha256: for each number of blocks on standard input, prints how many seconds libcrypto's SHA-256 takes for that many,
 * called block by block (SHA256_Transform) and all at once. The lower value is the time of the block function alone, the
 * lower limit of PBKDF2.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK_BLOCKS 128 /* stays in the first-level cache */

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(void)
{
    static unsigned char chunk[CHUNK_BLOCKS * SHA256_CBLOCK];
    char line[64];
    memset(chunk, 'x', sizeof chunk);
    while (fgets(line, sizeof line, stdin) != NULL) {
        long blocks = atol(line);
        SHA256_CTX context;
        SHA256_Init(&context);
        double start = now();
        for (long i = 0; i < blocks; i++) SHA256_Transform(&context, chunk);
        double one_by_one = now() - start;

        SHA256_Init(&context);
        start = now();
        for (long i = 0; i < blocks; i += CHUNK_BLOCKS) SHA256_Update(&context, chunk, sizeof chunk);
        double at_once = now() - start;
        printf("{\"one_by_one\": %.6f, \"at_once\": %.6f, \"state\": %u}\n", one_by_one, at_once, (unsigned)context.h[0]);
        fflush(stdout);
    }
    return 0;
}
