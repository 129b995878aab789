/* password.c: reads the password, from a terminal without showing it. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <termios.h>
#include <unistd.h>

static struct termios restored;
static volatile sig_atomic_t restore_fd = -1;

static void restore(void)
{
    if (restore_fd >= 0) {
        tcsetattr(restore_fd, TCSAFLUSH, &restored);
        restore_fd = -1;
    }
}

/* Ctrl-C at the prompt must not leave a terminal that shows nothing. */
static void on_signal(int signal_number)
{
    restore();
    raise(signal_number); /* SA_RESETHAND: this time it ends the program, as soon as the handler returns */
}

static void catch_signals(void)
{
    static const int ending[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
    struct sigaction before;
    size_t i;

    for (i = 0; i < sizeof(ending) / sizeof(ending[0]); i++) {
        if (sigaction(ending[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) {
            sigaction(ending[i], &action, NULL);
        }
    }
    /* Stopped here, it would come back to a terminal that shows what is typed. */
    signal(SIGTSTP, SIG_IGN);
}

/* The terminal, silent and prompted on; -1 with errno. */
static int prompt(void)
{
    static const char words[] = "Password: ";
    struct termios silent;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &restored) != 0) {
        return -1;
    }
    silent = restored;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    catch_signals();
    restore_fd = fd;
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0 || write(fd, words, sizeof(words) - 1) < 0) {
        return -1;
    }
    return fd;
}

/* Reads to the end, or to the end of the line at a terminal. Returns the length; -1 with errno. */
static ssize_t read_octets(int fd, int line, char *into, size_t room)
{
    size_t length = 0;

    while (length < room && !(line && length > 0 && into[length - 1] == '\n')) {
        ssize_t got = read(fd, into + length, room - length);
        if (got > 0) {
            length += (size_t)got;
        } else if (got == 0) {
            break;
        } else if (errno != EINTR) {
            return -1;
        }
    }
    return (ssize_t)length;
}

ssize_t read_password(int fd, char *into, size_t room)
{
    int terminal = fd == STDIN_FILENO && isatty(fd);
    ssize_t length;

    if (terminal) {
        int error;
        fd = prompt();
        length = fd >= 0 ? read_octets(fd, 1, into, room) : -1;
        error = errno;
        restore();
        signal(SIGTSTP, SIG_DFL);
        if (fd >= 0) {
            (void)!write(fd, "\n", 1); /* the one that was typed was not shown */
            close(fd);
        }
        errno = error;
    } else {
        length = read_octets(fd, 0, into, room);
    }
    if (length > 0 && into[length - 1] == '\n') {
        length--;
        if (length > 0 && into[length - 1] == '\r') {
            length--;
        }
    }
    return length;
}
