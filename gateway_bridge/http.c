/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP server over libuv.
 *
 * Buffers. All connections of a loop read into the server's one input buffer and write from its one
 * output buffer. A connection has memory of its own only for an unfinished request (`own`) and for
 * what the socket did not take (`rest`).
 *
 * Timeouts. A connection is in the list of its phase, ordered by when it entered it, so one timer
 * for the whole loop looks at the front of each list.
 *
 * Passes. A connection with something to do is `dirty`. flush_all() works the dirty ones off before
 * the loop can block: from the prepare handle, and from an idle handle, which keeps the loop from
 * blocking, for those marked after it.
 */
#include "gateway_bridge/http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway_bridge/listener.h"
#include "schemas/result.h"

#define OWN_KEPT_MAX (16 * 1024) /* a larger buffer is freed when it is empty */
#define TICK_MS_MAX 250          /* how late a timeout may be noticed */
#define TICK_MS_MIN 10
#define BODY_RATE_GRACE_MS 2000  /* HTTP_BODY_RATE_MIN holds from then on */

enum phase {
    PHASE_IDLE,   /* between requests */
    PHASE_HEAD,   /* a head has begun */
    PHASE_BODY,   /* a head is whole, its body is not */
    PHASE_BUSY,   /* nothing but unanswered requests: they have deadlines of their own */
    PHASE_WRITE,  /* the client does not take its answers */
    PHASE_LINGER, /* our side is closed; what still comes is dropped */
    PHASE_COUNT,
};

struct http_connection {
    uv_tcp_t tcp;
    uv_write_t write;
    uv_shutdown_t shutdown;
    struct http_server *server;
    struct request request;
    struct token_memo token;
    struct fifo answers; /* in the order of their requests */
    uint32_t in_work;
    struct list place; /* in server->phases[phase] */
    enum phase phase;  /* PHASE_COUNT: in none, settle() will say */
    uint64_t entered_ms; /* the phase */
    struct list dirty;   /* in server->dirty, or alone */
    char *own;           /* begins with what is left of an unfinished request */
    size_t own_len;
    size_t own_cap;
    char *rest; /* what the socket did not take, being written; NULL = nothing */
    size_t lingered;   /* bytes dropped in PHASE_LINGER */
    uint32_t requests; /* taken so far */
    bool reading;
    bool ended;   /* no further request is taken */
    bool eof;     /* the client sends no more */
    bool closing; /* uv_close() was called */
    bool closed;  /* and is done */
};

struct http_server {
    uv_loop_t *loop;
    struct http_handler handler;
    struct http_limits limits;
    struct listener listener;
    uv_timer_t tick;
    uv_prepare_t prepare;
    uv_idle_t idle;
    uint32_t handles; /* of the four above, not yet closed */
    bool listening;
    bool stopping;
    bool idling;
    struct list phases[PHASE_COUNT];
    struct list dirty; /* connections with something to write or to go on with */
    struct json_writer out;
    struct http_counts *counts;
    uint32_t connections;
    void (*stopped)(void *context);
    void *stopped_context;
    char in[HTTP_READ_SIZE];
};

const struct http_limits http_limits_default = {
    .head_ms = 5000,
    .body_ms = 10000,
    .idle_ms = 75000,
    .write_ms = 30000,
    .linger_ms = 2000,
    .stop_ms = 1000,
    .connections_max = 10000,
    .requests_max = 100000,
};

static void settle(struct http_connection *c);
static void on_idle(uv_idle_t *idle);

/* --- end of a connection ---------------------------------------------------------------------- */

static void part_closed(struct http_server *s)
{
    if (--s->handles > 0)
        return;
    void (*stopped)(void *) = s->stopped;
    void *context = s->stopped_context;
    json_writer_done(&s->out);
    free(s);
    if (stopped != NULL)
        stopped(context);
}

static void on_listener_closed(void *context)
{
    part_closed(context);
}

static void on_handle_closed(uv_handle_t *handle)
{
    part_closed(handle->data);
}

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, on_handle_closed);
}

static void server_free_if_done(struct http_server *s)
{
    if (!s->stopping || s->connections > 0)
        return;
    close_handle((uv_handle_t *)&s->tick);
    close_handle((uv_handle_t *)&s->prepare);
    close_handle((uv_handle_t *)&s->idle);
}

