/* walk.c: whether a body is what section 2 of PROTOCOL.md allows, checked before anything is unpacked. */
#include "utf8.h"
#include "value.h"

/* The largest integer: the largest that a double, and so JavaScript, holds exactly. */
#define INTEGER_MAX ((UINT64_C(1) << 53) - 1)

static uint64_t read_integer(const unsigned char *octets, size_t length)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < length; i++) {
        value = value << 8 | octets[i];
    }
    return value;
}

uint32_t djauth_body_length(const unsigned char length[DJAUTH_LENGTH_OCTETS])
{
    uint32_t value = (uint32_t)read_integer(length, DJAUTH_LENGTH_OCTETS);

    return value <= DJAUTH_FRAME_MAX ? value : 0;
}

static int is_text(unsigned char head)
{
    return (head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb);
}

/*
 * Walks over one value and returns its end; NULL if it breaks section 2 of PROTOCOL.md. msgpack-c allocates what an array
 * claims to contain before it has seen one element, so claims are checked here first.
 */
static const unsigned char *walk(const unsigned char *at, const unsigned char *end, int depth)
{
    uint64_t claimed = 0;  /* octets, elements or pairs that the head announces */
    size_t count_size = 0; /* octets of a count that follows the head */
    unsigned char head;
    enum { INTEGER, OCTETS, TEXT, ARRAY, MAP } kind;

    if (at >= end) {
        return NULL;
    }
    head = *at++;
    if (head <= 0x7f || head == 0xc0 || head == 0xc2 || head == 0xc3) {
        return at; /* a small integer, nil, false, true */
    }
    if (head <= 0x8f) {
        kind = MAP;
        claimed = head & 0x0f;
    } else if (head <= 0x9f) {
        kind = ARRAY;
        claimed = head & 0x0f;
    } else if (head <= 0xbf) {
        kind = TEXT;
        claimed = head & 0x1f;
    } else if (head >= 0xc4 && head <= 0xc6) {
        kind = OCTETS;
        count_size = (size_t)1 << (head - 0xc4);
    } else if (head >= 0xcc && head <= 0xd3) {
        kind = INTEGER;
        claimed = (uint64_t)1 << (head & 3);
    } else if (head >= 0xd9 && head <= 0xdb) {
        kind = TEXT;
        count_size = (size_t)1 << (head - 0xd9);
    } else if (head >= 0xdc && head <= 0xdf) {
        kind = head <= 0xdd ? ARRAY : MAP;
        count_size = head & 1 ? 4 : 2;
    } else {
        return NULL; /* an extension, a floating-point or negative number, the unused head */
    }

    if (count_size > 0) {
        if ((size_t)(end - at) < count_size) {
            return NULL;
        }
        claimed = read_integer(at, count_size);
        at += count_size;
    }
    if (claimed > (size_t)(end - at)) {
        return NULL; /* an element takes at least one octet */
    }
    if (kind == INTEGER) {
        int is_signed = head >= 0xd0;

        if (read_integer(at, claimed) > INTEGER_MAX || (is_signed && at[0] > 0x7f)) {
            return NULL;
        }
        return at + claimed;
    }
    if (kind == OCTETS || kind == TEXT) {
        return kind == OCTETS || djauth_is_utf8((const char *)at, claimed) ? at + claimed : NULL;
    }
    if (depth >= DJAUTH_DEPTH_MAX) {
        return NULL;
    }
    for (; claimed > 0 && at != NULL; claimed--) {
        if (kind == MAP) {
            at = at < end && is_text(*at) ? walk(at, end, depth + 1) : NULL;
            if (at == NULL) {
                break;
            }
        }
        at = walk(at, end, depth + 1);
    }
    return at;
}

int djauth_is_one_value(const unsigned char *octets, size_t length)
{
    return walk(octets, octets + length, 0) == octets + length;
}
