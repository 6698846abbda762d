/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a context:
 *
 *     RECEIVING ──frame──▶ (arrived) ──loop──▶ IN_WORK ──reply──▶ SENDING ──sent──▶ RECEIVING
 *         └──────────────── stopping ────────────────▶ OUT ◀───── stopping ──┘
 *
 * NNG's threads own a context while it receives or sends, the loop's thread otherwise.
 *
 * Listening. A client that dies before NNG 1.5 has greeted it ends NNG's listener: the connection's
 * EPIPE is taken for the listener's own end, and although it still greets, nobody is served any
 * more. So the loop connects to itself every LINK_WATCH_MS; if nobody has been let in since, it
 * listens anew. The old listener stays for the clients it has. Each listener is bound to a name of
 * its own and moved to the path, so that the path always leads to the newest. */
#include "runtime/link/link_server.h"

#include <errno.h>
#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <pwd.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/principal.h"
#include "runtime/base/time.h"
#include "runtime/link/link_probe.h"
#include "runtime/node/loop.h"
#include "runtime/observe/log.h"

#define LINK_WATCH_MS 1000
#define LINK_LISTENERS_MAX 8 /* beyond, the oldest is closed, with its clients */
#define LINK_NAMES_MAX 1024  /* bytes of a user's entry; a longer one is named by its number */
#define LINK_BOUND_MAX (LINK_PATH_MAX + 4)

static_assert(LINK_BOUND_MAX < sizeof(((struct sockaddr_un *)NULL)->sun_path), "it can be bound");

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
    uint64_t uid; /* of exchange.user, if that is not empty */
};

struct link_server {
    struct link_server_options options;
    nng_socket socket;
    struct {
        nng_listener listeners[LINK_LISTENERS_MAX]; /* the newest is [begun % LINK_LISTENERS_MAX] */
        uint32_t begun;
    } listening;
    struct {
        struct alarm alarm;
        int fd;           /* the connection to itself, -1 = none */
        uint32_t let_in;  /* when it was made */
    } watch;
    atomic_uint let_in;   /* clients, ever */
    struct slot *slots;
    uint32_t count;
    uint32_t out; /* slots out of service */
    atomic_bool stopping;
    struct alarm flush;
    atomic_uint connections;
    void (*stopped)(void *context);
    void *stopped_context;
};

/* --- NNG's threads ---------------------------------------------------------------------------- */

static void link_server_hand_over(struct slot *slot)
{
    loop_mail(slot->server->options.loop, &slot->arrived);
}

static void link_server_receive(struct slot *slot)
{
    slot->state = SLOT_RECEIVING;
    nng_ctx_recv(slot->ctx, slot->aio);
    /* The stop may have come in between, when there was nothing yet that it could cancel. */
    if (atomic_load(&slot->server->stopping))
        nng_aio_cancel(slot->aio);
}

/* May block where the users are asked of another machine, so not on the loop's thread. */
static void link_server_name_user(struct slot *slot, uint64_t uid)
{
    char *user = slot->exchange.user, names[LINK_NAMES_MAX];
    struct passwd entry, *found = NULL;
    if (user[0] != '\0' && slot->uid == uid)
        return;
    slot->uid = uid;
    if (getpwuid_r((uid_t)uid, &entry, names, sizeof names, &found) == 0 && found != NULL)
        snprintf(user, LINK_USER_MAX, PRINCIPAL_UNIX "%s", found->pw_name);
    else
        snprintf(user, LINK_USER_MAX, PRINCIPAL_UNIX "%llu", (unsigned long long)uid);
}

/* False: whoever sent it has gone, and is not to be known any more. */
static bool link_server_take_request(struct slot *slot)
{
    uint64_t uid;
    nng_msg *request = nng_aio_get_msg(slot->aio);
    nng_aio_set_msg(slot->aio, NULL);
    if (nng_pipe_get_uint64(nng_msg_get_pipe(request), NNG_OPT_IPC_PEER_UID, &uid) != 0) {
        nng_msg_free(request);
        return false;
    }
    link_server_name_user(slot, uid);
    slot->request = request;
    slot->state = SLOT_IN_WORK;
    return true;
}

static void link_server_on_received(struct slot *slot, int result)
{
    struct link_server *s = slot->server;
    if (result == 0 && link_server_take_request(slot)) {
        link_server_hand_over(slot);
    } else if (atomic_load(&s->stopping) || result == NNG_ECLOSED) {
        slot->state = SLOT_OUT;
        link_server_hand_over(slot);
    } else {
        link_server_receive(slot);
    }
}

