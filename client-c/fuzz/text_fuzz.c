/* text_fuzz.c: what the module takes for UTF-8 is what the C library's iconv takes for it, and permissions are that too. */
#include "apache/values.c"

#include <iconv.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length);

static int converts(char *text, size_t length)
{
    char wide[4 * 4096];
    char *to = wide;
    size_t room = sizeof(wide);
    iconv_t descriptor = iconv_open("UTF-32LE", "UTF-8");
    size_t done = iconv(descriptor, &text, &length, &to, &room);

    iconv_close(descriptor);
    return done != (size_t)-1 && length == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
    char *text;

    if (length > 4000) {
        return 0;
    }
    text = malloc(length + 1); /* of its own, so that ASan sees a step beyond */
    memcpy(text, octets, length);
    text[length] = '\0';
    if (django_is_utf8(text) != converts(text, strlen(text))) {
        abort();
    }
    if (django_is_permission(text)
        && (!django_is_utf8(text) || text[0] == '.' || strchr(text, '.') == NULL || strpbrk(text, " \t\n") != NULL)) {
        abort();
    }
    free(text);
    return 0;
}
