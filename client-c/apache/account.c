/* account.c: the account of a grant, copied out of the daemon's answer and made safe for headers, and as a lease keeps it. */
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

/* ---- as a lease keeps it: one octet, and then the texts one after the other, each with its NUL ---- */

enum { IS_STAFF = 1, IS_SUPERUSER = 2, HAS_GROUPS = 4, HAS_SPELLING = 8, TEXTS = 7 };

/* The texts that are kept. What is not, is NULL. */
static void texts_of(const django_account *account, const char *texts[TEXTS])
{
    texts[0] = account->id;
    texts[1] = account->username;
    texts[2] = account->email;
    texts[3] = account->first_name;
    texts[4] = account->last_name;
    texts[5] = account->groups;
    texts[6] = strcmp(account->spelling, account->username) != 0 ? account->spelling : NULL;
}

size_t django_account_pack(const django_account *account, unsigned char *content, size_t capacity)
{
    const char *texts[TEXTS];
    size_t length = 1;
    int i;

    texts_of(account, texts);
    for (i = 0; i < TEXTS; i++) {
        size_t octets = texts[i] != NULL ? strlen(texts[i]) + 1 : 0;

        if (octets > capacity - length) {
            return 0;
        }
        if (octets > 0) {
            memcpy(content + length, texts[i], octets);
            length += octets;
        }
    }
    content[0] = (unsigned char)((account->is_staff ? IS_STAFF : 0) | (account->is_superuser ? IS_SUPERUSER : 0)
                                 | (texts[5] != NULL ? HAS_GROUPS : 0) | (texts[6] != NULL ? HAS_SPELLING : 0));
    return length;
}

/* The next text, or NULL if the content ends before it. */
static const char *next_text(const char **rest, size_t *left)
{
    const char *text = *rest;
    const char *end = memchr(text, '\0', *left);

    if (end == NULL) {
        return NULL;
    }
    *rest = end + 1;
    *left -= (size_t)(end + 1 - text);
    return text;
}

const django_account *django_account_unpack(apr_pool_t *pool, const unsigned char *content, size_t length)
{
    django_account *account = length > 0 ? apr_palloc(pool, sizeof(*account) + length - 1) : NULL;
    const char *texts[TEXTS] = {NULL};
    const char *rest = (const char *)(account + 1);
    size_t left = length - 1;
    int i;

    if (account == NULL) {
        return NULL;
    }
    memcpy(account + 1, content + 1, left);
    for (i = 0; i < TEXTS; i++) {
        if ((i == 5 && (content[0] & HAS_GROUPS) == 0) || (i == 6 && (content[0] & HAS_SPELLING) == 0)) {
            continue;
        }
        texts[i] = next_text(&rest, &left);
        if (texts[i] == NULL) {
            return NULL;
        }
    }
    account->id = texts[0];
    account->username = texts[1];
    account->email = texts[2];
    account->first_name = texts[3];
    account->last_name = texts[4];
    account->groups = texts[5];
    account->spelling = texts[6] != NULL ? texts[6] : texts[1];
    account->is_staff = (content[0] & IS_STAFF) != 0;
    account->is_superuser = (content[0] & IS_SUPERUSER) != 0;
    return account;
}
