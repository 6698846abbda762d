/* SPDX-License-Identifier: Apache-2.0 */
/* The bridge on a real loopback socket before a backend of a few lines. Client and bridge share one
 * thread: step() lets each of them go on. Tokens are those of the functions at the top, which stand
 * in for token.c. Included once by each program that uses it. */
#ifndef TESTS_UNIT_BRIDGE_FIXTURE_H
#define TESTS_UNIT_BRIDGE_FIXTURE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "gateway_bridge/bridge.h"
#include "runtime/base/time.h"
#include "schemas/result.h"

#define ANSWER_MAX (1024 * 1024)
#define REPLY_TYPE 2

/* --- tokens: "reader" may read, "writer" may read and write; "ann" and "bob" use one client --- */

static struct token_claims reader = {
    .scopes = 1, .tenant = {"acme", 4}, .client = {"app", 3}, .application = true};
static struct token_claims writer = {
    .scopes = 3, .tenant = {"acme", 4}, .client = {"app", 3}, .application = true};
static struct token_claims ann = {.scopes = 3, .client = {"app", 3}, .subject_id = {1, 1}};
static struct token_claims bob = {.scopes = 3, .client = {"app", 3}, .subject_id = {2, 2}};
static enum token_reason refused_for;
static int examined; /* tokens that cost the work for a public key */

uint64_t token_scope_bit(struct token_scopes *scopes, const char *name)
{
    (void)scopes;
    return name == NULL ? 0 : strcmp(name, "notes:read") == 0 ? 1 : 2;
}

uint16_t token_memo_verify(struct token_memo *m, struct token_verifier *v, struct slice token,
                           uint64_t now_s, bool examine, const struct token_claims **ret)
{
    static const struct {
        const char *token;
        const struct token_claims *claims;
    } known[] = {{"reader", &reader}, {"writer", &writer}, {"ann", &ann}, {"bob", &bob}};
    (void)m, (void)v, (void)now_s;
    for (size_t i = 0; i < array_len(known); i++) {
        if (slice_equal(token, slice_of(known[i].token))) {
            *ret = known[i].claims;
            return RESULT_OK;
        }
    }
    examined += examine;
    refused_for = examine ? TOKEN_SIGNATURE : TOKEN_UNEXAMINED;
    return RESULT_UNAUTHENTICATED;
}

enum token_reason token_reason(const struct token_verifier *v)
{
    (void)v;
    return refused_for;
}

const char *token_reason_text(enum token_reason reason)
{
    return reason == TOKEN_SIGNATURE ? "signature is wrong" : "another reason";
}

const char *token_reason_told(enum token_reason reason)
{
    return reason == TOKEN_MISSING ? "send a token" : "it is not acceptable";
}

struct token_claims *token_claims_ref(const struct token_claims *claims)
{
    return (struct token_claims *)claims;
}

struct token_claims *token_claims_unref(const struct token_claims *claims)
{
    (void)claims;
    return NULL;
}

void token_memo_done(struct token_memo *m)
{
    (void)m;
}

/* --- one message: a note on a wallet ---------------------------------------------------------- */

struct note {
    struct id128 wallet_id;
    struct slice text;
    uint64_t count;
};

enum note_field { NOTE_WALLET_ID, NOTE_TEXT, NOTE_COUNT, NOTE_FIELDS };

static const char *const note_fields[NOTE_FIELDS] = {"wallet_id", "text", "count"};

static inline int note_find(struct slice name)
{
    for (int i = 0; i < NOTE_FIELDS; i++) {
        if (slice_equal(name, slice_of(note_fields[i])))
            return i;
    }
    return -1;
}

static inline bool note_set(void *m, int field, const struct json_token *t, struct json_input *in)
{
    struct note *note = m;
    switch (field) {
    case NOTE_WALLET_ID:
        return json_get_id(t, in, "wal",
                           "must be an id like \"wal_01J8Z3N5...\"", &note->wallet_id);
    case NOTE_TEXT:
        return json_get_text(t, in, 1, 40, "must have 1 to 40 bytes", &note->text);
    default:
        return json_get_u64(t, in, &note->count);
    }
}

