/* tap.h: test points, as the Test Anything Protocol has them. */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdio.h>

static int tap_count;
static int tap_failed;

/* One point: condition holds, or not. The name is a format. */
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

/* The plan, and the exit code of main. */
static int tap_done(void)
{
    printf("1..%d\n", tap_count);
    return tap_failed == 0 ? 0 : 1;
}

#endif /* TAP_H */
