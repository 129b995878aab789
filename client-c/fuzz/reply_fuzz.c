/*
 * reply_fuzz.c: whatever a daemon might send. Never a crash; granted only with a complete account.
 * The first octet chooses the operation, the rest is the body.
 */
#include "djauth_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

static size_t sum_of_lengths(const djauth_answer *a)
{
    size_t sum = strlen(a->id) + strlen(a->username) + strlen(a->email) + strlen(a->first_name) + strlen(a->last_name);
    size_t i;

    for (i = 0; i < a->groups_count; i++) {
        sum += strlen(a->groups[i]);
    }
    for (i = 0; i < a->permissions_count; i++) {
        sum += strlen(a->permissions[i]);
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    static const uint32_t ids[] = {1, 2, 3, 7, 8, 9, 256, 70000, 4294967295U};
    djauth_octets texts = {0};
    djauth_answer answer;
    djauth_operation operation;
    size_t i;

    if (size < 1) {
        return 0;
    }
    operation = (djauth_operation)(input[0] % 3);
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        memset(&answer, 0, sizeof(answer));
        answer.status = DJAUTH_ERROR;
        if (djauth_wire_decode(input + 1, size - 1, ids[i], operation, &texts, &answer) != NULL) {
            continue;
        }
        if (answer.status == DJAUTH_GRANTED && operation != DJAUTH_PING && sum_of_lengths(&answer) > size) {
            abort(); /* texts from elsewhere */
        }
        if (answer.status == DJAUTH_BUSY && answer.retry_after == 0) {
            abort();
        }
        if (answer.status != DJAUTH_GRANTED && strlen(answer.reason) > size) {
            abort();
        }
    }
    djauth_octets_free(&texts);
    return 0;
}
