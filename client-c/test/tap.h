/* tap.h: test points of the Test Anything Protocol. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_count;
static int tap_failed;

/* Prints a point: the condition holds or not. The name is a format. */
__attribute__((format(printf, 2, 3)))
static void ok(int condition, const char *format, ...)
{
    va_list arguments;

    tap_count++;
    tap_failed += condition ? 0 : 1;
    printf("%sok %d - ", condition ? "" : "not ", tap_count);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
}

/* Prints the plan. Returns the exit code for main. */
static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed == 0 ? 0 : 1;
}

#endif /* TAP_H */
