/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes to requests, answers to bytes, and the phase it is in.
 *
 * Buffers. All connections of a loop read into the server's one input buffer and write from its one
 * output buffer. A connection has memory of its own only for an unfinished request (`unfinished`)
 * and for what the socket did not take (`outgoing`). Answers that are ready stay with their handler
 * until those before them are on their way: what they hold there is counted (`pending`).
 *
 * Path. on_read() gives the bytes to connection_consume(), which takes requests out of them. An
 * answer that becomes ready puts the connection into the server's `to_flush`;
 * http_connection_flush() writes all that are ready and goes on with requests that had to wait.
 * Whatever happened, http_connection_update() chooses the phase after it. A connection that cannot
 * go on is closed at once: its answers are released as they become ready, the last one frees it. */
#include "gateway_bridge/http/http_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/array.h"
#include "schemas/result.h"

#define UNFINISHED_KEPT_MAX (16 * 1024) /* a larger buffer is freed when it is empty */

/* --- phases ----------------------------------------------------------------------------------- */

#define TO(phase) (1u << PHASE_##phase)

/* The phases that may follow. HEAD and BODY end with their request (NONE) or its refusal (BUSY). */
static const uint16_t phase_edges[PHASE_COUNT] = {
    [PHASE_NONE] = TO(NONE) | TO(FIRST) | TO(IDLE) | TO(HEAD) | TO(BODY) | TO(BUSY) | TO(CLOSING),
    [PHASE_FIRST] =
        TO(NONE) | TO(IDLE) | TO(HEAD) | TO(BODY) | TO(BUSY) | TO(WRITE) | TO(LINGER) | TO(CLOSING),
    [PHASE_IDLE] = TO(NONE) | TO(HEAD) | TO(BODY) | TO(BUSY) | TO(WRITE) | TO(LINGER) | TO(CLOSING),
    [PHASE_HEAD] = TO(NONE) | TO(BODY) | TO(BUSY) | TO(WRITE) | TO(LINGER) | TO(CLOSING),
    [PHASE_BODY] = TO(NONE) | TO(BUSY) | TO(WRITE) | TO(LINGER) | TO(CLOSING),
    [PHASE_BUSY] = TO(NONE) | TO(IDLE) | TO(HEAD) | TO(BODY) | TO(WRITE) | TO(LINGER) | TO(CLOSING),
    [PHASE_WRITE] = TO(NONE) | TO(IDLE) | TO(HEAD) | TO(BODY) | TO(BUSY) | TO(LINGER) | TO(CLOSING),
    [PHASE_LINGER] = TO(CLOSING),
    [PHASE_CLOSING] = TO(CLOSED),
};

/* What holds in a phase: the table in http_priv.h. */
static bool connection_fits(const struct http_connection *c, enum http_phase phase)
{
    bool requests = c->input == INPUT_REQUESTS, busy = c->outgoing.busy;
    switch (phase) {
    case PHASE_FIRST:
    case PHASE_IDLE:
        return requests && !busy && c->unanswered == 0;
    case PHASE_HEAD:
    case PHASE_BODY:
        return requests && !busy;
    case PHASE_BUSY:
        return !busy && c->unanswered > 0;
    case PHASE_WRITE:
        return busy;
    case PHASE_LINGER:
        return c->input == INPUT_REFUSED && !busy && c->unanswered == 0;
    case PHASE_CLOSING:
        return !requests;
    case PHASE_CLOSED:
        return !requests && !busy;
    default:
        return phase == PHASE_NONE;
    }
}

/* The one place where the phase changes; its time begins and the server's lists follow. */
static void connection_move(struct http_connection *c, enum http_phase to)
{
    check((phase_edges[c->phase] & 1u << to) != 0 && connection_fits(c, to));
    list_remove(&c->phase_link);
    c->phase = to;
    c->entered_ms = uv_now(c->server->loop);
    if (to < PHASE_TIMED)
        list_append(&c->server->phases[to], &c->phase_link);
}

static bool connection_closing(const struct http_connection *c)
{
    return c->phase == PHASE_CLOSING || c->phase == PHASE_CLOSED;
}

static void connection_end_input(struct http_connection *c, enum http_input input)
{
    check(input != INPUT_REQUESTS);
    if (c->input < input)
        c->input = input;
}

/* --- end -------------------------------------------------------------------------------------- */