static void link_server_on_sent(struct slot *slot, int result)
{
    if (result != 0) { /* the asker has gone */
        nng_msg_free(nng_aio_get_msg(slot->aio));
        nng_aio_set_msg(slot->aio, NULL);
    }
    if (atomic_load(&slot->server->stopping)) {
        slot->state = SLOT_OUT;
        link_server_hand_over(slot);
    } else {
        link_server_receive(slot);
    }
}

static void link_server_on_aio(void *context)
{
    struct slot *slot = context;
    int result = nng_aio_result(slot->aio);
    if (slot->state == SLOT_RECEIVING)
        link_server_on_received(slot, result);
    else
        link_server_on_sent(slot, result);
}

static void link_server_on_pipe(nng_pipe pipe, nng_pipe_ev event, void *context)
{
    struct link_server *s = context;
    if (event == NNG_PIPE_EV_REM_POST) {
        atomic_fetch_sub(&s->connections, 1);
    } else {
        atomic_fetch_add(&s->let_in, 1);
        if (atomic_fetch_add(&s->connections, 1) >= LINK_CONNECTIONS_MAX)
            nng_pipe_close(pipe);
    }
}

/* --- the loop's thread ------------------------------------------------------------------------ */

static void link_server_free(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        nng_aio_free(s->slots[i].aio);
        nng_msg_free(s->slots[i].request);
    }
    free(s->slots);
    free(s);
}

/* All aios first, then the socket, then their memory: NNG's order. */
static void link_server_close_socket(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->slots[i].aio != NULL)
            nng_aio_stop(s->slots[i].aio);
    }
    nng_close(s->socket);
    if (s->listening.begun > 0)
        unlink(s->options.path);
}

static void link_server_on_flushed(struct alarm *flush)
{
    struct link_server *s = container_of(flush, struct link_server, flush);
    void (*stopped)(void *) = s->stopped;
    void *context = s->stopped_context;
    link_server_close_socket(s);
    link_server_free(s);
    if (stopped != NULL)
        stopped(context);
}

static void link_server_on_out(struct link_server *s)
{
    if (++s->out < s->count)
        return;
    struct env *env = loop_env(s->options.loop);
    env_alarm_set(env, &s->flush, env_mono_ns(env) + LINK_FLUSH_MS * NS_PER_MS);
}

static void link_server_on_arrived(struct inbox_item *item)
{
    struct slot *slot = container_of(item, struct slot, arrived);
    struct link_server *s = slot->server;
    if (slot->state == SLOT_OUT) {
        link_server_on_out(s);
        return;
    }
    slot->exchange.frame = (struct slice){nng_msg_body(slot->request),
                                          (uint32_t)nng_msg_len(slot->request)};
    s->options.request(s->options.context, &slot->exchange);
}

void link_server_reply(struct link_server *s, struct link_exchange *x, struct slice frame)
{
    struct slot *slot = container_of(x, struct slot, exchange);
    check(slot->server == s && slot->state == SLOT_IN_WORK);
    check(frame.len > 0 && frame.len <= ENVELOPE_FRAME_MAX);
    nng_msg *m;
    if (nng_msg_alloc(&m, frame.len) != 0)
        memory_ended(frame.len);
    memcpy(nng_msg_body(m), frame.data, frame.len); /* which may lie in the request */
    nng_msg_free(slot->request);
    slot->request = NULL;
    slot->state = SLOT_SENDING;
    nng_aio_set_msg(slot->aio, m);
    nng_ctx_send(slot->ctx, slot->aio);
}

static void link_server_watch_end(struct link_server *s)
{
    if (s->watch.fd >= 0)
        close(s->watch.fd);
    s->watch.fd = -1;
}

void link_server_stop(struct link_server *s, void (*stopped)(void *context), void *context)
{
    check(!atomic_load(&s->stopping));
    s->stopped = stopped;
    s->stopped_context = context;
    env_alarm_stop(loop_env(s->options.loop), &s->watch.alarm);
    link_server_watch_end(s);
    atomic_store(&s->stopping, true);
    /* Ends receiving ones; those in work are not under way in NNG and are left alone. A reply that
     * is being sent at this moment may be lost: it was not waited for. */
    for (uint32_t i = 0; i < s->count; i++)
        nng_aio_cancel(s->slots[i].aio);
}

/* --- starting --------------------------------------------------------------------------------- */

/* NULL, or why the path cannot be listened on. Removes a socket that nobody answers at. */
static const char *link_server_clear_path(const char *path)
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

static int link_server_start_listener(struct link_server *s, const char *bound, nng_listener *ret)
{
    char url[LINK_BOUND_MAX + sizeof "ipc://"];
    snprintf(url, sizeof url, "ipc://%s", bound);
    int e = nng_listener_create(ret, s->socket, url);
    if (e == 0)
        e = nng_listener_set_size(*ret, NNG_OPT_RECVMAXSZ, ENVELOPE_LINK_MAX);
    if (e == 0)
        e = nng_listener_set_int(*ret, NNG_OPT_IPC_PERMISSIONS, 0600);
    return e == 0 ? nng_listener_start(*ret, 0) : e;
}

