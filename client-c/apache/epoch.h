/*
 * epoch.h: a daemon's epoch, as a child process sees it.
 *
 * The epoch is eight octets in a file beside the socket. The daemon raises it when it forgets anything before its time;
 * leases are good for one epoch. The file is mapped, so that looking costs one read of memory.
 */
#ifndef MOD_AUTHNZ_DJANGO_EPOCH_H
#define MOD_AUTHNZ_DJANGO_EPOCH_H

#include <pthread.h>
#include <stdint.h>
#include <sys/types.h>

/* After the path of the socket. */
#define DJANGO_EPOCH_SUFFIX ".epoch"

typedef struct django_epoch {
    const char *socket;
    const char *file;
    const uint64_t *mapped; /* can always be read, atomically; 0: no file is mapped */
    int64_t none_until;     /* read and written atomically: until then, no lease is asked for */
    pthread_mutex_t mutex;  /* of what follows */
    int is_tried;
    int64_t tried;          /* when the file was last opened */
    int error;              /* what then went wrong, an errno; 0: nothing */
    int is_file;            /* the mapping is of a file: of this one */
    dev_t device;
    ino_t inode;
} django_epoch;

/*
 * Once for each child process and socket, whose file it is. Maps it if that is possible. Returns 0 or an errno: no memory for
 * any mapping.
 */
int django_epoch_open(django_epoch *epoch, const char *socket, const char *file);

/* No thread may read *mapped any more. */
void django_epoch_close(django_epoch *epoch);

/*
 * Whether the epoch is `value`, as the daemon has just said. If not, the file may be another one by now: it is mapped anew,
 * at most once a second. Otherwise *error is why there is no mapping, 0 if there is one.
 */
int django_epoch_is(django_epoch *epoch, uint64_t value, int *error);

#endif /* MOD_AUTHNZ_DJANGO_EPOCH_H */
