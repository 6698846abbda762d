/* SPDX-License-Identifier: Apache-2.0 */
/* The server: what its connections have in common.
 *
 * Timeouts. A connection is in the list of its phase, ordered by when it entered it, so one timer
 * for the whole loop looks at the front of each list.
 *
 * Places. A new connection takes one of connections_max or of the reserve, and gives it back when
 * it is closed, which frees its descriptor at once. Who has not sent a byte holds no place for
 * long: a flood of silent connections replaces itself.
 *
 * Passes. A connection with something to write or to go on with is in the list `to_flush`.
 * http_flush_all() goes once through it: from the prepare handle, and while it is not empty from an
 * idle handle too, which keeps the loop from blocking. So a connection with much to write waits for
 * its next turn until all others had theirs. */
#include "gateway_bridge/http/http_priv.h"

#include <stdlib.h>
#include <unistd.h>

#define TICK_MS_MAX 250          /* how late a timeout may be noticed */
#define TICK_MS_MIN 10
#define TICKS_MISSED 4 /* then the loop was held up, and what clients sent meanwhile is unread */

const struct http_limits http_limits_default = {
    .first_ms = 10000,
    .head_ms = 20000,
    .head_most_ms = 40000,
    .body_ms = 20000,
    .idle_ms = 75000,
    .write_ms = 30000,
    .linger_ms = 2000,
    .stop_ms = 1000,
    .connections_max = 10000,
    .reserve_max = 32,
    .address_max = 1000,
    .requests_max = 100000,
    .pending_max = 64 * 1024 * 1024,
};

/* --- end -------------------------------------------------------------------------------------- */

static void http_part_closed(struct http_server *s)
{
    if (--s->handles > 0)
        return;
    void (*stopped)(void *) = s->stopped;
    void *context = s->stopped_context;
    json_writer_done(&s->out);
    peers_done(&s->peers);
    free(s);
    if (stopped != NULL)
        stopped(context);
}

static void on_listener_closed(void *context)
{
    struct http_port *port = context;
    http_part_closed(port->server);
}

static void on_handle_closed(uv_handle_t *handle)
{
    http_part_closed(handle->data);
}

static void http_close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void http_free_if_done(struct http_server *s)
{
    if (!s->stopping || s->connections > 0)
        return;
    http_close_handle((uv_handle_t *)&s->tick);
    http_close_handle((uv_handle_t *)&s->prepare);
    http_close_handle((uv_handle_t *)&s->idle);
}

void http_server_forget(struct http_server *s)
{
    s->connections--;
    http_count_down(&s->counts->connections);
    http_free_if_done(s);
}

/* --- once per pass ---------------------------------------------------------------------------- */

static void http_flush_all(struct http_server *s)
{
    struct list pass;
    list_init(&pass);
    list_move_all(&pass, &s->to_flush);
    while (!list_empty(&pass)) {
        struct http_connection *c = container_of(pass.next, struct http_connection, flush_link);
        list_remove(&c->flush_link);
        http_connection_flush(c);
    }
    if (s->idling && list_empty(&s->to_flush)) {
        uv_idle_stop(&s->idle);
        s->idling = false;
    }
}