/* Listens at the path, or, if it did already, anew. */
static int link_server_listen(struct link_server *s)
{
    char bound[LINK_BOUND_MAX + 1];
    uint32_t number = s->listening.begun + 1;
    nng_listener listener;
    snprintf(bound, sizeof bound, "%s.%u", s->options.path, number % 1000);
    int e = link_server_start_listener(s, bound, &listener);
    if (e != 0)
        return e;
    if (rename(bound, s->options.path) != 0) {
        e = errno;
        nng_listener_close(listener);
        return NNG_ESYSERR + e;
    }
    nng_listener *slot = &s->listening.listeners[number % LINK_LISTENERS_MAX];
    if (number > LINK_LISTENERS_MAX)
        nng_listener_close(*slot);
    *slot = listener;
    s->listening.begun = number;
    return 0;
}

/* --- watching --------------------------------------------------------------------------------- */

/* A client like any other up to its greeting. If that fails (no descriptor, say) nothing is known.
 */
static void link_server_watch_begin(struct link_server *s)
{
    static const char greeting[] = {0, 'S', 'P', 0, 0, 0x30, 0, 0}; /* protocol "req" */
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, s->options.path, strlen(s->options.path));
    s->watch.let_in = atomic_load(&s->let_in);
    s->watch.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->watch.fd >= 0 &&
        (connect(s->watch.fd, (struct sockaddr *)&address, sizeof address) != 0 ||
         send(s->watch.fd, greeting, sizeof greeting, MSG_NOSIGNAL) != sizeof greeting))
        link_server_watch_end(s);
}

static void link_server_on_watch(struct alarm *a)
{
    struct link_server *s = container_of(a, struct link_server, watch.alarm);
    struct env *env = loop_env(s->options.loop);
    if (s->watch.fd >= 0 && atomic_load(&s->let_in) == s->watch.let_in) {
        int e = link_server_listen(s);
        LOG_WARN(env->log, "operators_link_listens_anew",
                 log_text("result", e == 0 ? "ok" : nng_strerror(e)),
                 log_uint("times", s->listening.begun - 1));
    }
    link_server_watch_end(s);
    link_server_watch_begin(s);
    env_alarm_set(env, a, env_mono_ns(env) + LINK_WATCH_MS * NS_PER_MS);
}

static int link_server_open_slots(struct link_server *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct slot *slot = &s->slots[i];
        slot->server = s;
        slot->arrived.deliver = link_server_on_arrived;
        slot->exchange.index = i;
        int e = nng_aio_alloc(&slot->aio, link_server_on_aio, slot);
        if (e == 0)
            e = nng_ctx_open(&slot->ctx, s->socket);
        if (e != 0)
            return e;
    }
    return 0;
}

static int link_server_open_socket(struct link_server *s)
{
    int e = nng_rep0_open(&s->socket);
    if (e != 0)
        return e;
    e = nng_pipe_notify(s->socket, NNG_PIPE_EV_ADD_PRE, link_server_on_pipe, s);
    if (e == 0)
        e = nng_pipe_notify(s->socket, NNG_PIPE_EV_REM_POST, link_server_on_pipe, s);
    if (e == 0)
        e = link_server_open_slots(s);
    if (e == 0)
        e = link_server_listen(s);
    if (e != 0)
        link_server_close_socket(s);
    return e;
}

struct link_server *link_server_new(const struct link_server_options *options, char *reason,
                                    size_t reason_size)
{
    const char *refusal = link_server_clear_path(options->path);
    if (refusal != NULL) {
        snprintf(reason, reason_size, "%s: %s", options->path, refusal);
        return NULL;
    }
    struct link_server *s = memory_take_zeroed(1, sizeof *s);
    s->options = *options;
    s->count = options->contexts != 0 ? options->contexts : LINK_CONTEXTS;
    check(s->count <= LINK_CONTEXTS_MAX);
    s->slots = memory_take_zeroed(s->count, sizeof *s->slots);
    s->flush.fire = link_server_on_flushed;
    s->watch.alarm.fire = link_server_on_watch;
    s->watch.fd = -1;
    int e = link_server_open_socket(s);
    if (e != 0) {
        snprintf(reason, reason_size, "%s: cannot listen: %s", options->path, nng_strerror(e));
        link_server_free(s);
        return NULL;
    }
    for (uint32_t i = 0; i < s->count; i++)
        link_server_receive(&s->slots[i]);
    link_server_on_watch(&s->watch.alarm);
    return s;
}
