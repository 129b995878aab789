/* account.c: the account of a grant, copied out of the daemon's answer and made safe for headers. */
#include "mod_authnz_django.h"

#include "apr_strings.h"

static int is_control(unsigned char octet)
{
    return octet < ' ' || octet == 0x7f;
}

static int is_digit(char character)
{
    return (character >= '0' && character <= '9') || (character >= 'A' && character <= 'F');
}

/* Whether the text begins like an octet that escape() writes. */
static int looks_escaped(const char *text)
{
    return text[0] == '%' && is_digit(text[1]) && is_digit(text[2]);
}

static char *escape(char *end, unsigned char octet)
{
    static const char digits[] = "0123456789ABCDEF";

    *end++ = '%';
    *end++ = digits[octet >> 4];
    *end++ = digits[octet & 15];
    return end;
}

/*
 * Control characters are escaped: users choose their names themselves, and a line feed would begin another header. What
 * looks like an escaped octet is escaped too, so that different texts stay different; ordinary names are not changed.
 */
const char *django_escape(apr_pool_t *pool, const char *text)
{
    char *copy = apr_palloc(pool, 3 * strlen(text) + 1);
    char *end = copy;

    for (; *text != '\0'; text++) {
        if (is_control((unsigned char)*text) || looks_escaped(text)) {
            end = escape(end, (unsigned char)*text);
        } else {
            *end++ = *text;
        }
    }
    *end = '\0';
    return copy;
}

/* Joins the names with commas, so that splitting at the commas gives exactly these names. */
static const char *join(apr_pool_t *pool, const char *const *names, size_t count)
{
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
                end = escape(end, octet);
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

    account->id = django_escape(pool, answer->id);
    account->username = django_escape(pool, answer->username);
    account->spelling = apr_pstrdup(pool, answer->username);
    account->email = django_escape(pool, answer->email);
    account->first_name = django_escape(pool, answer->first_name);
    account->last_name = django_escape(pool, answer->last_name);
    account->groups = answer->groups_omitted ? NULL : join(pool, answer->groups, answer->groups_count);
    account->is_staff = answer->is_staff;
    account->is_superuser = answer->is_superuser;
    return account;
}
