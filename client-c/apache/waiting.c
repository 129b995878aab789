/*
 * waiting.c: how many of the server's threads may wait for the daemon (DjangoAuthMaxWaiting).
 *
 * The daemon answers most questions within a millisecond, but a password that it has to hash takes a tenth of a second or
 * more, and longer under a flood of wrong ones. If every worker waited for such an answer, none would be left for pages
 * without a password. So a question that is not answered soon needs one of a limited number of places; if there is none,
 * it ends as busy, and its connection is closed so that the daemon forgets it.
 *
 * The places are a System V semaphore of all children together: also under prefork, where a child has one thread. The
 * kernel gives back the places of a child that dies (SEM_UNDO).
 */
#include "mod_authnz_django.h"

#include <errno.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include "ap_mpm.h"
#include "apr_atomic.h"
#include "lib/connection.h"
#include "unixd.h"

APLOG_USE_MODULE(authnz_django);

#if !HTTPD_24
#define ap_unixd_config unixd_config
#endif

/*
 * How long a question may take without a place. An answer from the daemon's memory takes less than a millisecond; what is
 * more is for a busy machine. A flood of N questions a second keeps N * 0.025 threads busy beside those with a place.
 */
#define PATIENCE_MS 25

/* Set by the parent process before it has children, which inherit them; -1 and 0: no limit. */
static int semaphore = -1;
static int places = 0;
static server_rec *main_server;

/* In a child: 1 once it has said that it cannot use the semaphore. */
static volatile apr_uint32_t useless = 0;

/* The fourth argument of semctl, which programs must declare themselves. */
union argument {
    int value;
    struct semid_ds *set;
};

static int places_of(const django_server *server)
{
    int share = server->max_waiting_percent != DJANGO_UNSET ? server->max_waiting_percent : DJANGO_MAX_WAITING_PERCENT;
    int threads = 0;
    int processes = 0;
    int workers;

    if (server->max_waiting != DJANGO_UNSET) {
        return server->max_waiting;
    }
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    /* 2.2's prefork says MAX_DAEMONS of the limit of its limit, and prefork alone has no threads. */
    ap_mpm_query(threads > 0 ? AP_MPMQ_MAX_DAEMONS : AP_MPMQ_MAX_DAEMON_USED, &processes);
    workers = (threads > 0 ? threads : 1) * (processes > 0 ? processes : 1);
    workers = workers < DJANGO_MAX_WAITING_LIMIT ? workers : DJANGO_MAX_WAITING_LIMIT;
    return (workers * share + 99) / 100;
}

/* The pool is also destroyed in a child that exits. */
static apr_status_t remove_semaphore(void *creator)
{
    if (semaphore != -1 && getpid() == *(pid_t *)creator) {
        semctl(semaphore, 0, IPC_RMID);
        semaphore = -1;
        places = 0;
    }
    return APR_SUCCESS;
}

/* The children do not run as root. */
static int give_to_children(void)
{
    struct semid_ds set;
    union argument argument = {.set = &set};

    if (geteuid() != 0) {
        return 0;
    }
    if (semctl(semaphore, 0, IPC_STAT, argument) == -1) {
        return -1;
    }
    set.sem_perm.uid = ap_unixd_config.user_id;
    set.sem_perm.gid = ap_unixd_config.group_id;
    return semctl(semaphore, 0, IPC_SET, argument);
}

void django_waiting_prepare(apr_pool_t *configuration, server_rec *server)
{
    pid_t *creator = apr_palloc(configuration, sizeof(*creator));
    union argument argument;

    *creator = getpid();
    argument.value = places_of(django_server_of(server));
    if (argument.value == 0) {
        return;
    }
    semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (semaphore == -1) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, server, "DjangoAuthMaxWaiting: no limit, as semget failed");
        return;
    }
    places = argument.value;
    main_server = server;
    apr_pool_cleanup_register(configuration, creator, remove_semaphore, apr_pool_cleanup_null);
    if (semctl(semaphore, 0, SETVAL, argument) == -1 || give_to_children() == -1) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, server, "DjangoAuthMaxWaiting: no limit, as semctl failed");
        remove_semaphore(creator);
    }
}

static int change(short by)
{
    struct sembuf operation = {.sem_num = 0, .sem_op = by, .sem_flg = IPC_NOWAIT | SEM_UNDO};

    return semop(semaphore, &operation, 1);
}

/*
 * There is no limit then. After a graceful restart, the semaphore of old children is gone, which is as it should be. But
 * systemd-logind removes those of an ordinary user who logs out, and under an MPM that changes the user of its children,
 * they may not use it.
 */
static void log_useless(int error)
{
    int state = 0;

    if (ap_mpm_query(AP_MPMQ_MPM_STATE, &state) == APR_SUCCESS && state == AP_MPMQ_STOPPING) {
        return;
    }
    if (apr_atomic_cas32(&useless, 1, 0) == 0) {
        ap_log_error(APLOG_MARK, APLOG_WARNING, error, main_server,
                     "DjangoAuthMaxWaiting: no limit in this child any more, as semop failed");
    }
}

/* Called once for a question that is not answered soon. */
static int take_place(void *place)
{
    int error;

    if (change(-1) == 0) {
        *(int *)place = 1;
        return 1;
    }
    error = errno;
    if (error == EAGAIN) {
        return 0;
    }
    log_useless(error);
    return 1;
}

void django_waiting_begin(djauth *handle, int *place)
{
    *place = 0;
    if (semaphore != -1) {
        djauth_set_patience(handle, PATIENCE_MS, take_place, place);
    }
}

void django_waiting_end(djauth *handle, int *place)
{
    djauth_set_patience(handle, 0, NULL, NULL);
    if (*place) {
        change(1);
    }
}

int django_waiting_now(int *limit)
{
    int left = semaphore != -1 ? semctl(semaphore, 0, GETVAL) : -1;

    *limit = left >= 0 ? places : 0;
    return left >= 0 && left < places ? places - left : 0;
}
