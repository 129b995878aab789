/*
 * reply_fuzz.c: whatever a daemon might send. Never a crash; granted only with a complete account, all of it UTF-8.
 * The first octet chooses the operation, the rest is the body.
 */
#include "lib/value.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size);

/* The length of a text that has to be there, be UTF-8, and lie in what the library made room for. */
static size_t checked(const char *text_of_it, const djauth_octets *in)
{
    size_t length;

    if (text_of_it == NULL || (const unsigned char *)text_of_it < in->at
        || (const unsigned char *)text_of_it >= in->at + in->length) {
        abort();
    }
    length = strlen(text_of_it);
    if (!djauth_is_utf8((const unsigned char *)text_of_it, length)) {
        abort();
    }
    return length;
}

static size_t checked_list(const char *const *list, size_t count, const djauth_octets *in)
{
    size_t sum = 0;
    size_t i;

    if ((list == NULL) != (count == 0)) {
        abort();
    }
    for (i = 0; i < count; i++) {
        sum += checked(list[i], in);
    }
    return sum;
}

static void check_answer(const djauth_answer *a, djauth_operation operation, const djauth_octets *in, size_t size)
{
    size_t sum;

    if (a->status == DJAUTH_GRANTED && operation == DJAUTH_STATUS) {
        sum = checked(a->page_type, in) + checked(a->page, in);
    } else if (a->status != DJAUTH_GRANTED || operation == DJAUTH_PING) {
        sum = checked(a->reason, in);
        if ((a->status == DJAUTH_BUSY) != (a->retry_after > 0) || a->username != NULL || a->groups_count > 0) {
            abort();
        }
    } else {
        sum = checked(a->id, in) + checked(a->username, in) + checked(a->email, in) + checked(a->first_name, in)
              + checked(a->last_name, in) + checked_list(a->groups, a->groups_count, in)
              + checked_list(a->permissions, a->permissions_count, in);
        if ((a->is_staff != 0 && a->is_staff != 1) || (a->is_superuser != 0 && a->is_superuser != 1)) {
            abort();
        }
    }
    if (sum > size) {
        abort(); /* texts from elsewhere */
    }
}

static void check_page(const djauth_groups_page *page, const djauth_octets *in, size_t size)
{
    size_t sum = 0;
    size_t i;

    if (page->status != DJAUTH_GRANTED) {
        sum = checked(page->reason, in);
        if ((page->status == DJAUTH_BUSY) != (page->retry_after > 0) || page->groups != NULL || page->next != NULL) {
            abort();
        }
    } else {
        sum = page->next != NULL ? checked(page->next, in) : 0;
        if ((page->groups == NULL) != (page->groups_count == 0)) {
            abort();
        }
        for (i = 0; i < page->groups_count; i++) {
            const djauth_group *group = &page->groups[i];
            sum += checked(group->name, in) + checked_list(group->members, group->members_count, in);
        }
    }
    if (sum > size) {
        abort(); /* texts from elsewhere */
    }
}

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t size)
{
    static const uint32_t ids[] = {1, 2, 3, 7, 8, 9, 10, 11, 256, 70000, 4294967295U};
    djauth_octets into = {0};
    djauth_answer answer;
    djauth_groups_page page;
    djauth_operation operation;
    int answered = 0;
    size_t i;

    if (size < 1) {
        return 0;
    }
    operation = (djauth_operation)(input[0] % 5);
    for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        /* Nothing that was there before may pass for something that was read. */
        memset(&page, 0, sizeof(page));
        memset(&answer, 0, sizeof(answer));
        page.status = answer.status = (djauth_status)77;
        answer.is_staff = answer.is_superuser = 77;
        if (operation == DJAUTH_GROUPS) {
            if (djauth_wire_decode_groups(input + 1, size - 1, ids[i], &into, &page) == NULL) {
                answered++;
                check_page(&page, &into, size);
            }
        } else if (djauth_wire_decode(input + 1, size - 1, ids[i], operation, &into, &answer) == NULL) {
            answered++;
            check_answer(&answer, operation, &into, size);
        }
    }
    if (answered > 1) {
        abort(); /* one reply, one question */
    }
    djauth_octets_free(&into);
    return 0;
}