static inline void note_json(struct json_writer *w, const void *m)
{
    const struct note *note = m;
    size_t object = json_open(w);
    json_put_key(w, "text");
    json_put_text(w, note->text);
    json_put_key(w, "count");
    json_put_u64(w, note->count);
    json_close_object(w, object);
}

static inline void note_write(struct wire_writer *w, const void *m)
{
    const struct note *note = m;
    wire_put_array(w, 3);
    wire_put_id(w, note->wallet_id);
    wire_put_text(w, note->text);
    wire_put_uint(w, note->count);
}

static inline bool note_read(struct wire_reader *r, struct arena *a, void *m)
{
    struct note *note = m;
    (void)a;
    if (wire_get_array(r, 3) != 3)
        return false;
    note->wallet_id = wire_get_id(r);
    note->text = wire_get_text(r, 40);
    note->count = wire_get_uint(r, UINT64_MAX);
    return !r->failed;
}

static const struct message_type note_create = {
    .name = "note_create",
    .number = 1,
    .target_kind = 5,
    .target_offset = offsetof(struct note, wallet_id),
    .size = sizeof(struct note),
    .mutates = true,
    .read = note_read,
    .write = note_write,
};
static const struct message_type note_reply = {
    .name = "note",
    .number = REPLY_TYPE,
    .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct note),
    .read = note_read,
    .write = note_write,
};
static const struct message_type note_list = {
    .name = "note_list",
    .number = 3,
    .target_kind = 5,
    .target_offset = offsetof(struct note, wallet_id),
    .view = true,
    .size = sizeof(struct note),
    .read = note_read,
    .write = note_write,
};

static const struct json_type note_create_json = {
    .name = "note_create",
    .size = sizeof(struct note),
    .count = NOTE_FIELDS,
    .fields = note_fields,
    .required = 1u << NOTE_WALLET_ID | 1u << NOTE_TEXT,
    .find = note_find,
    .set = note_set,
    .write = note_json,
};
static const struct json_type note_list_json = {
    .name = "note_list",
    .size = sizeof(struct note),
    .count = NOTE_FIELDS,
    .fields = note_fields,
    .required = 1u << NOTE_WALLET_ID,
    .find = note_find,
    .set = note_set,
    .write = note_json,
};

static const char *const wallet_field[] = {"wallet_id"};
static const char *const count_field[] = {"count", "text"};

static const struct route_location note_location[] = {
    {"/wallets/", "wal", offsetof(struct note, wallet_id)},
    {"/note", NULL, 0},
};

static const struct route_service platform = {
    "platform", "payment_platform", "Payment Platform", "All of them.", 0, 6};
static const struct route_service notes = {"notes", "notes_service", "Notes Service", "Notes.", 0,
                                           6};
static const struct route_service pens = {"pens", "pens_service", "Pens Service", "Pens.", 0, 0};

