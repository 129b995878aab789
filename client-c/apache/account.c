/* account.c: the account of a grant, copied out of the daemon's answer and made safe for headers. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

static int is_control(unsigned char octet)
{
    return octet < ' ' || octet == 0x7f;
}

/* Replaces control characters: users choose their names themselves, and a line feed would begin another header. */
static const char *copy_text(apr_pool_t *pool, const char *text)
{
    char *copy = apr_pstrdup(pool, text);
    char *next;

    for (next = copy; *next != '\0'; next++) {
        if (is_control((unsigned char)*next)) {
            *next = ' ';
        }
    }
    return copy;
}

/* Joins the names with commas, so that splitting at the commas gives exactly these names. */
static const char *join(apr_pool_t *pool, const char *const *names, size_t count)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t capacity = 1;
    size_t i;
    char *joined;
    char *end;

    for (i = 0; i < count; i++) {
        capacity += 3 * strlen(names[i]) + 1;
    }
    joined = end = apr_palloc(pool, capacity);
    for (i = 0; i < count; i++) {
        const char *next;

        if (i > 0) {
            *end++ = ',';
        }
        for (next = names[i]; *next != '\0'; next++) {
            unsigned char octet = (unsigned char)*next;

            if (is_control(octet) || octet == ',' || octet == '%') {
                *end++ = '%';
                *end++ = digits[octet >> 4];
                *end++ = digits[octet & 15];
            } else {
                *end++ = *next;
            }
        }
    }
    *end = '\0';
    return joined;
}

const django_account *django_account_copy(apr_pool_t *pool, const djauth_answer *answer)
{
    django_account *account = apr_palloc(pool, sizeof(*account));

    account->id = copy_text(pool, answer->id);
    account->username = copy_text(pool, answer->username);
    account->email = copy_text(pool, answer->email);
    account->first_name = copy_text(pool, answer->first_name);
    account->last_name = copy_text(pool, answer->last_name);
    account->groups = answer->groups_omitted ? NULL : join(pool, answer->groups, answer->groups_count);
    account->is_staff = answer->is_staff;
    account->is_superuser = answer->is_superuser;
    return account;
}
