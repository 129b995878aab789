/* password.c: reads the password; from a terminal, without echo. */
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

/* Ctrl-C at the prompt must not leave a terminal without echo. */
static void on_signal(int signal_number)
{
    restore();
    raise(signal_number); /* SA_RESETHAND: this one ends the program as soon as the handler returns */
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
    /* After Ctrl-Z the shell turns the echo on again, and the rest of the password would be shown. */
    signal(SIGTSTP, SIG_IGN);
}

/* Opens the terminal, turns its echo off and prompts. Returns its descriptor, or -1 with errno. */
static int prompt(void)
{
    static const char text[] = "Password: ";
    struct termios silent;
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

    if (fd < 0 || tcgetattr(fd, &restored) != 0) {
        return -1;
    }
    silent = restored;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    catch_signals();
    restore_fd = fd;
    if (tcsetattr(fd, TCSAFLUSH, &silent) != 0 || write(fd, text, sizeof(text) - 1) < 0) {
        return -1;
    }
    return fd;
}

/* Reads to the end of the input, or of the first line. Returns the length, or -1 with errno. */
static ssize_t read_octets(int fd, int one_line, char *buffer, size_t capacity)
{
    size_t length = 0;

    while (length < capacity && !(one_line && length > 0 && buffer[length - 1] == '\n')) {
        ssize_t got = read(fd, buffer + length, capacity - length);

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

ssize_t read_password(int fd, char *buffer, size_t capacity)
{
    int terminal = fd == STDIN_FILENO && isatty(fd);
    ssize_t length;

    if (terminal) {
        int error;

        fd = prompt();
        length = fd >= 0 ? read_octets(fd, 1, buffer, capacity) : -1;
        error = errno;
        restore();
        signal(SIGTSTP, SIG_DFL);
        if (fd >= 0) {
            (void)!write(fd, "\n", 1); /* the typed one had no echo */
            close(fd);
        }
        errno = error;
    } else {
        length = read_octets(fd, 0, buffer, capacity);
    }
    if (length > 0 && buffer[length - 1] == '\n') {
        length--;
        if (length > 0 && buffer[length - 1] == '\r') {
            length--;
        }
    }
    return length;
}
