/* SPDX-License-Identifier: Apache-2.0 */
/* One slot for each request that may be outstanding, each with a context and an aio of NNG's. The
 * caller's thread sends and waits on `changed`; NNG's threads put slots whose answer (or failure)
 * has come into `answered`. The connection is never made again: NNG would send what is outstanding
 * once more, and a request that moves money must not be repeated by the link. */
#include "runtime/link/link_client.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "runtime/base/list.h"
#include "runtime/base/memory.h"
#include "runtime/link/link_probe.h"

#define RECONNECT_NEVER_MS 86400000 /* a request in work would be sent again on a new connection */
#define LINK_GREETING_MS 5000       /* how long the server may take to greet */

/* NNG's threads own a slot while it is outstanding and not in `answered`. */
struct slot {
    struct link_client *client;
    struct fifo_link link; /* in `spare` or `answered` */
    bool sending;
    int result;
    uint64_t tag;
    nng_ctx ctx;
    nng_aio *aio;
};

struct link_client {
    nng_socket socket;
    struct slot *slots;
    uint32_t count;
    uint32_t outstanding;
    struct fifo spare;
    nng_msg *answer; /* given to the caller last */

    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct fifo answered; /* under the lock, as is */
    bool lost;
};

/* --- NNG's threads ---------------------------------------------------------------------------- */

static void link_client_on_aio(void *context)
{
    struct slot *slot = context;
    struct link_client *c = slot->client;
    slot->result = nng_aio_result(slot->aio);
    if (slot->sending && slot->result == 0) {
        slot->sending = false;
        nng_ctx_recv(slot->ctx, slot->aio);
        return;
    }
    pthread_mutex_lock(&c->lock);
    fifo_push(&c->answered, &slot->link);
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

static void link_client_on_pipe_gone(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct link_client *c = context;
    (void)pipe;
    (void)event;
    pthread_mutex_lock(&c->lock);
    c->lost = true;
    pthread_cond_signal(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* --- the caller's thread ---------------------------------------------------------------------- */

static int link_client_dial(struct link_client *c, const char *url)
{
    nng_dialer dialer;
    int e = nng_dialer_create(&dialer, c->socket, url);
    if (e == 0)
        e = nng_dialer_set_size(dialer, NNG_OPT_RECVMAXSZ, ENVELOPE_LINK_MAX);
    if (e == 0)
        e = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMINT, RECONNECT_NEVER_MS);
    if (e == 0)
        e = nng_dialer_set_ms(dialer, NNG_OPT_RECONNMAXT, RECONNECT_NEVER_MS);
    return e == 0 ? nng_dialer_start(dialer, 0) : e;
}

static int link_client_open_slots(struct link_client *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        struct slot *slot = &c->slots[i];
        slot->client = c;
        fifo_push(&c->spare, &slot->link);
        int e = nng_aio_alloc(&slot->aio, link_client_on_aio, slot);
        if (e == 0)
            e = nng_ctx_open(&slot->ctx, c->socket);
        if (e == 0)
            e = nng_ctx_set_ms(slot->ctx, NNG_OPT_REQ_RESENDTIME, NNG_DURATION_INFINITE);
        if (e != 0)
            return e;
    }
    return 0;
}

static struct link_client *link_client_allocate(uint32_t outstanding)
{
    struct link_client *c = memory_take_zeroed(1, sizeof *c);
    c->count = outstanding;
    c->slots = memory_take_zeroed(outstanding, sizeof *c->slots);
    fifo_init(&c->spare);
    fifo_init(&c->answered);
    pthread_condattr_t monotonic;
    check(pthread_condattr_init(&monotonic) == 0);
    check(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    check(pthread_cond_init(&c->changed, &monotonic) == 0);
    check(pthread_mutex_init(&c->lock, NULL) == 0);
    pthread_condattr_destroy(&monotonic);
    return c;
}

enum link_result link_client_new(const char *path, uint32_t outstanding, struct link_client **ret,
                                 const char **reason)
{
    check(outstanding > 0 && outstanding <= LINK_OUTSTANDING_MAX);
    enum link_probe found = link_probe(path, LINK_GREETING_MS);
    if (found != LINK_PROBE_ANSWERS) {
        *reason = link_probe_text(found);
        return LINK_NO_SERVER;
    }
    char url[LINK_PATH_MAX + sizeof "ipc://"];
    snprintf(url, sizeof url, "ipc://%s", path);
    struct link_client *c = link_client_allocate(outstanding);
    int e = nng_req0_open(&c->socket);
    check(e == 0);
    e = nng_pipe_notify(c->socket, NNG_PIPE_EV_REM_POST, link_client_on_pipe_gone, c);
    if (e == 0)
        e = link_client_open_slots(c);
    if (e == 0)
        e = link_client_dial(c, url);
    if (e != 0) {
        *reason = nng_strerror(e);
        link_client_free(c);
        return LINK_NO_SERVER;
    }
    *ret = c;
    return LINK_OK;
}

struct link_client *link_client_free(struct link_client *c)
{
    if (c == NULL)
        return NULL;
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->slots[i].aio != NULL)
            nng_aio_stop(c->slots[i].aio);
    }
    nng_close(c->socket);
    for (uint32_t i = 0; i < c->count; i++) {
        nng_aio *aio = c->slots[i].aio;
        if (aio != NULL)
            nng_msg_free(nng_aio_get_msg(aio)); /* not sent, or an answer that was not taken */
        nng_aio_free(aio);
    }
    nng_msg_free(c->answer);
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c->slots);
    free(c);
    return NULL;
}

