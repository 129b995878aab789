/* text.c: texts of somebody else's choosing, as a terminal or JSON may have them. */
#include "command.h"

#include <stdarg.h>

/* How many octets the well-formed UTF-8 character at `text` has; 0 where there is none. */
static int character(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xc2 && at[0] <= 0xdf ? 1 : at[0] >= 0xe0 && at[0] <= 0xef ? 2
               : at[0] >= 0xf0 && at[0] <= 0xf4 ? 3 : -1;
    int i;

    for (i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) || (at[0] == 0xf0 && at[1] < 0x90)
        || (at[0] == 0xf4 && at[1] > 0x8f)) {
        return 0; /* overlong, a surrogate, past U+10FFFF */
    }
    return more + 1;
}

void print_plain(FILE *to, const char *text)
{
    while (*text != '\0') {
        const unsigned char *at = (const unsigned char *)text;
        int length = character(text);
        if (length == 0 || at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] < 0xa0)) {
            fprintf(to, "\\x%02x", at[0]);
            length = 1;
            /* The second octet of a C1 control is ill-formed on its own, and shown so in its turn. */
        } else {
            fwrite(text, 1, (size_t)length, to);
        }
        text += length;
    }
}

void print_json_text(const char *text)
{
    putchar('"');
    while (*text != '\0') {
        unsigned char octet = (unsigned char)*text;
        int length = character(text);
        if (length == 0) {
            fputs("\\ufffd", stdout);
            length = 1;
        } else if (octet == '"' || octet == '\\') {
            printf("\\%c", octet);
        } else if (octet < 0x20 || octet == 0x7f) {
            printf("\\u%04x", octet);
        } else {
            fwrite(text, 1, (size_t)length, stdout);
        }
        text += length;
    }
    putchar('"');
}

int fault(int code, const char *format, ...)
{
    char sentence[1024];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    fprintf(stderr, "djauth: %s: ", code == EXIT_BUSY ? "busy" : "error");
    print_plain(stderr, sentence);
    fputc('\n', stderr);
    return code;
}
