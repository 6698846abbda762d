/* SPDX-License-Identifier: Apache-2.0 */
/* One connection: bytes to requests, answers to bytes, and the phase it is in.
 *
 * Buffers. All connections of a loop read into the server's one input buffer and write from its one
 * output buffer. A connection has memory of its own only for an unfinished request (`own`) and for
 * what the socket did not take (`rest`). */
#include "gateway_bridge/http/http_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/array.h"
#include "schemas/result.h"

#define OWN_KEPT_MAX (16 * 1024) /* a larger buffer is freed when it is empty */

/* --- end -------------------------------------------------------------------------------------- */

static void connection_free_if_done(struct http_connection *c)
{
    if (!c->closed || c->in_work > 0)
        return;
    struct http_server *s = c->server;
    list_remove(&c->dirty);
    if (c->user != NULL)
        s->handler.forget(s->handler.context, c->user);
    free(c->own);
    free(c->rest);
    free(c);
    http_server_left(s);
}

static void on_closed(uv_handle_t *handle)
{
    struct http_connection *c = handle->data;
    c->closed = true;
    connection_free_if_done(c);
}

static void connection_close(struct http_connection *c)
{
    if (c->closing)
        return;
    c->closing = true;
    c->ended = true;
    list_remove(&c->phase_link);
    http_server_mark(c); /* answers that are ready are released */
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void connection_enter(struct http_connection *c, enum http_phase phase)
{
    list_remove(&c->phase_link);
    c->phase = phase;
    c->entered_ms = uv_now(c->server->loop);
    list_append(&c->server->phases[phase], &c->phase_link);
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct http_answer *first_ready(struct http_connection *c)
{
    if (fifo_empty(&c->answers))
        return NULL;
    struct http_answer *a = container_of(c->answers.first, struct http_answer, link);
    return a->ready ? a : NULL;
}

static void answer_take(struct http_connection *c, struct http_answer *a)
{
    if (a == NULL) {
        connection_close(c);
        return;
    }
    a->connection = c;
    fifo_push(&c->answers, &a->link);
    c->in_work++;
    if (a->ready)
        http_server_mark(c);
}

static void answer_release(struct http_connection *c, struct http_answer *a)
{
    fifo_pop(&c->answers);
    c->in_work--;
    c->server->handler.release(c->server->handler.context, a);
}

void http_answer_ready(struct http_answer *a)
{
    check(!a->ready);
    a->ready = true;
    if (a->connection != NULL)
        http_server_mark(a->connection);
}

static void on_written(uv_write_t *write, int status)
{
    struct http_connection *c = write->data;
    free(c->rest);
    c->rest = NULL;
    if (c->closing)
        return;
    if (status < 0) {
        connection_close(c);
        return;
    }
    http_server_mark(c);
}

static void send_bytes(struct http_connection *c, const char *data, size_t len)
{
    uv_buf_t buffer = uv_buf_init((char *)data, (unsigned)len);
    int sent = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
    if (sent < 0 && sent != UV_EAGAIN) {
        connection_close(c);
        return;
    }
    size_t done = sent < 0 ? 0 : (size_t)sent;
    http_count_add(&c->server->counts->bytes_out, len);
    if (done == len)
        return;
    c->rest = malloc(len - done);
    if (c->rest == NULL) {
        connection_close(c);
        return;
    }
    memcpy(c->rest, data + done, len - done);
    buffer = uv_buf_init(c->rest, (unsigned)(len - done));
    c->write.data = c;
    if (uv_write(&c->write, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) != 0) {
        free(c->rest);
        c->rest = NULL;
        connection_close(c);
    }
}

static void write_answers(struct http_connection *c)
{
    struct http_server *s = c->server;
    struct http_answer *a;
    json_writer_clear(&s->out);
    while ((a = first_ready(c)) != NULL && s->out.len < HTTP_WRITE_MAX / 2) {
        if (s->stopping && c->in_work == 1)
            a->close = true;
        s->handler.write(s->handler.context, a, &s->out);
        bool last = a->close;
        answer_release(c, a);
        if (last) {
            c->ended = true;
            break;
        }
    }
    if (s->out.failed)
        connection_close(c);
    else if (s->out.len > 0)
        send_bytes(c, s->out.data, s->out.len);
    if (!c->closing && c->rest == NULL && first_ready(c) != NULL)
        http_server_mark(c);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool own_reserve(struct http_connection *c, size_t cap)
{
    if (cap <= c->own_cap)
        return true;
    char *own = array_try_grow(c->own, &c->own_cap, cap, SIZE_MAX);
    if (own != NULL)
        c->own = own;
    return own != NULL;
}

/* Keeps `len` bytes in `own` for later; they may be in it already. */
static void keep_bytes(struct http_connection *c, const char *data, size_t len)
{
    bool inside = len > 0 && c->own_len > 0 && data >= c->own && data < c->own + c->own_len;
    c->own_len = 0;
    if (len == 0) {
        if (c->own_cap > OWN_KEPT_MAX) {
            free(c->own);
            c->own = NULL;
            c->own_cap = 0;
        }
        return;
    }
    if (!inside && !own_reserve(c, len)) {
        connection_close(c);
        return;
    }
    if (data != c->own)
        memmove(c->own, data, len);
    c->own_len = len;
}

static void take_request(struct http_connection *c)
{
    struct http_server *s = c->server;
    bool last = !c->request.keep_alive || ++c->requests >= s->limits.requests_max || s->stopping;
    struct http_answer *a = s->handler.request(s->handler.context, c, &c->request);
    answer_take(c, a);
    if (last && a != NULL) {
        a->close = true;
        c->ended = true;
    }
    request_next(&c->request);
    list_remove(&c->phase_link); /* the next request has its own time */
    c->phase = PHASE_COUNT;
}

static void take_refusal(struct http_connection *c)
{
    struct http_server *s = c->server;
    c->ended = true;
    struct http_answer *a = s->handler.refuse(s->handler.context, c, &c->request);
    answer_take(c, a);
    if (a != NULL)
        a->close = true;
}

static bool may_take(const struct http_connection *c)
{
    return !c->ended && c->in_work < HTTP_PIPELINE_MAX && c->rest == NULL;
}

static void connection_consume(struct http_connection *c, char *data, size_t len)
{
    size_t used = 0;
    bool more = false;
    while (len > 0 && !more && may_take(c)) {
        switch (request_parse(&c->request, data, len, &used)) {
        case REQUEST_READY:
            take_request(c);
            data += used;
            len -= used;
            break;
        case REQUEST_MORE:
            len = request_kept(&c->request);
            more = true;
            break;
        case REQUEST_REFUSED:
            take_refusal(c);
            len = 0;
            break;
        }
    }
    if (c->closing)
        return;
    keep_bytes(c, data, c->ended ? 0 : len);
}

/* --- reading ---------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    struct http_connection *c = handle->data;
    (void)suggested;
    if (c->own_len == 0) {
        *buffer = uv_buf_init(c->server->in, sizeof c->server->in);
        return;
    }
    if (!own_reserve(c, c->own_len + OWN_KEPT_MAX / 4)) {
        *buffer = uv_buf_init(NULL, 0);
        return;
    }
    *buffer = uv_buf_init(c->own + c->own_len, (unsigned)(c->own_cap - c->own_len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct http_connection *c = stream->data;
    (void)buffer;
    if (n == 0 || c->closing)
        return;
    if (n == UV_EOF && c->phase != PHASE_LINGER && (c->in_work > 0 || c->rest != NULL)) {
        c->eof = true;
        c->ended = true; /* half closed: it still waits for its answers */
        http_connection_update(c);
        return;
    }
    if (n < 0) {
        connection_close(c);
        return;
    }
    http_count_add(&c->server->counts->bytes_in, (uint64_t)n);
    if (c->phase == PHASE_LINGER) {
        c->lingered += (size_t)n;
        if (c->lingered > HTTP_LINGER_BYTES_MAX)
            connection_close(c);
        return;
    }
    if (c->own_len > 0)
        connection_consume(c, c->own, c->own_len + (size_t)n);
    else
        connection_consume(c, c->server->in, (size_t)n);
    http_connection_update(c);
}

static void set_reading(struct http_connection *c, bool on)
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
    if (c->eof || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        connection_close(c);
        return;
    }
    keep_bytes(c, NULL, 0);
    connection_enter(c, PHASE_LINGER);
    set_reading(c, true);
}