static void connection_free_if_done(struct http_connection *c)
{
    if (!c->closed || c->in_work > 0)
        return;
    struct http_server *s = c->server;
    list_remove(&c->dirty);
    token_memo_done(&c->token);
    free(c->own);
    free(c->rest);
    free(c);
    s->connections--;
    http_count_add(&s->counts->connections, UINT64_MAX); /* one less */
    server_free_if_done(s);
}

static void mark_dirty(struct http_connection *c)
{
    struct http_server *s = c->server;
    if (c->dirty.next != &c->dirty)
        return;
    list_append(&s->dirty, &c->dirty);
    if (!s->idling)
        s->idling = uv_idle_start(&s->idle, on_idle) == 0;
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
    list_remove(&c->place);
    mark_dirty(c); /* answers that are ready are released */
    uv_close((uv_handle_t *)&c->tcp, on_closed);
}

/* --- phases ----------------------------------------------------------------------------------- */

static void enter(struct http_connection *c, enum phase phase)
{
    list_remove(&c->place);
    c->phase = phase;
    c->entered_ms = uv_now(c->server->loop);
    list_append(&c->server->phases[phase], &c->place);
}

static uint32_t phase_limit_ms(const struct http_server *s, enum phase phase)
{
    switch (phase) {
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
        mark_dirty(c);
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
        mark_dirty(a->connection);
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
    mark_dirty(c);
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
        mark_dirty(c);
}

/* --- requests --------------------------------------------------------------------------------- */

static bool own_reserve(struct http_connection *c, size_t cap)
{
    if (cap <= c->own_cap)
        return true;
    if (cap < 2 * c->own_cap)
        cap = 2 * c->own_cap;
    char *own = realloc(c->own, cap);
    if (own == NULL)
        return false;
    c->own = own;
    c->own_cap = cap;
    return true;
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
    list_remove(&c->place); /* the next request has its own time */
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

static void consume(struct http_connection *c, char *data, size_t len)
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
        settle(c);
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
        consume(c, c->own, c->own_len + (size_t)n);
    else
        consume(c, c->server->in, (size_t)n);
    settle(c);
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
static void linger(struct http_connection *c)
{
    if (c->eof || uv_shutdown(&c->shutdown, (uv_stream_t *)&c->tcp, on_shutdown) != 0) {
        connection_close(c);
        return;
    }
    keep_bytes(c, NULL, 0);
    enter(c, PHASE_LINGER);
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

/* After anything happened to a connection: ends it, or sets its phase and whether it reads. */
static void settle(struct http_connection *c)
{
    if (c->closing || c->phase == PHASE_LINGER)
        return;
    send_continue(c);
    if (c->ended && c->in_work == 0 && c->rest == NULL) {
        linger(c);
        return;
    }
    set_reading(c, may_take(c));
    if (c->closing)
        return;
    enum phase phase = PHASE_IDLE;
    if (c->rest != NULL)
        phase = PHASE_WRITE;
    else if (!c->ended && request_begun(&c->request))
        phase = c->request.head_done ? PHASE_BODY : PHASE_HEAD;
    else if (c->in_work > 0)
        phase = PHASE_BUSY;
    if (phase != c->phase)
        enter(c, phase);
}

/* --- once per pass ---------------------------------------------------------------------------- */

static void flush(struct http_connection *c)
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
        consume(c, c->own, c->own_len);
    settle(c);
}

static void flush_all(struct http_server *s)
{
    while (!list_empty(&s->dirty)) {
        struct http_connection *c = container_of(s->dirty.next, struct http_connection, dirty);
        list_remove(&c->dirty);
        flush(c);
    }
    if (s->idling)
        uv_idle_stop(&s->idle);
    s->idling = false;
}

static void on_idle(uv_idle_t *idle)
{
    flush_all(idle->data);
}

static void on_prepare(uv_prepare_t *prepare)
{
    flush_all(prepare->data);
}

/* A request that came too slowly gets an answer; anything else just ends. */
static void expire(struct http_connection *c)
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
        settle(c);
    }
}