static const struct route routes[] = {
    {.method = "POST",
     .path = "/wallets/{wallet_id}/notes",
     .message = &note_create,
     .service = &notes,
     .request = &note_create_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:write",
     .idempotency_required = true,
     .etag = true,
     .body = true,
     .status = 201,
     .location = note_location,
     .location_count = array_len(note_location),
     .path_fields = wallet_field,
     .path_field_count = 1},
    {.method = "GET",
     .path = "/wallets/{wallet_id}/notes",
     .message = &note_list,
     .service = &notes,
     .request = &note_list_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:read",
     .status = 200,
     .path_fields = wallet_field,
     .path_field_count = 1,
     .query_fields = count_field,
     .query_field_count = 2},
    {.method = "GET",
     .path = "/wallets/{wallet_id}/note",
     .message = &note_list,
     .service = &notes,
     .request = &note_list_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:read",
     .etag = true,
     .not_modified = true,
     .status = 200,
     .path_fields = wallet_field,
     .path_field_count = 1},
    {.method = "GET",
     .path = "/wallets/{wallet_id}/today",
     .message = &note_list,
     .service = &notes,
     .request = &note_list_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:read",
     .etag = true,
     .status = 200,
     .path_fields = wallet_field,
     .path_field_count = 1,
     .query_fields = count_field,
     .query_field_count = 2},
    {.method = "PATCH",
     .path = "/wallets/{wallet_id}/note",
     .message = &note_create,
     .service = &notes,
     .request = &note_create_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:write",
     .etag = true,
     .body = true,
     .status = 200,
     .path_fields = wallet_field,
     .path_field_count = 1},
    {.method = "POST",
     .path = "/notes/batch",
     .message = &note_create,
     .service = &notes,
     .request = &note_create_json,
     .reply = &note_reply,
     .reply_json = &note_create_json,
     .scope = "notes:write",
     .body = true,
     .status = 201},
};

#define ALL_PAGES (BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_METRICS | BRIDGE_PAGES_DOCUMENTS)

static const struct bridge_port_options ports[] = {
    {.service = &platform, .route_count = array_len(routes), .pages = ALL_PAGES},
    {.service = &notes, .route_count = array_len(routes), .pages = ALL_PAGES, .compat = true},
    {.service = &pens, .pages = ALL_PAGES, .compat = true},
};

/* --- the world -------------------------------------------------------------------------------- */

#define UNANSWERED_MAX 64

struct fixture {
    uv_loop_t loop;
    struct env env;
    struct bridge_backend backend;
    struct token_scopes scopes;
    struct bridge_counts counts;
    struct rate_limits rate_limits;
    struct bridge *bridge;
    const struct route_service *service;        /* to whose port the client connects */
    struct message *unanswered[UNANSWERED_MAX]; /* asked, not answered yet */
    int unanswered_count;
    bool backwards; /* answers the last one first */
    int asked;
    uint16_t code; /* of the next answers */
    bool goes_on;  /* they tell what there is until the work is done */
    bool ready, warned;
    bool replayed;
    bool metrics_too_long;
    size_t metrics_len; /* of a page of metrics, at least */
    uint32_t retry_after_ms;
    uint64_t shown_ns; /* the same: lists may lack what came after; 0 = they do not */
    struct id128 key, fingerprint, target;
    char request_id[64], trace_id[64]; /* of the last message */
    struct precondition precondition; /* of the last message */
    bool stopped;
    uint64_t random;
    int client;
    char answer[ANSWER_MAX];
    size_t answer_len;
    bool closed;
    uint64_t sent;
    int receive_size; /* of the client's socket; 0 = as the system likes */
};

static inline uint64_t clock_ns(struct env *e)
{
    (void)e;
    return 1700000000 * NS_PER_S;
}

static inline uint64_t count_up(struct env *e)
{
    return container_of(e, struct fixture, env)->random++;
}

static const struct env_ops world = {.mono_ns = clock_ns, .wall_ns = clock_ns, .random = count_up};

static inline void ask(void *context, struct message *m)
{
    struct fixture *f = context;
    assert_true(f->unanswered_count < UNANSWERED_MAX);
    f->unanswered[f->unanswered_count++] = m;
    f->asked++;
    f->key = m->key;
    f->fingerprint = m->fingerprint;
    f->target = m->target;
    f->precondition = m->precondition != NULL ? *m->precondition : (struct precondition){0};
    snprintf(f->request_id, sizeof f->request_id, "%.*s", (int)m->request_id.len,
             m->request_id.data);
    snprintf(f->trace_id, sizeof f->trace_id, "%.*s", (int)m->trace_id.len, m->trace_id.data);
}

static inline bool is_ready(void *context, const char **reason)
{
    struct fixture *f = context;
    if (!f->ready)
        *reason = "the store is full";
    else if (f->warned)
        *reason = "a batch is damaged";
    return f->ready;
}

