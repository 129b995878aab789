/*
 * reply_fuzz.c: whatever a daemon sends, the library never crashes, and grants only with a complete answer, all of it UTF-8.
 * The first octet of the input chooses the operation, the rest is the body.
 */
#include "lib/utf8.h"
#include "lib/wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

/* The length of a text, which must be present, be UTF-8 and lie in the memory that was reserved for texts. */
static size_t check_text(const char *text, const djauth_octets *texts)
{
    size_t length;

    if (text == NULL || (const unsigned char *)text < texts->data
        || (const unsigned char *)text >= texts->data + texts->length) {
        abort();
    }
    length = strlen(text);
    if (!djauth_is_utf8(text, length)) {
        abort();
    }
    return length;
}

static size_t check_list(const char *const *list, size_t count, const djauth_octets *texts)
{
    size_t sum = 0;
    size_t i;

    if ((list == NULL) != (count == 0)) {
        abort();
    }
    for (i = 0; i < count; i++) {
        sum += check_text(list[i], texts);
    }
    return sum;
}

static size_t check_answer(const djauth_answer *answer, const djauth_octets *texts)
{
    if ((answer->is_staff != 0 && answer->is_staff != 1) || (answer->is_superuser != 0 && answer->is_superuser != 1)) {
        abort();
    }
    /* An epoch without a lease, or a number that no daemon may send. */
    if ((answer->lease_ms == 0 && answer->lease_epoch != 0) || answer->lease_epoch > (UINT64_C(1) << 53) - 1) {
        abort();
    }
    return check_text(answer->id, texts) + check_text(answer->username, texts) + check_text(answer->email, texts)
           + check_text(answer->first_name, texts) + check_text(answer->last_name, texts)
           + check_list(answer->groups, answer->groups_count, texts)
           + check_list(answer->permissions, answer->permissions_count, texts);
}

static size_t check_groups(const djauth_groups_page *page, const djauth_octets *texts)
{
    size_t sum = page->next != NULL ? check_text(page->next, texts) : 0;
    size_t i;

    if ((page->groups == NULL) != (page->groups_count == 0)) {
        abort();
    }
    for (i = 0; i < page->groups_count; i++) {
        const djauth_group *group = &page->groups[i];

        sum += check_text(group->name, texts) + check_list(group->members, group->members_count, texts);
    }
    return sum;
}

/* Returns the length of all texts. */
static size_t check_reply(djauth_operation operation, const djauth_reply *reply, const djauth_octets *texts)
{
    if (reply->status != DJAUTH_GRANTED) {
        if ((reply->status == DJAUTH_BUSY) != (reply->retry_after > 0)) {
            abort();
        }
        return check_text(reply->reason, texts);
    }
    switch (operation) {
    case DJAUTH_OPERATION_CHECK:
    case DJAUTH_OPERATION_AUTHORIZE:
        return check_answer(&reply->granted.answer, texts);
    case DJAUTH_OPERATION_PING:
        return check_text(reply->granted.server.name, texts);
    case DJAUTH_OPERATION_GROUPS:
        return check_groups(&reply->granted.groups, texts);
    case DJAUTH_OPERATION_STATUS:
        return check_text(reply->granted.page.media_type, texts) + check_text(reply->granted.page.body, texts);
    }
    abort();
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    static const uint32_t ids[] = {1, 2, 3, 7, 8, 9, 10, 11, 256, 70000, 4294967295U};
    djauth_octets texts = {0};
    djauth_request request = {0};
    int answered = 0;
    size_t i;

    if (size < 1) {
        return 0;
    }
    request.operation = (djauth_operation)(input[0] % 5);
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        djauth_reply reply;

        /* What was in the memory before must not pass for something that was read. */
        memset(&reply, 77, sizeof(reply));
        reply.retry_after = 0;
        request.id = ids[i];
        if (djauth_decode(&request, input + 1, size - 1, &texts, &reply) == NULL) {
            answered++;
            if (check_reply(request.operation, &reply, &texts) > size) {
                abort(); /* texts from elsewhere */
            }
        }
    }
    if (answered > 1) {
        abort(); /* a reply has one id */
    }
    djauth_octets_free(&texts);
    return 0;
}