static void on_idle(uv_idle_t *idle)
{
    http_flush_all(idle->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    http_flush_all(prepare->data);
}

void http_server_flush_later(struct http_connection *c)
{
    struct http_server *s = c->server;
    if (c->flush_link.next != &c->flush_link)
        return;
    list_append(&s->to_flush, &c->flush_link);
    if (!s->idling)
        s->idling = uv_idle_start(&s->idle, on_idle) == 0;
}

/* --- timeouts --------------------------------------------------------------------------------- */

static uint32_t http_phase_limit_ms(const struct http_server *s, enum http_phase phase)
{
    switch (phase) {
    case PHASE_FIRST:
        return s->limits.first_ms;
    case PHASE_IDLE:
        return s->limits.idle_ms;
    case PHASE_HEAD:
        return s->limits.head_ms;
    case PHASE_BODY:
        return s->limits.body_ms;
    case PHASE_WRITE:
        return s->stopping && s->limits.stop_ms < s->limits.write_ms ? s->limits.stop_ms
                                                                     : s->limits.write_ms;
    case PHASE_LINGER:
        return s->limits.linger_ms;
    default:
        return UINT32_MAX;
    }
}

static uint64_t http_tick_ms(const struct http_limits *l)
{
    uint32_t least = l->head_ms < l->first_ms ? l->head_ms : l->first_ms;
    if (l->body_ms < least)
        least = l->body_ms;
    if (l->idle_ms < least)
        least = l->idle_ms;
    if (l->linger_ms < least)
        least = l->linger_ms;
    if (l->stop_ms < least)
        least = l->stop_ms;
    least /= 4;
    return least > TICK_MS_MAX ? TICK_MS_MAX : least < TICK_MS_MIN ? TICK_MS_MIN : least;
}

/* Until its phase is over, which has lasted http_phase_limit_ms() already. */
static uint64_t http_patience_ms(const struct http_server *s, const struct http_connection *c)
{
    const struct http_limits *l = &s->limits;
    uint64_t head_ms = l->head_ms + (uint64_t)request_kept(&c->request) * 1000 / HTTP_RATE_MIN;
    switch (c->phase) {
    case PHASE_HEAD:
        return head_ms < l->head_most_ms ? head_ms : l->head_most_ms;
    case PHASE_BODY:
        return l->body_ms + (uint64_t)c->request.body.len * 1000 / HTTP_RATE_MIN;
    default:
        return 0;
    }
}

static void http_expire_phase(struct http_server *s, enum http_phase phase, uint64_t now)
{
    uint32_t limit_ms = http_phase_limit_ms(s, phase);
    struct list *head = &s->phases[phase], *at = head->next;
    while (at != head) {
        struct http_connection *c = container_of(at, struct http_connection, phase_link);
        uint64_t elapsed_ms = now - c->entered_ms;
        at = at->next;
        if (elapsed_ms < limit_ms)
            return; /* the rest entered later */
        if (elapsed_ms >= http_patience_ms(s, c))
            http_connection_expire(c);
    }
}

static void on_tick(uv_timer_t *tick)
{
    struct http_server *s = tick->data;
    uint64_t now = uv_now(s->loop);
    bool held_up = now - s->ticked_ms > TICKS_MISSED * http_tick_ms(&s->limits);
    s->ticked_ms = now;
    for (int phase = 0; phase < PHASE_TIMED && !held_up; phase++)
        http_expire_phase(s, (enum http_phase)phase, now);
}

/* --- connections ------------------------------------------------------------------------------ */

static void http_note_shortage(struct http_server *s, enum http_shortage what,
                               const struct address *from, uint32_t connections)
{
    http_count(&s->counts->shortages[what]);
    s->handler.shortage(s->handler.context, what, from, connections);
}

static void on_listener_exhausted(void *context)
{
    struct http_server *s = ((struct http_port *)context)->server;
    http_note_shortage(s, HTTP_SHORT_OF_DESCRIPTORS, NULL, s->connections);
}

void http_server_heard(struct http_connection *c)
{
    if (c->heard)
        return;
    c->heard = true;
    list_remove(&c->peer_link);
    if (!c->reserved)
        list_remove(&c->place_link);
}

void http_server_vacate(struct http_connection *c)
{
    struct http_server *s = c->server;
    uint32_t *open = c->reserved ? &s->open_reserved : &s->open;
    check(*open > 0 && c->peer != NULL);
    (*open)--;
    list_remove(&c->peer_link);
    list_remove(&c->place_link);
    peers_leave(&s->peers, c->peer);
    c->peer = NULL;
}

void http_server_take_place(struct http_connection *c, bool reserved)
{
    struct http_server *s = c->server;
    c->reserved = reserved;
    (*(reserved ? &s->open_reserved : &s->open))++;
    list_append(&c->peer->silent, &c->peer_link);
    list_append(reserved ? &s->reserved : &s->silent, &c->place_link);
}

/* Ends a connection, so that there is a place for one of this peer; false: there is none but in the
 * reserve. */
static bool http_make_room(struct http_server *s, struct peer *peer)
{
    bool crowded = !peer->trusted && peer->connections > s->limits.address_max;
    bool full = s->open >= s->limits.connections_max;
    struct http_connection *silent = NULL;
    if (!crowded && !full)
        return true;
    if (crowded && !list_empty(&peer->silent))
        silent = container_of(peer->silent.next, struct http_connection, peer_link);
    else if (!crowded && !list_empty(&s->silent))
        silent = container_of(s->silent.next, struct http_connection, place_link);
    if (silent != NULL && !silent->reserved) {
        http_connection_expire(silent);
        return true;
    }
    http_note_shortage(s, crowded ? HTTP_SHORT_OF_ITS_OWN : HTTP_SHORT_OF_CONNECTIONS,
                       &peer->address, crowded ? peer->connections : s->open);
    return false;
}

static void on_connection(void *context, int fd, const struct sockaddr_storage *from)
{
    struct http_port *port = context;
    struct http_server *s = port->server;
    const struct address address = address_of(from);
    http_count(&s->counts->accepted);
    struct peer *peer = peers_enter(&s->peers, &address);
    if (peer == NULL) {
        close(fd);
        return;
    }
    peer->trusted = s->limits.trusted != NULL && address_list_has(s->limits.trusted, &address);
    bool reserved = !http_make_room(s, peer);
    if (reserved && s->open_reserved >= s->limits.reserve_max && !list_empty(&s->reserved))
        http_connection_expire(container_of(s->reserved.next, struct http_connection, place_link));
    http_connection_open(port, fd, peer, reserved);
}

/* --- life ------------------------------------------------------------------------------------- */

struct http_server *http_server_new(uv_loop_t *loop, const struct http_handler *handler,
                                    const struct http_limits *limits, struct http_counts *counts,
                                    uint64_t seed)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL || !peers_init(&s->peers, seed)) {
        free(s);
        return NULL;
    }
    s->loop = loop;
    s->handler = *handler;
    s->limits = *limits;
    s->counts = counts;
    s->ticked_ms = uv_now(loop);
    json_writer_init(&s->out, HTTP_WRITE_MAX);
    list_init(&s->to_flush);
    list_init(&s->silent);
    list_init(&s->reserved);
    for (int phase = 0; phase < PHASE_TIMED; phase++)
        list_init(&s->phases[phase]);
    s->handles = 3;
    s->tick.data = s->prepare.data = s->idle.data = s;
    /* These only fail for invalid arguments. */
    check(uv_timer_init(loop, &s->tick) == 0);
    check(uv_prepare_init(loop, &s->prepare) == 0);
    check(uv_idle_init(loop, &s->idle) == 0);
    check(uv_timer_start(&s->tick, on_tick, http_tick_ms(limits), http_tick_ms(limits)) == 0);
    check(uv_prepare_start(&s->prepare, on_prepare) == 0);
    uv_unref((uv_handle_t *)&s->tick);
    uv_unref((uv_handle_t *)&s->prepare);
    return s;
}

