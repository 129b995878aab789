/*
 * leases.c: grants that may be used again for a moment (DjangoAuthLeases).
 *
 * The daemon says with a grant for how long it would itself give the same answer from what it has just read, and this file
 * takes it at its word: until then, counted from before the question was sent, and while the daemon has forgotten nothing
 * since (epoch.c), the same question has the same answer. There is no other reason for which a lease is kept or used, and
 * nothing but a grant ever is one.
 */
#include "mod_authnz_django.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apr_strings.h"
#include "lib/connection.h"
#include "lib/limits.h"
#include "mac.h"

APLOG_USE_MODULE(authnz_django);

/* For how long a daemon that knows no leases is not offered any. */
#define OLD_DAEMON_NS (60 * INT64_C(1000000000))

/* Set by the parent process before it has children, which inherit it. NULL: no leases. */
static django_lease_table *table;

/* ---- the parent process ---- */

/* The pool is also destroyed in a child that exits, where other threads may still be at work. */
static apr_status_t forget(void *creator)
{
    if (getpid() == *(pid_t *)creator) {
        django_lease_table_free(table);
        table = NULL;
        django_mac_forget();
    }
    return APR_SUCCESS;
}

void django_leases_prepare(apr_pool_t *configuration, server_rec *server)
{
    pid_t *creator = apr_palloc(configuration, sizeof(*creator));
    int entries = django_server_of(server)->leases;

    *creator = getpid();
    apr_pool_cleanup_register(configuration, creator, forget, apr_pool_cleanup_null);
    if (django_mac_prepare() != 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, server,
                     "DjangoAuthLeases: no leases, as libcrypto has no random octets or no HMAC-SHA-256");
        return;
    }
    if (entries > 0 && (table = django_lease_table_make((size_t)entries)) == NULL) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, server, "DjangoAuthLeases: no leases, as there is no shared memory");
    }
}

/* ---- a child process ---- */

/* It is never closed: a child may end while threads of it still read it. */
static django_epoch *open_epoch(apr_pool_t *child, const char *socket)
{
    django_epoch *epoch = apr_palloc(child, sizeof(*epoch));

    if (django_epoch_open(epoch, socket, apr_pstrcat(child, socket, DJANGO_EPOCH_SUFFIX, NULL)) != 0) {
        return NULL;
    }
    return epoch;
}

void django_leases_prepare_child(apr_pool_t *child, server_rec *server)
{
    server_rec *next;

    for (next = server; table != NULL && next != NULL; next = next->next) {
        const char *socket = django_socket_of(next);
        const server_rec *earlier = server;

        while (earlier != next && strcmp(django_socket_of(earlier), socket) != 0) {
            earlier = earlier->next;
        }
        django_server_of(next)->epoch = earlier != next ? django_server_of(earlier)->epoch : open_epoch(child, socket);
    }
}

/* ---- a question ---- */

static void add_text(django_mac *mac, const char *text)
{
    django_mac_add(mac, text, text != NULL ? strlen(text) : 0);
}

static void add_names(django_mac *mac, const char *const *names, size_t count)
{
    size_t i;

    django_mac_add_number(mac, count);
    for (i = 0; i < count; i++) {
        add_text(mac, names[i]);
    }
}

int django_question_key(const django_question *question, unsigned char key[DJANGO_LEASE_KEY_OCTETS])
{
    const django_requirements *requirements = question->requirements;
    django_mac mac;

    if (django_mac_begin(&mac) != 0) {
        return -1;
    }
    add_text(&mac, "question");
    add_text(&mac, question->socket);
    add_text(&mac, requirements->site);
    add_text(&mac, question->user);
    add_text(&mac, question->password);
    django_mac_add_number(&mac, requirements->staff != 0);
    django_mac_add_number(&mac, requirements->superuser != 0);
    add_names(&mac, requirements->permissions, requirements->permissions_count);
    add_names(&mac, requirements->groups, requirements->groups_count);
    return django_mac_end(&mac, key);
}