uint32_t link_client_free_slots(const struct link_client *c)
{
    return c->count - c->outstanding;
}

void link_client_send(struct link_client *c, struct slice frame, uint64_t tag)
{
    check(frame.len > 0 && frame.len <= ENVELOPE_FRAME_MAX);
    struct fifo_link *link = fifo_pop(&c->spare);
    check(link != NULL);
    struct slot *slot = container_of(link, struct slot, link);
    nng_msg *m;
    check(nng_msg_alloc(&m, frame.len) == 0);
    memcpy(nng_msg_body(m), frame.data, frame.len);
    c->outstanding++;
    slot->tag = tag;
    slot->sending = true;
    nng_aio_set_msg(slot->aio, m);
    nng_ctx_send(slot->ctx, slot->aio);
}

static struct timespec link_client_deadline(uint32_t ms)
{
    struct timespec t;
    check(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Answers that came before the connection ended are still given. */
static enum link_result link_client_wait(struct link_client *c, uint32_t timeout_ms,
                                         struct slot **ret)
{
    struct timespec deadline = link_client_deadline(timeout_ms);
    enum link_result result = LINK_OK;
    pthread_mutex_lock(&c->lock);
    while (fifo_empty(&c->answered) && result == LINK_OK) {
        if (c->lost)
            result = LINK_LOST;
        else if (pthread_cond_timedwait(&c->changed, &c->lock, &deadline) == ETIMEDOUT)
            result = fifo_empty(&c->answered) ? LINK_TIMEOUT : LINK_OK;
    }
    if (result == LINK_OK)
        *ret = container_of(fifo_pop(&c->answered), struct slot, link);
    pthread_mutex_unlock(&c->lock);
    return result;
}

enum link_result link_client_receive(struct link_client *c, uint32_t timeout_ms, uint64_t *tag,
                                     struct slice *frame)
{
    check(c->outstanding > 0);
    struct slot *slot = NULL;
    enum link_result result = link_client_wait(c, timeout_ms, &slot);
    if (result != LINK_OK)
        return result;
    if (slot->result != 0)
        return LINK_LOST;
    nng_msg_free(c->answer);
    c->answer = nng_aio_get_msg(slot->aio);
    nng_aio_set_msg(slot->aio, NULL);
    c->outstanding--;
    fifo_push(&c->spare, &slot->link);
    *tag = slot->tag;
    *frame = (struct slice){nng_msg_body(c->answer), (uint32_t)nng_msg_len(c->answer)};
    return LINK_OK;
}