static void connection_free_if_done(struct http_connection *c)
{
    if (c->phase != PHASE_CLOSED || c->unanswered > 0)
        return;
    struct http_server *s = c->server;
    check(!c->outgoing.busy && fifo_empty(&c->answers) && c->pending == 0);
    list_remove(&c->flush_link);
    if (c->user != NULL)
        s->handler.forget(s->handler.context, c->user);
    free(c->unfinished);
    free(c);
    http_server_forget(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *c = handle->data;
    connection_move(c, PHASE_CLOSED);
    connection_free_if_done(c);
}

static void connection_abandon_answers(struct http_connection *c)
{
    const struct http_handler *h = &c->server->handler;
    for (struct fifo_link *link = c->answers.first; link != NULL; link = link->next) {
        struct http_answer *a = container_of(link, struct http_answer, link);
        if (!a->ready)
            h->abandon(h->context, a);
    }
}

static void connection_close(struct http_connection *c)
{
    if (connection_closing(c))
        return;
    connection_end_input(c, INPUT_REFUSED);
    connection_move(c, PHASE_CLOSING);
    http_server_vacate(c);
    connection_abandon_answers(c);
    http_server_flush_later(c); /* answers that are ready are released */
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct http_answer *connection_first_ready(struct http_connection *c)
{
    if (fifo_empty(&c->answers))
        return NULL;
    struct http_answer *a = container_of(c->answers.first, struct http_answer, link);
    return a->ready ? a : NULL;
}

static void connection_set_pending(struct http_connection *c, size_t pending)
{
    c->server->pending += pending - c->pending;
    http_count_add(&c->server->counts->pending, (uint64_t)pending - c->pending);
    c->pending = pending;
}

static void connection_take_answer(struct http_connection *c, struct http_answer *a)
{
    if (a == NULL) {
        connection_close(c);
        return;
    }
    a->connection = c;
    fifo_push(&c->answers, &a->link);
    c->unanswered++;
    if (!a->ready)
        return;
    connection_set_pending(c, c->pending + a->held);
    http_server_flush_later(c);
}

static void connection_release_answer(struct http_connection *c, struct http_answer *a)
{
    fifo_pop(&c->answers);
    c->unanswered--;
    connection_set_pending(c, c->pending - a->held);
    c->server->handler.release(c->server->handler.context, a);
}

void http_answer_ready(struct http_answer *a)
{
    check(!a->ready);
    a->ready = true;
    if (a->connection == NULL)
        return;
    connection_set_pending(a->connection, a->connection->pending + a->held);
    http_server_flush_later(a->connection);
}

static void on_gone(struct outgoing *o, bool good)
{
    struct http_connection *c = container_of(o, struct http_connection, outgoing);
    connection_set_pending(c, c->pending - o->held);
    if (connection_closing(c))
        return;
    if (good)
        http_server_flush_later(c);
    else
        connection_close(c);
}

static void connection_send(struct http_connection *c, struct slice data, struct slice tail)
{
    http_count_add(&c->server->counts->bytes_out, (uint64_t)data.len + tail.len);
    if (outgoing_send(&c->outgoing, (uv_stream_t *)&c->tcp, data.data, data.len, tail))
        connection_set_pending(c, c->pending + c->outgoing.held);
    else
        connection_close(c);
}

/* Those that are ready, until they are as many bytes as one write takes. */
static void connection_write_answers(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_answer *a;
    struct slice tail = {0};
    json_writer_clear(&s->out);
    while (tail.len == 0 && s->out.len < HTTP_PENDING_MAX &&
           (a = connection_first_ready(c)) != NULL) {
        if (s->stopping && c->unanswered == 1)
            a->close = true;
        tail = s->handler.write(s->handler.context, a, &s->out);
        bool last = a->close;
        connection_release_answer(c, a);
        if (last) {
            connection_end_input(c, INPUT_REFUSED);
            break;
        }
    }
    if (s->out.failed)
        connection_close(c);
    else if (s->out.len > 0)
        connection_send(c, json_written(&s->out), tail);
    if (!connection_closing(c) && !c->outgoing.busy && connection_first_ready(c) != NULL)
        http_server_flush_later(c);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool connection_reserve(struct http_connection *c, size_t cap)
{
    if (cap <= c->unfinished_cap)
        return true;
    char *grown = array_try_grow(c->unfinished, &c->unfinished_cap, cap, SIZE_MAX);
    if (grown != NULL)
        c->unfinished = grown;
    return grown != NULL;
}

/* Keeps `len` bytes for later; they may be in it already. */
static void connection_keep(struct http_connection *c, const char *data, size_t len)
{
    bool inside = len > 0 && c->unfinished_len > 0 && data >= c->unfinished &&
                  data < c->unfinished + c->unfinished_len;
    c->unfinished_len = 0;
    if (len == 0) {
        if (c->unfinished_cap > UNFINISHED_KEPT_MAX) {
            free(c->unfinished);
            c->unfinished = NULL;
            c->unfinished_cap = 0;
        }
        return;
    }
    if (!inside && !connection_reserve(c, len)) {
        connection_close(c);
        return;
    }
    if (data != c->unfinished)
        memmove(c->unfinished, data, len);
    c->unfinished_len = len;
}

static void connection_take_request(struct http_connection *c)
{
    struct http_server *s = c->server;
    bool last = !c->request.keep_alive || ++c->requests >= s->limits.requests_max || s->stopping ||
                c->reserved;
    connection_move(c, PHASE_NONE); /* the next request has its own time */
    struct http_answer *a = s->handler.request(s->handler.context, c, &c->request);
    connection_take_answer(c, a);
    if (last && a != NULL) {
        a->close = true;
        connection_end_input(c, INPUT_REFUSED);
    }
    request_next(&c->request);
}

/* Nothing of a body is kept, nor is the client told to go on, before its head has passed. */
static bool connection_passes_head(struct http_connection *c)
{
    struct http_server *s = c->server;
    if (!c->request.head_done || c->request.head_passed)
        return true;
    struct http_answer *a = s->handler.head(s->handler.context, c, &c->request);
    c->request.head_passed = a == NULL;
    if (a == NULL)
        return true;
    connection_end_input(c, INPUT_REFUSED);
    connection_take_answer(c, a);
    a->close = true;
    return false;
}

static void connection_take_refusal(struct http_connection *c)
{
    struct http_server *s = c->server;
    connection_end_input(c, INPUT_REFUSED);
    struct http_answer *a = s->handler.refuse(s->handler.context, c, &c->request);
    connection_take_answer(c, a);
    if (a != NULL)
        a->close = true;
}

static bool connection_may_take(const struct http_connection *c)
{
    return c->input == INPUT_REQUESTS && c->unanswered < HTTP_PIPELINE_MAX &&
           c->pending < HTTP_PENDING_MAX && !c->outgoing.busy;
}

static void connection_consume(struct http_connection *c, char *data, size_t len)
{
    size_t used = 0;
    bool more = false;
    while (len > 0 && !more && connection_may_take(c)) {
        switch (request_parse(&c->request, data, len, &used)) {
        case REQUEST_READY:
            connection_take_request(c);
            data += used;
            len -= used;
            break;
        case REQUEST_MORE:
            len = connection_passes_head(c) ? request_kept(&c->request) : 0;
            more = true;
            break;
        case REQUEST_REFUSED:
            connection_take_refusal(c);
            len = 0;
            break;
        }
    }
    if (connection_closing(c))
        return;
    connection_keep(c, data, c->input == INPUT_REQUESTS ? len : 0);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct http_connection *c = handle->data;
    (void)suggested;
    if (c->unfinished_len == 0) {
        *buffer = uv_buf_init(c->server->in, sizeof c->server->in);
        return;
    }
    if (!connection_reserve(c, c->unfinished_len + UNFINISHED_KEPT_MAX / 4)) {
        *buffer = uv_buf_init(NULL, 0);
        return;
    }
    *buffer = uv_buf_init(c->unfinished + c->unfinished_len,
                          (unsigned)(c->unfinished_cap - c->unfinished_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct http_connection *c = stream->data;
    (void)buffer;
    if (n == 0 || connection_closing(c))
        return;
    if (n == UV_EOF && c->phase != PHASE_LINGER && (c->unanswered > 0 || c->outgoing.busy)) {
        connection_end_input(c, INPUT_ENDED); /* half closed: it still waits for its answers */
        http_connection_update(c);
        return;
    }
    if (n < 0) {
        connection_close(c);
        return;
    }
    http_count_add(&c->server->counts->bytes_in, (uint64_t)n);
    http_server_heard(c);
    if (c->phase == PHASE_LINGER) {
        c->dropped += (size_t)n;
        if (c->dropped > HTTP_LINGER_BYTES_MAX)
            connection_close(c);
        return;
    }
    if (c->unfinished_len > 0)
        connection_consume(c, c->unfinished, c->unfinished_len + (size_t)n);
    else
        connection_consume(c, c->server->in, (size_t)n);
    http_connection_update(c);
}

static void connection_set_reading(struct http_connection *c, bool on)
{
    if (on == c->reading)
        return;
    c->reading = on;
    if (!on)
        uv_read_stop((uv_stream_t *)&c->tcp);
    else if (uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) != 0)
        connection_close(c);
}

static void on_shutdown(uv_shutdown_t *shutdown, int status)
{
    struct http_connection *c = shutdown->handle->data;
    if (status < 0)
        connection_close(c);
}

/* Closing with unread bytes in the socket would reset the connection and could destroy the last
 * answer on its way: so our side ends first, and what still comes is dropped for a while. */
static void connection_linger(struct http_connection *c)
{
    if (c->input == INPUT_ENDED ||
        uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        connection_close(c);
        return;
    }
    connection_keep(c, NULL, 0);
    connection_move(c, PHASE_LINGER);
    connection_set_reading(c, true);
}

/* Only once the requests before it are answered: answers keep their order. */
static void connection_send_continue(struct http_connection *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (c->input != INPUT_REQUESTS || c->unanswered > 0 || c->outgoing.busy ||
        !request_expects_continue(&c->request))
        return;
    c->request.seen &= ~(1u << FIELD_EXPECT);
    connection_send(c, (struct slice){text, sizeof text - 1}, (struct slice){0});
}

/* Of one that goes on. */
static enum http_phase connection_phase(const struct http_connection *c)
{
    if (c->outgoing.busy)
        return PHASE_WRITE;
    if (c->input == INPUT_REQUESTS && request_begun(&c->request))
        return c->request.head_done ? PHASE_BODY : PHASE_HEAD;
    if (c->unanswered > 0)
        return PHASE_BUSY;
    return c->heard ? PHASE_IDLE : PHASE_FIRST;
}

void http_connection_update(struct http_connection *c)
{
    if (connection_closing(c) || c->phase == PHASE_LINGER)
        return;
    connection_send_continue(c);
    if (connection_closing(c))
        return;
    if (c->input != INPUT_REQUESTS && c->unanswered == 0 && !c->outgoing.busy) {
        connection_linger(c);
        return;
    }
    connection_set_reading(c, connection_may_take(c));
    if (connection_closing(c))
        return;
    enum http_phase phase = connection_phase(c);
    if (phase != c->phase)
        connection_move(c, phase);
}

/* --- what the server asks of it --------------------------------------------------------------- */

/* It does not read, and all that waits is more than there is memory for. */
static bool connection_sheds(const struct http_connection *c)
{
    return c->outgoing.busy && c->server->pending > c->server->limits.pending_max;
}

void http_connection_flush(struct http_connection *c)
{
    struct http_answer *a;
    if (connection_closing(c)) {
        while ((a = connection_first_ready(c)) != NULL)
            connection_release_answer(c, a);
        connection_free_if_done(c);
        return;
    }
    if (!c->outgoing.busy)
        connection_write_answers(c);
    if (connection_sheds(c)) {
        http_count(&c->server->counts->timeouts);
        connection_close(c);
    }
    if (!connection_closing(c) && c->unfinished_len > c->request.fed && connection_may_take(c))
        connection_consume(c, c->unfinished, c->unfinished_len);
    http_connection_update(c);
}

void http_connection_expire(struct http_connection *c)
{
    http_count(&c->server->counts->timeouts);
    if (c->phase != PHASE_HEAD && c->phase != PHASE_BODY) {
        connection_close(c);
        return;
    }
    request_expire(&c->request);
    connection_take_refusal(c);
    if (!connection_closing(c)) {
        connection_keep(c, NULL, 0);
        http_connection_update(c);
    }
}

void http_connection_stop(struct http_connection *c)
{
    connection_end_input(c, INPUT_REFUSED);
    c->entered_ms = uv_now(c->server->loop);
    http_connection_update(c);
}

static struct http_connection *connection_new(const struct http_port *port, struct peer *peer)
{
    struct http_server *s = port->server;
    struct http_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->server = s;
    c->port = port;
    c->peer = peer;
    list_init(&c->peer_link);
    list_init(&c->place_link);
    list_init(&c->phase_link);
    list_init(&c->flush_link);
    fifo_init(&c->answers);
    outgoing_init(&c->outgoing, on_gone);
    c->phase = PHASE_NONE;
    check(uv_tcp_init(s->loop, &c->tcp) == 0); /* only fails for invalid arguments */
    c->tcp.data = c;
    request_init(&c->request, s->handler.body_max, s->handler.context);
    s->connections++;
    http_count(&s->counts->connections);
    return c;
}

void http_connection_open(const struct http_port *port, int fd, struct peer *peer, bool reserved)
{
    struct http_connection *c = connection_new(port, peer);
    if (c == NULL) {
        close(fd);
        peers_leave(&port->server->peers, peer);
        return;
    }
    http_server_take_place(c, reserved);
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        connection_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    http_connection_update(c);
}

const void *http_connection_port(const struct http_connection *c)
{
    return c->port->user;
}

const struct address *http_connection_address(const struct http_connection *c)
{
    return &c->peer->address;
}

bool http_connection_trusted(const struct http_connection *c)
{
    return c->peer->trusted;
}

bool http_connection_reserved(const struct http_connection *c)
{
    return c->reserved;
}

void *http_connection_user(const struct http_connection *c)
{
    return c->user;
}

void http_connection_set_user(struct http_connection *c, void *user)
{
    c->user = user;
}
