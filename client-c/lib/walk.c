/* walk.c: whether a frame is what section 2 of PROTOCOL.md allows, before anything is made of it. */
#include "value.h"

/* How deep arrays and maps may stand inside each other. */
#define DEPTH_MAX 8

/* The largest integer there is: what a double holds exactly, for the sake of JavaScript. */
#define INTEGER_MAX ((UINT64_C(1) << 53) - 1)

static uint64_t number(const unsigned char *at, size_t octets_of_it)
{
    uint64_t value = 0;
    size_t i;

    for (i = 0; i < octets_of_it; i++) {
        value = value << 8 | at[i];
    }
    return value;
}

uint32_t djauth_wire_length(const unsigned char first[DJAUTH_LENGTH_OCTETS])
{
    uint32_t length = (uint32_t)number(first, DJAUTH_LENGTH_OCTETS);

    return length <= DJAUTH_FRAME_MAX ? length : 0;
}

int djauth_is_utf8(const unsigned char *at, size_t length)
{
    const unsigned char *end = at + length;

    while (at < end) {
        unsigned char head = *at++;
        unsigned char least = 0x80;
        unsigned char most = 0xbf;
        int more;
        if (head < 0x80) {
            continue;
        }
        if (head >= 0xc2 && head <= 0xdf) {
            more = 1;
        } else if (head >= 0xe0 && head <= 0xef) {
            more = 2;
            least = head == 0xe0 ? 0xa0 : least;
            most = head == 0xed ? 0x9f : most;
        } else if (head >= 0xf0 && head <= 0xf4) {
            more = 3;
            least = head == 0xf0 ? 0x90 : least;
            most = head == 0xf4 ? 0x8f : most;
        } else {
            return 0;
        }
        for (; more > 0; more--, at++) {
            if (at == end || *at < least || *at > most) {
                return 0;
            }
            least = 0x80; /* only the octet after the head is narrower */
            most = 0xbf;
        }
    }
    return 1;
}

static int is_text(unsigned char head)
{
    return (head >= 0xa0 && head <= 0xbf) || (head >= 0xd9 && head <= 0xdb);
}

/*
 * Walks over one value and returns where it ends; NULL where it breaks section 2 of PROTOCOL.md. msgpack-c makes room
 * for what an array claims before it has seen one element, so claims are measured here first.
 */
static const unsigned char *walk(const unsigned char *at, const unsigned char *end, int depth)
{
    uint64_t claimed = 0;  /* octets that follow, or elements, or pairs */
    size_t counts = 0;     /* octets of a claim that follows */
    unsigned char head;
    enum { INTEGER, OCTETS, TEXT, ARRAY, MAP } kind;

    if (at >= end) {
        return NULL;
    }
    head = *at++;
    if (head <= 0x7f || head == 0xc0 || head == 0xc2 || head == 0xc3) {
        return at;
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
        counts = (size_t)1 << (head - 0xc4);
    } else if (head >= 0xcc && head <= 0xd3) {
        kind = INTEGER;
        claimed = (uint64_t)1 << (head & 3);
    } else if (head >= 0xd9 && head <= 0xdb) {
        kind = TEXT;
        counts = (size_t)1 << (head - 0xd9);
    } else if (head >= 0xdc && head <= 0xdf) {
        kind = head <= 0xdd ? ARRAY : MAP;
        counts = head & 1 ? 4 : 2;
    } else {
        return NULL; /* extensions, floating point, below 0, the octet that is never used */
    }

    if (counts > 0) {
        if ((size_t)(end - at) < counts) {
            return NULL;
        }
        claimed = number(at, counts);
        at += counts;
    }
    if (claimed > (size_t)(end - at)) {
        return NULL; /* an element takes an octet at least */
    }
    if (kind == INTEGER) {
        /* 0xd0 and up are signed. */
        if (number(at, claimed) > INTEGER_MAX || (head >= 0xd0 && at[0] > 0x7f)) {
            return NULL;
        }
        return at + claimed;
    }
    if (kind == OCTETS || kind == TEXT) {
        return kind == OCTETS || djauth_is_utf8(at, claimed) ? at + claimed : NULL;
    }
    if (depth >= DEPTH_MAX) {
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

int djauth_is_one_value(const unsigned char *at, size_t length)
{
    return walk(at, at + length, 0) == at + length;
}
