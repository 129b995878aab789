/* exchange.c: a request and its reply, over as many connections as that takes. */
#include "connection.h"

/* A daemon that ends leaves unanswered requests to its successor, which may not be up at the second attempt. */
#define ATTEMPTS_MAX 3

/*
 * Each attempt has an id of its own and the time that is left: the daemon drops a question when its client no longer
 * waits. The frame is wiped as soon as it is sent: a password need not lie in memory while the daemon computes.
 */
static djauth_outcome send_request(djauth_exchange *exchange)
{
    djauth *handle = exchange->handle;
    int64_t left = exchange->deadline - djauth_now_ms();
    djauth_outcome outcome;
    int encoded;

    exchange->request.id = ++handle->last_id;
    exchange->request.deadline_ms = left > 1 ? (uint32_t)left : 1;
    encoded = djauth_encode(&handle->frame, &exchange->request);
    if (encoded == DJAUTH_TOO_LARGE) {
        /* Usernames and passwords were measured before: the site, permissions or groups are too many. */
        outcome = djauth_fail(exchange, DJAUTH_ERROR, "the request is larger than a frame of %d octets", DJAUTH_FRAME_MAX);
    } else if (encoded != 0) {
        outcome = djauth_fail(exchange, DJAUTH_ERROR, "out of memory for the request");
    } else {
        outcome = djauth_send(exchange);
    }
    djauth_octets_wipe(&handle->frame);
    return outcome;
}

/* The room for a reply to begin with: most fit, and are then read with one call. */
#define REPLY_USUAL 2048

static djauth_outcome reserve(djauth_exchange *exchange, size_t capacity)
{
    if (djauth_octets_reserve(&exchange->handle->reply, capacity) != 0) {
        return djauth_fail(exchange, DJAUTH_ERROR, "%s: out of memory for the reply", exchange->handle->address.sun_path);
    }
    return DJAUTH_DONE;
}

/*
 * What was read is no reply to the request. A kept connection is not looked at before it is used again, and may have been
 * sent something that nobody asked for: another connection is tried then.
 */
static djauth_outcome malformed(djauth_exchange *exchange, const char *wrong)
{
    if (exchange->kept && exchange->may_retry) {
        return DJAUTH_GONE;
    }
    return djauth_fail(exchange, DJAUTH_ERROR, "%s: %s", exchange->handle->address.sun_path, wrong);
}

/* Receives a frame, and perhaps more, into handle->reply. Sets *length to that of the frame's body. */
static djauth_outcome receive_frame(djauth_exchange *exchange, size_t *length)
{
    djauth *handle = exchange->handle;
    djauth_outcome outcome;

    handle->reply.length = 0;
    outcome = reserve(exchange, REPLY_USUAL);
    if (outcome == DJAUTH_DONE) {
        outcome = djauth_receive(exchange, DJAUTH_LENGTH_OCTETS);
    }
    if (outcome != DJAUTH_DONE) {
        return outcome;
    }
    *length = djauth_body_length(handle->reply.data);
    if (*length == 0) {
        return malformed(exchange, "the reply has an invalid length");
    }
    outcome = reserve(exchange, DJAUTH_LENGTH_OCTETS + *length);
    return outcome == DJAUTH_DONE ? djauth_receive(exchange, DJAUTH_LENGTH_OCTETS + *length) : outcome;
}

static djauth_outcome attempt(djauth_exchange *exchange)
{
    djauth *handle = exchange->handle;
    djauth_outcome outcome = send_request(exchange);
    size_t length = 0;
    const char *wrong;

    exchange->sent = outcome == DJAUTH_DONE;
    if (outcome == DJAUTH_DONE) {
        outcome = receive_frame(exchange, &length);
    }
    if (outcome != DJAUTH_DONE) {
        return outcome;
    }
    wrong = djauth_decode(&exchange->request, handle->reply.data + DJAUTH_LENGTH_OCTETS, length, &handle->texts,
                          &exchange->reply);
    if (wrong != NULL) {
        return malformed(exchange, wrong);
    }
    if (exchange->reply.status == DJAUTH_BAD_REQUEST || handle->reply.length > DJAUTH_LENGTH_OCTETS + length) {
        djauth_disconnect(handle); /* as the daemon does; or there is more than one reply to one request */
    }
    return DJAUTH_DONE;
}

void djauth_exchange_run(djauth_exchange *exchange, int timeout_ms)
{
    djauth *handle = exchange->handle;
    int attempts;

    if (timeout_ms <= 0) {
        timeout_ms = DJAUTH_DEFAULT_TIMEOUT_MS;
    }
    exchange->timeout_ms = timeout_ms < DJAUTH_DEADLINE_MAX_MS ? timeout_ms : DJAUTH_DEADLINE_MAX_MS;
    exchange->deadline = djauth_now_ms() + exchange->timeout_ms;
    exchange->patience = handle->may_wait != NULL ? djauth_now_ms() + handle->patience_ms : 0;
    exchange->reply = (djauth_reply){.status = DJAUTH_ERROR, .reason = ""};

    exchange->kept = handle->fd >= 0;
    for (attempts = 1; handle->fd >= 0 || djauth_connect(exchange) == DJAUTH_DONE; attempts++) {
        exchange->may_retry = attempts < ATTEMPTS_MAX;
        if (attempt(exchange) != DJAUTH_GONE) {
            break;
        }
        djauth_disconnect(handle);
        if (exchange->kept && !exchange->sent) {
            attempts--; /* it was closed since the last question, and none was asked on it */
        }
        exchange->kept = 0;
    }
}