/* Only once the requests before it are answered: answers keep their order. */
static void send_continue(struct http_connection *c)
{
    static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    if (c->ended || c->in_work > 0 || c->rest != NULL || !request_expects_continue(&c->request))
        return;
    c->request.seen &= ~(1u << FIELD_EXPECT);
    send_bytes(c, text, sizeof text - 1);
}

void http_connection_update(struct http_connection *c)
{
    if (c->closing || c->phase == PHASE_LINGER)
        return;
    send_continue(c);
    if (c->ended && c->in_work == 0 && c->rest == NULL) {
        connection_linger(c);
        return;
    }
    set_reading(c, may_take(c));
    if (c->closing)
        return;
    enum http_phase phase = PHASE_IDLE;
    if (c->rest != NULL)
        phase = PHASE_WRITE;
    else if (!c->ended && request_begun(&c->request))
        phase = c->request.head_done ? PHASE_BODY : PHASE_HEAD;
    else if (c->in_work > 0)
        phase = PHASE_BUSY;
    if (phase != c->phase)
        connection_enter(c, phase);
}

/* --- what the server asks of it --------------------------------------------------------------- */

void http_connection_flush(struct http_connection *c)
{
    struct http_answer *a;
    if (c->closing) {
        while ((a = first_ready(c)) != NULL)
            answer_release(c, a);
        connection_free_if_done(c);
        return;
    }
    if (c->rest == NULL)
        write_answers(c);
    if (!c->closing && c->own_len > c->request.fed && may_take(c))
        connection_consume(c, c->own, c->own_len);
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
    take_refusal(c);
    if (!c->closing) {
        keep_bytes(c, NULL, 0);
        http_connection_update(c);
    }
}

static struct http_connection *connection_new(struct http_server *s)
{
    struct http_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->server = s;
    list_init(&c->phase_link);
    list_init(&c->dirty);
    fifo_init(&c->answers);
    c->phase = PHASE_COUNT;
    check(uv_tcp_init(s->loop, &c->tcp) == 0); /* only fails for invalid arguments */
    c->tcp.data = c;
    request_init(&c->request, s->handler.body_max, s->handler.context);
    s->connections++;
    http_count(&s->counts->connections);
    return c;
}

void http_connection_open(struct http_server *s, int fd)
{
    struct http_connection *c = connection_new(s);
    if (c == NULL) {
        close(fd);
        return;
    }
    if (uv_tcp_open(&c->tcp, fd) != 0) {
        close(fd);
        connection_close(c);
        return;
    }
    uv_tcp_nodelay(&c->tcp, 1);
    http_connection_update(c);
}

void *http_connection_user(const struct http_connection *c)
{
    return c->user;
}

void http_connection_set_user(struct http_connection *c, void *user)
{
    c->user = user;
}