static inline bool metrics(void *context, struct json_writer *out)
{
    struct fixture *f = context;
    for (size_t len = 0; len == 0 || len < f->metrics_len; len += strlen("notes_total 1\n"))
        json_put_literal(out, "notes_total 1\n");
    return !f->metrics_too_long;
}

static inline void answer_one(struct fixture *f, struct message *m)
{
    m->code = f->code;
    m->replayed = f->replayed;
    m->retry_after_ms = f->retry_after_ms;
    m->stale = f->shown_ns != 0;
    m->rows = 7;
    m->shown_ns = f->shown_ns;
    m->version = 7;
    if (f->code == RESULT_OK || f->goes_on) {
        m->reply_type = REPLY_TYPE;
        note_write(&m->reply, m->body);
    }
    m->done(m);
}

static inline void answer_all(struct fixture *f)
{
    int count = f->unanswered_count;
    f->unanswered_count = 0;
    for (int i = 0; i < count; i++)
        answer_one(f, f->unanswered[f->backwards ? count - 1 - i : i]);
}

static inline struct fixture *given_with(const struct http_limits *limits,
                                         struct rate_limits rate_limits)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_int_equal(uv_loop_init(&f->loop), 0);
    f->rate_limits = rate_limits;
    f->env.ops = &world;
    f->ready = true;
    f->client = -1;
    f->backend = (struct bridge_backend){f, ask, is_ready, metrics};
    f->bridge = bridge_new(&(struct bridge_options){
        .loop = &f->loop,
        .env = &f->env,
        .backend = &f->backend,
        .routes = routes,
        .route_count = array_len(routes),
        .scopes = &f->scopes,
        .limits = limits,
        .counts = &f->counts,
        .rate_limits = rate_limits,
        .version = "9.8.7",
    });
    assert_non_null(f->bridge);
    for (size_t i = 0; i < array_len(ports); i++)
        assert_int_equal(bridge_listen(f->bridge, &ports[i], "127.0.0.1", 0, true), 0);
    f->service = &platform;
    return f;
}

static inline struct fixture *given_limits(const struct http_limits *limits)
{
    return given_with(limits, (struct rate_limits){0});
}

static inline struct fixture *given(void)
{
    return given_with(NULL, (struct rate_limits){0});
}

static inline void hang_up(struct fixture *f)
{
    if (f->client >= 0)
        close(f->client);
    f->client = -1;
    f->answer_len = 0;
    f->closed = false;
}

static inline void on_stopped(void *context)
{
    struct fixture *f = context;
    f->stopped = true;
}

static inline void done(struct fixture *f)
{
    hang_up(f);
    answer_all(f);
    bridge_stop(f->bridge, on_stopped, f);
    for (int i = 0; i < 1000 && !f->stopped; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        answer_all(f);
    }
    assert_true(f->stopped);
    assert_int_equal(uv_loop_close(&f->loop), 0);
    rate_limit_free(f->rate_limits.client);
    rate_limit_free(f->rate_limits.subject);
    rate_limit_free(f->rate_limits.address);
    free(f);
}

static inline uint64_t bytes_in(const struct fixture *f)
{
    return http_counted(&f->counts.http.bytes_in);
}

