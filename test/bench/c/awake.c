/*
 * awake: keeps every processor that it may use awake until standard input ends, with one thread each that only runs where
 * nothing else does (SCHED_IDLE), and prints a line when all of them run. Waking a sleeping virtual processor takes as
 * long whatever is woken, so that without this every server looks alike.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static atomic_int running;

static void *spin(void *argument)
{
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET((int)(intptr_t)argument, &own);
    struct sched_param parameters = {.sched_priority = 0};
    if (sched_setaffinity(0, sizeof own, &own) != 0 || sched_setscheduler(0, SCHED_IDLE, &parameters) != 0) {
        fprintf(stderr, "awake: %s\n", strerror(errno));
        _exit(1);
    }
    atomic_fetch_add(&running, 1);
    for (volatile unsigned turns = 0;;) turns++;
    return NULL;
}

int main(void)
{
    cpu_set_t all;
    if (sched_getaffinity(0, sizeof all, &all) != 0) return 1;
    int wanted = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        pthread_t thread;
        if (!CPU_ISSET(cpu, &all)) continue;
        if (pthread_create(&thread, NULL, spin, (void *)(intptr_t)cpu) != 0) return 1;
        wanted++;
    }
    while (atomic_load(&running) < wanted) usleep(1000);
    printf("{\"processors\": %d}\n", wanted);
    fflush(stdout);
    char octet;
    while (read(STDIN_FILENO, &octet, 1) > 0) continue;
    return 0;
}