int http_server_listen(struct http_server *s, const char *host, uint16_t port, bool first,
                       const void *user)
{
    check(s->port_count < HTTP_PORTS_MAX && !s->stopping);
    struct http_port *p = &s->ports[s->port_count++];
    const struct listener_handler handler = {p, on_connection, on_listener_exhausted,
                                             on_listener_closed};
    p->server = s;
    p->user = user;
    listener_init(&p->listener, s->loop, &handler);
    s->handles++;
    return listener_start(&p->listener, host, port, first);
}

uint16_t http_server_port(const struct http_server *s, const void *user)
{
    for (uint32_t i = 0; i < s->port_count; i++) {
        if (s->ports[i].user == user)
            return s->ports[i].listener.port;
    }
    return 0;
}

void http_server_stop(struct http_server *s, void (*stopped)(void *context), void *context)
{
    check(!s->stopping);
    s->stopping = true;
    s->stopped = stopped;
    s->stopped_context = context;
    for (uint32_t i = 0; i < s->port_count; i++)
        listener_close(&s->ports[i].listener);
    for (int phase = 0; phase < PHASE_LINGER; phase++) {
        struct list *head = &s->phases[phase], *at = head->next;
        while (at != head) {
            struct http_connection *c = container_of(at, struct http_connection, phase_link);
            at = at->next;
            http_connection_stop(c);
        }
    }
    http_free_if_done(s);
}
