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

/* Receives a frame into handle->body. */
static djauth_outcome receive_body(djauth_exchange *exchange)
{
    djauth *handle = exchange->handle;
    unsigned char first[DJAUTH_LENGTH_OCTETS];
    djauth_outcome outcome = djauth_receive(exchange, first, sizeof(first));
    uint32_t length;

    if (outcome != DJAUTH_DONE) {
        return outcome;
    }
    length = djauth_body_length(first);
    if (length == 0) {
        return djauth_fail(exchange, DJAUTH_ERROR, "%s: the reply has an invalid length", handle->address.sun_path);
    }
    handle->body.length = 0;
    if (djauth_octets_reserve(&handle->body, length) != 0) {
        return djauth_fail(exchange, DJAUTH_ERROR, "%s: out of memory for the reply", handle->address.sun_path);
    }
    handle->body.length = length;
    return djauth_receive(exchange, handle->body.data, length);
}

static djauth_outcome attempt(djauth_exchange *exchange)
{
    djauth *handle = exchange->handle;
    djauth_outcome outcome = send_request(exchange);
    const char *wrong;

    if (outcome == DJAUTH_DONE) {
        outcome = receive_body(exchange);
    }
    if (outcome != DJAUTH_DONE) {
        return outcome;
    }
    wrong = djauth_decode(&exchange->request, handle->body.data, handle->body.length, &handle->texts, &exchange->reply);
    if (wrong != NULL) {
        return djauth_fail(exchange, DJAUTH_ERROR, "%s: %s", handle->address.sun_path, wrong);
    }
    if (exchange->reply.status == DJAUTH_BAD_REQUEST) {
        djauth_disconnect(handle); /* as the daemon does */
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

    if (handle->fd >= 0 && !djauth_is_quiet(handle)) {
        djauth_disconnect(handle); /* closed by the daemon, or it has sent what nobody asked for */
    }
    for (attempts = 1; handle->fd >= 0 || djauth_connect(exchange) == DJAUTH_DONE; attempts++) {
        exchange->may_retry = attempts < ATTEMPTS_MAX;
        exchange->reply_begun = 0;
        if (attempt(exchange) != DJAUTH_GONE) {
            break;
        }
        djauth_disconnect(handle);
    }
}