/* The name of the counter of uses for this socket and site. Returns 0, or -1. */
static int name_counter(const django_question *question, unsigned char name[DJANGO_LEASE_KEY_OCTETS])
{
    django_mac mac;

    if (django_mac_begin(&mac) != 0) {
        return -1;
    }
    add_text(&mac, "site");
    add_text(&mac, question->socket);
    add_text(&mac, question->requirements->site);
    return django_mac_end(&mac, name);
}

const django_account *django_lease_find(request_rec *r, const unsigned char key[DJANGO_LEASE_KEY_OCTETS],
                                        apr_pool_t *pool)
{
    const django_epoch *epoch = django_server_of(r->server)->epoch;
    django_lease lease;

    if (table == NULL || epoch == NULL || !django_lease_get(table, key, epoch->mapped, &lease)) {
        return NULL;
    }
    return django_account_unpack(pool, lease.content, lease.length);
}

void django_lease_begin(request_rec *r, const django_question *question, djauth_question *asked,
                        django_lease_request *wanted)
{
    const django_epoch *epoch = django_server_of(r->server)->epoch;

    wanted->started = django_lease_clock();
    /* What is too long for an account is denied without asking the daemon, which so would not learn the number of uses. */
    if (table == NULL || epoch == NULL || asked->username_length > DJAUTH_USERNAME_MAX
        || asked->password_length > DJAUTH_PASSWORD_MAX
        || wanted->started < __atomic_load_n(&epoch->none_until, __ATOMIC_RELAXED)
        || name_counter(question, wanted->counter_name) != 0) {
        return;
    }
    wanted->is_wanted = 1;
    wanted->counter = django_lease_counter(table, wanted->counter_name, 0);
    wanted->uses = wanted->counter >= 0 ? django_lease_counter_take(table, wanted->counter) : 0;
    asked->want_lease = 1;
    asked->leased = wanted->uses;
}

void django_lease_unknown(request_rec *r)
{
    django_epoch *epoch = django_server_of(r->server)->epoch;

    __atomic_store_n(&epoch->none_until, django_lease_clock() + OLD_DAEMON_NS, __ATOMIC_RELAXED);
}

static void keep(const django_lease_request *wanted, int counter, const djauth_answer *answer,
                 const django_account *account, const unsigned char *key)
{
    django_lease lease;

    lease.epoch = answer->lease_epoch;
    lease.expires = wanted->started + (int64_t)answer->lease_ms * 1000000;
    lease.counter = (unsigned)counter;
    lease.length = django_account_pack(account, lease.content, sizeof(lease.content));
    if (lease.length > 0) {
        django_lease_put(table, key, &lease);
    }
}

void django_lease_end(request_rec *r, const django_lease_request *wanted, const djauth *handle,
                      const djauth_question *asked, const djauth_answer *answer, const django_account *account,
                      const unsigned char *key)
{
    django_epoch *epoch = django_server_of(r->server)->epoch;
    int counter;
    int error;

    if (!wanted->is_wanted) {
        return;
    }
    /* The library keeps the connection of a question that the daemon has answered, and of no other. */
    if (handle == NULL || handle->fd < 0 || !asked->want_lease || answer->status == DJAUTH_BAD_REQUEST) {
        if (wanted->counter >= 0) {
            django_lease_counter_give(table, wanted->counter, wanted->uses);
        }
        return;
    }
    if (account == NULL || answer->lease_ms == 0) {
        return;
    }
    /* Only now: a site that no daemon knows, which the author of a .htaccess may name, has no counter. */
    counter = django_lease_counter(table, wanted->counter_name, 1);
    if (counter < 0) {
        return;
    }
    if (django_epoch_is(epoch, answer->lease_epoch, &error)) {
        keep(wanted, counter, answer, account, key);
    } else if (error != 0 && django_lease_counter_is_new(table, counter)) {
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, error, r,
                      "DjangoAuthLeases: no leases, as %s cannot be mapped: djauthd is asked for every request", epoch->file);
    }
}

int django_leases_figures(django_lease_figures *figures)
{
    if (table == NULL) {
        return 0;
    }
    django_lease_table_figures(table, figures);
    return 1;
}
