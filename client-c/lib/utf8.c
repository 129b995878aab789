/* utf8.c: the only check of UTF-8 in client-c. */
#include "utf8.h"

size_t djauth_utf8_character(const char *text, size_t length)
{
    const unsigned char *octets = (const unsigned char *)text;
    unsigned char low = 0x80; /* the range of the second octet; that of the others is 80 to bf */
    unsigned char high = 0xbf;
    unsigned char head;
    size_t size;
    size_t i;

    if (length == 0) {
        return 0;
    }
    head = octets[0];
    if (head < 0x80) {
        return 1;
    }
    if (head >= 0xc2 && head <= 0xdf) {
        size = 2;
    } else if (head >= 0xe0 && head <= 0xef) {
        size = 3;
        low = head == 0xe0 ? 0xa0 : low;   /* below: an overlong form */
        high = head == 0xed ? 0x9f : high; /* above: a surrogate */
    } else if (head >= 0xf0 && head <= 0xf4) {
        size = 4;
        low = head == 0xf0 ? 0x90 : low;   /* below: an overlong form */
        high = head == 0xf4 ? 0x8f : high; /* above: beyond U+10FFFF */
    } else {
        return 0;
    }
    if (length < size || octets[1] < low || octets[1] > high) {
        return 0;
    }
    for (i = 2; i < size; i++) {
        if (octets[i] < 0x80 || octets[i] > 0xbf) {
            return 0;
        }
    }
    return size;
}

int djauth_is_utf8(const char *text, size_t length)
{
    while (length > 0) {
        size_t size = djauth_utf8_character(text, length);

        if (size == 0) {
            return 0;
        }
        text += size;
        length -= size;
    }
    return 1;
}
