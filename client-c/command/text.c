/* text.c: texts that others have chosen, made safe for a terminal or for JSON. */
#include "command.h"
#include "lib/utf8.h"

#include <stdarg.h>
#include <string.h>

void print_plain(FILE *file, const char *text)
{
    const char *end = text + strlen(text);

    while (text < end) {
        const unsigned char *octets = (const unsigned char *)text;
        size_t size = djauth_utf8_character(text, (size_t)(end - text));
        int is_control = octets[0] < 0x20 || octets[0] == 0x7f || (octets[0] == 0xc2 && octets[1] < 0xa0);

        if (size == 0 || is_control) {
            /* The second octet of a C1 control is not well-formed on its own, and so is shown likewise in its turn. */
            fprintf(file, "\\x%02x", octets[0]);
            size = 1;
        } else {
            fwrite(text, 1, size, file);
        }
        text += size;
    }
}

void print_json_text(const char *text)
{
    const char *end = text + strlen(text);

    putchar('"');
    while (text < end) {
        unsigned char octet = (unsigned char)*text;
        size_t size = djauth_utf8_character(text, (size_t)(end - text));

        if (size == 0) {
            fputs("\\ufffd", stdout);
            size = 1;
        } else if (octet == '"' || octet == '\\') {
            printf("\\%c", octet);
        } else if (octet < 0x20 || octet == 0x7f) {
            printf("\\u%04x", octet);
        } else {
            fwrite(text, 1, size, stdout);
        }
        text += size;
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
