/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a context:
 *
 *     RECEIVING ──frame──▶ (arrived) ──loop──▶ IN_WORK ──reply──▶ SENDING ──sent──▶ RECEIVING
 *         └──────────────── stopping ────────────────▶ OUT ◀───── stopping ──┘
 *
 * NNG's threads own a context while it receives or sends, the loop's thread otherwise. */
#include "runtime/cluster/link_server.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/actor/loop.h"
#include "runtime/cluster/link_probe.h"

#define LINK_PROBE_MS 1000 /* how long another process may take to greet */

enum slot_state {
    SLOT_RECEIVING,
    SLOT_IN_WORK,
    SLOT_SENDING,
    SLOT_OUT,
};

struct slot {
    struct link_exchange exchange;
    struct link_server *server;
    struct inbox_item arrived; /* on its way to the loop: a frame has come, or the slot is out */
    enum slot_state state;
    nng_ctx ctx;
    nng_aio *aio;
    nng_msg *request;
};

struct link_server {
    struct link_server_options options;
    nng_socket socket;
    struct slot *slots;
    uint32_t count;
    uint32_t out; /* slots out of service */
    atomic_bool stopping;
    struct alarm flush;
    atomic_uint connections;

    struct link_statistics stats;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* --- NNG's threads ---------------------------------------------------------------------------- */

static void hand_over(struct slot *slot)
{
    loop_mail(slot->server->options.loop, &slot->arrived);
}

static void receive(struct slot *slot)
{
    slot->state = SLOT_RECEIVING;
    nng_ctx_recv(slot->ctx, slot->aio);
    /* The stop may have come in between, when there was nothing yet that it could cancel. */
    if (atomic_load(&slot->server->stopping))
        nng_aio_cancel(slot->aio);
}

static void on_received(struct slot *slot, int result)
{
    struct link_server *s = slot->server;
    if (result == 0) {
        slot->request = nng_aio_get_msg(slot->aio);
        nng_aio_set_msg(slot->aio, NULL);
        slot->state = SLOT_IN_WORK;
        hand_over(slot);
    } else if (atomic_load(&s->stopping) || result == NNG_ECLOSED) {
        slot->state = SLOT_OUT;
        hand_over(slot);
    } else {
        receive(slot);
    }
}

static void on_sent(struct slot *slot, int result)
{
    if (result != 0) { /* the asker has gone */
        nng_msg_free(nng_aio_get_msg(slot->aio));
        nng_aio_set_msg(slot->aio, NULL);
    }
    if (atomic_load(&slot->server->stopping)) {
        slot->state = SLOT_OUT;
        hand_over(slot);
    } else {
        receive(slot);
    }
}

static void on_aio(void *context)
{
    struct slot *slot = context;
    int result = nng_aio_result(slot->aio);
    if (slot->state == SLOT_RECEIVING)
        on_received(slot, result);
    else
        on_sent(slot, result);
}

static void on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct link_server *s = context;
    if (event == NNG_PIPE_EV_REM_POST)
        atomic_fetch_sub(&s->connections, 1);
    else if (atomic_fetch_add(&s->connections, 1) >= LINK_CONNECTIONS_MAX)
        nng_pipe_close(pipe);
}

/* --- the loop's thread ------------------------------------------------------------------------ */

static void free_server(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        nng_aio_free(s->slots[i].aio);
        nng_msg_free(s->slots[i].request);
    }
    free(s->slots);
    free(s);
}

/* All aios first, then the socket, then their memory: NNG's order. */
static void close_socket(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->slots[i].aio != NULL)
            nng_aio_stop(s->slots[i].aio);
    }
    nng_close(s->socket);
}

static void on_flushed(struct alarm *flush)
{
    struct link_server *s = container_of(flush, struct link_server, flush);
    void (*stopped)(void *) = s->stopped;
    void *context = s->stopped_context;
    close_socket(s);
    free_server(s);
    if (stopped != NULL)
        stopped(context);
}

static void on_out(struct link_server *s)
{
    if (++s->out < s->count)
        return;
    struct env *env = loop_env(s->options.loop);
    env_alarm_set(env, &s->flush, env_mono_ns(env) + LINK_FLUSH_MS * (uint64_t)1000000);
}

static void on_arrived(struct inbox_item *item)
{
    struct slot *slot = container_of(item, struct slot, arrived);
    struct link_server *s = slot->server;
    if (slot->state == SLOT_OUT) {
        on_out(s);
        return;
    }
    slot->exchange.frame = (struct slice){nng_msg_body(slot->request),
                                          (uint32_t)nng_msg_len(slot->request)};
    s->stats.requests++;
    s->stats.in_work++;
    s->stats.bytes_in += slot->exchange.frame.len;
    s->options.request(s->options.context, &slot->exchange);
}