static bool too_slow(const struct http_connection *c, uint64_t elapsed_ms)
{
    return elapsed_ms > BODY_RATE_GRACE_MS &&
           (uint64_t)c->request.body.len * 1000 < HTTP_BODY_RATE_MIN * elapsed_ms;
}

static void on_tick(uv_timer_t *tick)
{
    struct http_server *s = tick->data;
    uint64_t now = uv_now(s->loop);
    for (int phase = 0; phase < PHASE_COUNT; phase++) {
        uint32_t limit_ms = phase_limit_ms(s, (enum phase)phase);
        struct list *head = &s->phases[phase], *at = head->next;
        while (at != head) {
            struct http_connection *c = container_of(at, struct http_connection, place);
            uint64_t elapsed_ms = now - c->entered_ms;
            at = at->next;
            if (elapsed_ms >= limit_ms || (phase == PHASE_BODY && too_slow(c, elapsed_ms)))
                expire(c);
            else if (phase != PHASE_BODY)
                break; /* the rest entered later */
        }
    }
}

/* --- server ----------------------------------------------------------------------------------- */

static void lack(struct http_server *s, enum http_shortage what)
{
    http_count(&s->counts->shortages[what]);
    s->handler.shortage(s->handler.context, what, s->connections);
}

static void on_listener_rests(void *context)
{
    lack(context, HTTP_SHORT_OF_DESCRIPTORS);
}

static struct http_connection *connection_new(struct http_server *s)
{
    struct http_connection *c = calloc(1, sizeof *c);
    if (c == NULL)
        return NULL;
    c->server = s;
    list_init(&c->place);
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

static void on_connection(void *context, int fd)
{
    struct http_server *s = context;
    bool place = s->connections < s->limits.connections_max;
    http_count(&s->counts->accepted);
    if (!place)
        lack(s, HTTP_SHORT_OF_PLACES);
    struct http_connection *c = place ? connection_new(s) : NULL;
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
    settle(c);
}

static uint64_t tick_ms(const struct http_limits *l)
{
    uint32_t least = l->head_ms;
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

struct http_server *http_server_new(uv_loop_t *loop, const struct http_handler *handler,
                                    const struct http_limits *limits, struct http_counts *counts)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    s->loop = loop;
    s->handler = *handler;
    s->limits = *limits;
    s->counts = counts;
    json_writer_init(&s->out, HTTP_WRITE_MAX);
    list_init(&s->dirty);
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        list_init(&s->phases[phase]);
    s->handles = 4;
    s->tick.data = s->prepare.data = s->idle.data = s;
    const struct listener_handler listener = {
        s, on_connection, on_listener_rests, on_listener_closed};
    listener_init(&s->listener, loop, &listener);
    /* These only fail for invalid arguments. */
    check(uv_timer_init(loop, &s->tick) == 0);
    check(uv_prepare_init(loop, &s->prepare) == 0);
    check(uv_idle_init(loop, &s->idle) == 0);
    check(uv_timer_start(&s->tick, on_tick, tick_ms(limits), tick_ms(limits)) == 0);
    check(uv_prepare_start(&s->prepare, on_prepare) == 0);
    uv_unref((uv_handle_t *)&s->tick);
    uv_unref((uv_handle_t *)&s->prepare);
    return s;
}

int http_server_listen(struct http_server *s, const char *host, uint16_t port, bool first)
{
    check(!s->listening && !s->stopping);
    int error = listener_start(&s->listener, host, port, first);
    s->listening = error == 0;
    return error;
}

uint16_t http_server_port(const struct http_server *s)
{
    return s->listener.port;
}

void http_server_stop(struct http_server *s, void (*stopped)(void *context), void *context)
{
    check(!s->stopping);
    s->stopping = true;
    s->stopped = stopped;
    s->stopped_context = context;
    listener_close(&s->listener);
    for (int phase = 0; phase < PHASE_LINGER; phase++) {
        struct list *head = &s->phases[phase], *at = head->next;
        while (at != head) {
            struct http_connection *c = container_of(at, struct http_connection, place);
            at = at->next;
            c->ended = true;
            c->entered_ms = uv_now(s->loop); /* who does not read has stop_ms from here on */
            settle(c);
        }
    }
    server_free_if_done(s);
}

struct token_memo *http_connection_token(struct http_connection *c)
{
    return &c->token;
}