static inline void connect_to(struct fixture *f)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(bridge_port(f->bridge, f->service))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    hang_up(f);
    f->sent = bytes_in(f);
    f->client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->client >= 0);
    if (f->receive_size > 0)
        setsockopt(f->client, SOL_SOCKET, SO_RCVBUF, &f->receive_size, sizeof f->receive_size);
    assert_int_equal(connect(f->client, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(fcntl(f->client, F_SETFL, O_NONBLOCK), 0);
}

static inline void receive(struct fixture *f)
{
    ssize_t n = recv(f->client, f->answer + f->answer_len, ANSWER_MAX - 1 - f->answer_len, 0);
    if (n > 0)
        f->answer_len += (size_t)n;
    else if (n == 0 || errno == ECONNRESET)
        f->closed = true;
    f->answer[f->answer_len] = '\0';
}

static inline void step(struct fixture *f)
{
    uv_run(&f->loop, UV_RUN_NOWAIT);
    answer_all(f);
    uv_run(&f->loop, UV_RUN_NOWAIT);
    receive(f);
}

static inline void send_all(struct fixture *f, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(f->client, data, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            step(f);
            continue;
        }
        if (n < 0)
            return; /* it hung up: the answer tells why */
        data += n;
        len -= (size_t)n;
        f->sent += (uint64_t)n;
    }
}

/* The bridge has read all that was sent. */
static inline void arrive(struct fixture *f)
{
    for (int i = 0; i < 5000 && bytes_in(f) < f->sent; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        if (bytes_in(f) < f->sent)
            usleep(100);
    }
    assert_int_equal(bytes_in(f), f->sent);
}

/* Until nothing has moved for a while: longer if there is no answer yet. */
static inline void settle(struct fixture *f)
{
    for (int quiet = 0; quiet < (f->answer_len > 0 ? 10 : 500) && !f->closed; quiet++) {
        size_t len = f->answer_len;
        uint64_t in = bytes_in(f);
        step(f);
        if (len != f->answer_len || in != bytes_in(f))
            quiet = 0;
        else
            usleep(100);
    }
}

static inline bool is_closed(struct fixture *f)
{
    for (int i = 0; i < 5000 && !f->closed; i++) {
        step(f);
        if (!f->closed)
            usleep(100);
    }
    return f->closed;
}

/* Status of the first answer; 0 = none. */
static inline int status(const struct fixture *f)
{
    return f->answer_len > 12 ? (int)strtol(f->answer + 9, NULL, 10) : 0;
}

static inline int tell(struct fixture *f, const char *data, size_t len)
{
    connect_to(f);
    send_all(f, data, len);
    settle(f);
    return status(f);
}

static inline int tell_text(struct fixture *f, const char *text)
{
    return tell(f, text, strlen(text));
}

static inline int answers(const struct fixture *f)
{
    int count = 0;
    for (const char *at = f->answer; (at = strstr(at, "HTTP/1.1 ")) != NULL; at++)
        count += at[9] >= '1' && at[9] <= '5';
    return count;
}

/* --- texts ------------------------------------------------------------------------------------ */

#define WALLET "wal_01J9ZZZZZZZZZZZZZZZZZZZZZZ"
#define H "Host: pay.example\r\n"
#define GET "GET /health HTTP/1.1\r\n" H
#define NOTES "/wallets/" WALLET "/notes"
#define POST "POST " NOTES " HTTP/1.1\r\n" H "Authorization: Bearer writer\r\n"
#define KEY "Idempotency-Key: k1\r\n"
#define JSON "Content-Type: application/json\r\n"
#define BODY "{\"text\":\"hello\"}"
#define CHUNKED POST KEY JSON "Transfer-Encoding: chunked\r\n"
#define READ "GET " NOTES "%s HTTP/1.1\r\n" H "Authorization: Bearer reader\r\n\r\n"

static inline int post(struct fixture *f, const char *more, const char *body)
{
    char text[8192];
    snprintf(text, sizeof text, POST "%s" JSON "Content-Length: %zu\r\n\r\n%s", more, strlen(body),
             body);
    return tell_text(f, text);
}

/* Of the last answer; empty: it has no such field. */
static inline const char *field_of(const struct fixture *f, const char *name, char value[128])
{
    char start[64];
    snprintf(start, sizeof start, "\r\n%s: ", name);
    const char *at = strstr(f->answer, start);
    value[0] = '\0';
    if (at != NULL)
        snprintf(value, 128, "%.*s", (int)strcspn(at + strlen(start), "\r"), at + strlen(start));
    return value;
}

#endif