void link_server_reply(struct link_server *s, struct link_exchange *x, struct slice frame)
{
    struct slot *slot = container_of(x, struct slot, exchange);
    check(slot->server == s && slot->state == SLOT_IN_WORK);
    check(frame.len > 0 && frame.len <= ENVELOPE_FRAME_MAX);
    nng_msg *m;
    check(nng_msg_alloc(&m, frame.len) == 0);
    memcpy(nng_msg_body(m), frame.data, frame.len); /* which may lie in the request */
    nng_msg_free(slot->request);
    slot->request = NULL;
    s->stats.in_work--;
    s->stats.bytes_out += frame.len;
    slot->state = SLOT_SENDING;
    nng_aio_set_msg(slot->aio, m);
    nng_ctx_send(slot->ctx, slot->aio);
}

void link_server_stop(struct link_server *s, void (*stopped)(void *context), void *context)
{
    check(!atomic_load(&s->stopping));
    s->stopped = stopped;
    s->stopped_context = context;
    atomic_store(&s->stopping, true);
    /* Ends receiving ones; those in work are not under way in NNG and are left alone. A reply that
     * is being sent at this moment may be lost: it was not waited for. */
    for (uint32_t i = 0; i < s->count; i++)
        nng_aio_cancel(s->slots[i].aio);
}

struct link_statistics link_server_statistics(const struct link_server *s)
{
    struct link_statistics stats = s->stats;
    stats.connections = atomic_load(&s->connections);
    return stats;
}

/* --- starting --------------------------------------------------------------------------------- */

/* NULL, or why the path cannot be listened on. Removes a socket that nobody answers at. */
static const char *clear_path(const char *path)
{
    enum link_probe found = link_probe(path, LINK_PROBE_MS);
    switch (found) {
    case LINK_PROBE_ABSENT:
        return NULL;
    case LINK_PROBE_STALE:
        unlink(path);
        return NULL;
    case LINK_PROBE_ANSWERS:
    case LINK_PROBE_SILENT:
        return "another process listens there; is payd running already?";
    default:
        return link_probe_text(found);
    }
}

static int listen_at(struct link_server *s)
{
    char url[LINK_PATH_MAX + sizeof "ipc://"];
    nng_listener listener;
    snprintf(url, sizeof url, "ipc://%s", s->options.path);
    int e = nng_listener_create(&listener, s->socket, url);
    if (e == 0)
        e = nng_listener_set_size(listener, NNG_OPT_RECVMAXSZ, ENVELOPE_LINK_MAX);
    if (e == 0)
        e = nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, 0600);
    return e == 0 ? nng_listener_start(listener, 0) : e;
}

static int open_slots(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct slot *slot = &s->slots[i];
        slot->server = s;
        slot->arrived.deliver = on_arrived;
        slot->exchange.index = i;
        int e = nng_aio_alloc(&slot->aio, on_aio, slot);
        if (e == 0)
            e = nng_ctx_open(&slot->ctx, s->socket);
        if (e != 0)
            return e;
    }
    return 0;
}

static int open_socket(struct link_server *s)
{
    int e = nng_rep0_open(&s->socket);
    if (e != 0)
        return e;
    e = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, on_pipe, s);
    if (e == 0)
        e = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, on_pipe, s);
    if (e == 0)
        e = open_slots(s);
    if (e == 0)
        e = listen_at(s);
    if (e != 0)
        close_socket(s);
    return e;
}

struct link_server *link_server_new(const struct link_server_options *options, char *reason,
                                    size_t reason_size)
{
    const char *refusal = clear_path(options->path);
    if (refusal != NULL) {
        snprintf(reason, reason_size, "%s: %s", options->path, refusal);
        return NULL;
    }
    struct link_server *s = calloc(1, sizeof *s);
    check(s != NULL);
    s->options = *options;
    s->count = options->contexts != 0 ? options->contexts : LINK_CONTEXTS;
    check(s->count <= LINK_CONTEXTS_MAX);
    s->slots = calloc(s->count, sizeof *s->slots);
    check(s->slots != NULL);
    s->flush.fire = on_flushed;
    int e = open_socket(s);
    if (e != 0) {
        snprintf(reason, reason_size, "%s: cannot listen: %s", options->path, nng_strerror(e));
        free_server(s);
        return NULL;
    }
    for (uint32_t i = 0; i < s->count; i++)
        receive(&s->slots[i]);
    return s;
}
