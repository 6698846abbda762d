/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange: makes a message of a request - authorisation, the message's struct, idempotency and
 * preconditions - and hands it to the backend; response.c writes the answer. */
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/bridge_priv.h"
#include "gateway_bridge/http/percent.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "schemas/result.h"

#define ARENA_MAX (2 * 1024 * 1024)        /* of requests up to REQUEST_BODY_MAX */
#define ARENA_LARGE_MAX (40 * 1024 * 1024) /* of larger ones: parsed JSON takes a multiple */
#define REPLY_KEPT_MAX (64 * 1024)         /* a larger reply buffer is not kept */
#define KEY_MAX 255                        /* characters of an idempotency key */
#define NO_VERSION UINT64_MAX              /* a version that nothing ever has */

/* --- pool ------------------------------------------------------------------------------------- */

static struct exchange *exchange_take(struct bridge *b)
{
    struct fifo_link *spare = fifo_pop(&b->spare);
    struct exchange *x;
    if (spare != NULL) {
        x = container_of(container_of(spare, struct http_answer, link), struct exchange, answer);
    } else {
        x = slab_take(&b->exchanges);
        if (x == NULL)
            return NULL;
        arena_init(&x->arena, ARENA_MAX);
        wire_writer_init(&x->message.reply, BRIDGE_REPLY_MAX);
    }
    x->answer = (struct http_answer){0};
    x->bridge = b;
    x->route = NULL;
    x->page = NULL;
    x->issued = NULL;
    x->allow = NULL;
    x->claims = NULL;
    x->path = (struct slice){0};
    x->none_match = (struct slice){0};
    x->rated = false;
    x->refusal = RESULT_OK;
    x->challenge = CHALLENGE_NONE;
    x->token = TOKEN_OK;
    x->traced = false;
    x->made = NULL;
    x->error.rule = NULL;
    x->error.field[0] = '\0';
    struct wire_writer reply = x->message.reply;
    x->message = (struct message){.reply = reply};
    b->in_work++;
    return x;
}

void exchange_release(void *context, struct http_answer *a)
{
    struct bridge *b = context;
    struct exchange *x = container_of(a, struct exchange, answer);
    x->claims = token_claims_unref(x->claims);
    arena_reset(&x->arena);
    if (x->message.reply.cap > REPLY_KEPT_MAX) {
        wire_writer_done(&x->message.reply);
        wire_writer_init(&x->message.reply, BRIDGE_REPLY_MAX);
    }
    wire_writer_clear(&x->message.reply);
    fifo_push_front(&b->spare, &x->answer.link); /* the one still in the processor's cache */
    b->in_work--;
}

void exchange_free_all(struct bridge *b)
{
    struct fifo_link *spare;
    check(b->in_work == 0);
    while ((spare = fifo_pop(&b->spare)) != NULL) {
        struct exchange *x =
            container_of(container_of(spare, struct http_answer, link), struct exchange, answer);
        arena_done(&x->arena);
        wire_writer_done(&x->message.reply);
    }
    slab_done(&b->exchanges);
}

/* --- request id, trace, authorisation --------------------------------------------------------- */

static bool id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           c == '-' || c == '_' || c == '.';
}

/* The client's X-Request-Id if it is harmless, else a new one. */
static void set_request_id(struct exchange *x, struct slice given)
{
    bool good = given.len > 0 && given.len <= BRIDGE_REQUEST_ID_MAX;
    for (uint32_t i = 0; good && i < given.len; i++)
        good = id_char(given.data[i]);
    if (good) {
        memcpy(x->request_id, given.data, given.len);
        x->request_id_len = (uint8_t)given.len;
        return;
    }
    struct bridge *b = x->bridge;
    memcpy(x->request_id, "req_", 4);
    id128_text(id128_make(b->wall_s * 1000, env_random(b->options.env), 0), x->request_id + 4);
    x->request_id_len = 4 + ID128_TEXT_LEN;
}

/* W3C Trace Context. Of versions later than 00 the part that 00 has; anything else is ignored. */
static void set_trace(struct exchange *x, struct slice given)
{
    if (given.len < BRIDGE_TRACEPARENT_LEN || memcmp(given.data, "ff", 2) == 0)
        return;
    bool later = memcmp(given.data, "00", 2) != 0;
    if (given.len > BRIDGE_TRACEPARENT_LEN &&
        !(later && given.data[BRIDGE_TRACEPARENT_LEN] == '-'))
        return;
    for (uint32_t i = 0; i < BRIDGE_TRACEPARENT_LEN; i++) {
        char c = given.data[i];
        bool dash = i == 2 || i == 35 || i == 52;
        if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return;
    }
    if (memcmp(given.data + 3, "00000000000000000000000000000000", 32) == 0 ||
        memcmp(given.data + 36, "0000000000000000", 16) == 0)
        return;
    memcpy(x->traceparent, given.data, BRIDGE_TRACEPARENT_LEN);
    memcpy(x->traceparent, "00", 2); /* the version we speak */
    x->traced = true;
}

void exchange_forget_connection(void *context, void *user)
{
    (void)context;
    struct token_memo memo = {user};
    token_memo_done(&memo);
}

static uint16_t exchange_authorise(struct exchange *x, struct http_connection *c,
                                   const struct request *r)
{
    struct bridge *b = x->bridge;
    const struct bridge_access *access = &b->access[x->route - b->options.routes];
    if (x->route->scope == NULL)
        return RESULT_OK;
    struct slice value = request_field(r, FIELD_AUTHORIZATION);
    if (value.len <= 7 || !slice_equal_nocase((struct slice){value.data, 7}, "bearer ")) {
        x->challenge = CHALLENGE_TOKEN_MISSING;
        x->token = TOKEN_MISSING;
        return RESULT_UNAUTHENTICATED;
    }
    struct slice token = {value.data + 7, value.len - 7};
    while (token.len > 0 && token.data[0] == ' ') /* RFC 6750 section 2.1 has one or more */
        token = (struct slice){token.data + 1, token.len - 1};
    const struct token_claims *claims;
    struct token_memo memo = {http_connection_user(c)};
    uint16_t code = token_memo_verify(&memo, b->options.verifier, token, b->wall_s, &claims);
    http_connection_set_user(c, memo.claims);
    if (code != RESULT_OK) {
        x->challenge = CHALLENGE_TOKEN_INVALID;
        x->token = token_reason(b->options.verifier);
        return code;
    }
    if (!token_allows(claims, access->scope)) {
        x->challenge = CHALLENGE_SCOPE;
        return RESULT_INSUFFICIENT_SCOPE;
    }
    x->claims = token_claims_ref(claims);
    x->message.who = (struct principal){
        .tenant = claims->tenant,
        .subject = claims->subject,
        .client = claims->client,
        .tenant_id = claims->tenant_id,
        .subject_id = claims->subject_id,
        .any_owner = access->any_owner != 0 && token_allows(claims, access->any_owner),
    };
    return RESULT_OK;
}

/* --- the message's struct, from path, query and body ------------------------------------------ */

static uint16_t refuse_field(struct exchange *x, uint16_t code, struct slice field,
                             const char *rule)
{
    uint32_t len = field.len < JSON_FIELD_MAX - 1 ? field.len : JSON_FIELD_MAX - 1;
    if (len > 0)
        memcpy(x->error.field, field.data, len);
    x->error.field[len] = '\0';
    x->error.rule = rule;
    x->error.code = code;
    return code;
}

/* Percent-decoded copy in the arena, UTF-8; '+' is a space in queries. */
static bool decode_text(struct exchange *x, struct slice coded, bool query, struct slice *text)
{
    *text = arena_copy(&x->arena, coded);
    if (coded.len > 0 && text->data == NULL)
        return false;
    return percent_decode(coded, query, (char *)text->data, &text->len) &&
           wire_utf8_valid((const uint8_t *)text->data, text->len);
}

static uint16_t read_path(struct exchange *x, void *body, const struct route_match *match,
                          struct json_input *in)
{
    const struct route *route = x->route;
    for (uint32_t i = 0; i < route->path_field_count; i++) {
        struct slice text, name = slice_of(route->path_fields[i]);
        if (!decode_text(x, match->parameters[i], false, &text))
            return refuse_field(x, RESULT_BAD_REQUEST, name, "is not percent-encoded text");
        if (!json_text_get(route->request, body, name, text, in))
            return x->error.code;
    }
    return RESULT_OK;
}

static bool names_field(const struct route *route, struct slice name)
{
    for (uint32_t i = 0; i < route->query_field_count; i++) {
        if (slice_equal(slice_of(route->query_fields[i]), name))
            return true;
    }
    return false;
}

static uint16_t read_pair(struct exchange *x, void *body, struct slice pair, struct json_input *in)
{
    const char *equals = memchr(pair.data, '=', pair.len);
    uint32_t name_len = equals != NULL ? (uint32_t)(equals - pair.data) : pair.len;
    struct slice name, text, coded = {pair.data + name_len, 0};
    if (equals != NULL)
        coded = (struct slice){equals + 1, pair.len - name_len - 1};
    if (!decode_text(x, (struct slice){pair.data, name_len}, true, &name))
        return refuse_field(x, RESULT_BAD_REQUEST, slice_of("query"),
                            "is not percent-encoded text");
    if (!names_field(x->route, name))
        return refuse_field(x, RESULT_UNKNOWN_FIELD, name, "is no parameter of this operation");
    if (!decode_text(x, coded, true, &text))
        return refuse_field(x, RESULT_BAD_REQUEST, name, "is not percent-encoded text");
    return json_text_get(x->route->request, body, name, text, in) ? RESULT_OK : x->error.code;
}

static uint16_t read_query(struct exchange *x, void *body, struct slice query,
                           struct json_input *in)
{
    for (uint32_t pairs = 0; query.len > 0; pairs++) {
        if (pairs == BRIDGE_QUERY_MAX)
            return refuse_field(x, RESULT_BAD_REQUEST, slice_of("query"),
                                "may have at most 32 parameters");
        const char *end = memchr(query.data, '&', query.len);
        uint32_t len = end != NULL ? (uint32_t)(end - query.data) : query.len;
        struct slice pair = {query.data, len};
        uint16_t code = len > 0 ? read_pair(x, body, pair, in) : RESULT_OK;
        if (code != RESULT_OK)
            return code;
        uint32_t taken = end != NULL ? len + 1 : len;
        query = (struct slice){query.data + taken, query.len - taken};
    }
    return RESULT_OK;
}

/* The text up to the next ';', without the white space around it; *value goes on behind it. */
static struct slice next_parameter(struct slice *value)
{
    const char *end = memchr(value->data, ';', value->len);
    uint32_t len = end != NULL ? (uint32_t)(end - value->data) : value->len;
    uint32_t used = end != NULL ? len + 1 : len;
    struct slice text = {value->data, len};
    *value = (struct slice){value->data + used, value->len - used};
    while (text.len > 0 && (text.data[0] == ' ' || text.data[0] == '\t'))
        text = (struct slice){text.data + 1, text.len - 1};
    while (text.len > 0 && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* application/json in UTF-8; other parameters mean nothing to it (RFC 8259 section 11). */
static bool media_type_json(struct slice value)
{
    if (!slice_equal_nocase(next_parameter(&value), "application/json"))
        return false;
    while (value.len > 0) {
        struct slice parameter = next_parameter(&value);
        bool charset = parameter.len >= 8 &&
                       slice_equal_nocase((struct slice){parameter.data, 8}, "charset=");
        if (charset && !slice_equal_nocase(parameter, "charset=utf-8") &&
            !slice_equal_nocase(parameter, "charset=\"utf-8\""))
            return false;
    }
    return true;
}

static uint16_t read_body(struct exchange *x, void *body, const struct request *r,
                          struct json_input *in)
{
    struct slice text = request_slice(r, r->body);
    if (text.len == 0)
        return RESULT_OK;
    if (!x->route->body)
        return refuse_field(x, RESULT_BAD_REQUEST, slice_of("body"),
                            "is not taken by this operation");
    if (!media_type_json(request_field(r, FIELD_CONTENT_TYPE)) ||
        request_has(r, FIELD_CONTENT_ENCODING))
        return RESULT_UNSUPPORTED_MEDIA_TYPE;
    const struct yyjson_val *root = json_parse(text, &x->arena, &x->error);
    if (root == NULL || !json_read_object(x->route->request, body, root, in))
        return x->error.code;
    return RESULT_OK;
}

/* The message's struct from path, query and body. */
static uint16_t read_message(struct exchange *x, const struct route_match *match,
                             const struct request *r)
{
    const struct message_type *type = x->route->message;
    x->arena.allocated_max = r->body.len > REQUEST_BODY_MAX ? ARENA_LARGE_MAX : ARENA_MAX;
    void *body = arena_alloc(&x->arena, type->size);
    if (body == NULL)
        return RESULT_NO_MEMORY;
    struct json_input in;
    json_input_init(&in, &x->arena, &x->error);
    uint16_t code = read_path(x, body, match, &in);
    if (code == RESULT_OK)
        code = read_query(x, body, request_slice(r, r->query), &in);
    if (code == RESULT_OK)
        code = read_body(x, body, r, &in);
    if (code == RESULT_OK && !json_complete(x->route->request, body, &in))
        code = x->error.code;
    if (code != RESULT_OK)
        return code;
    struct message *m = &x->message;
    m->type = type;
    m->body = body;
    m->target_kind = type->target_kind;
    if (type->target_offset != MESSAGE_NO_OFFSET)
        memcpy(&m->target, (char *)body + type->target_offset, sizeof m->target);
    return RESULT_OK;
}

/* --- idempotency key, preconditions ----------------------------------------------------------- */

/* A bare token or a structured-field string; its content goes to `key`, which has room. */
static bool parse_key(struct slice value, char key[KEY_MAX], uint32_t *key_len)
{
    bool quoted = value.len >= 2 && value.data[0] == '"';
    uint32_t at = quoted ? 1 : 0, end = quoted ? value.len - 1 : value.len, len = 0;
    if (quoted && value.data[end] != '"')
        return false;
    for (; at < end; at++) {
        char c = value.data[at];
        if (quoted && c == '\\') {
            if (++at == end)
                return false;
            c = value.data[at];
            if (c != '"' && c != '\\')
                return false;
        } else if (c == '"') {
            return false;
        }
        if (c < (quoted ? 0x20 : 0x21) || c > 0x7e || len == KEY_MAX)
            return false;
        key[len++] = c;
    }
    *key_len = len;
    return len > 0;
}

static uint16_t read_key(struct exchange *x, const struct request *r)
{
    const struct route *route = x->route;
    if (!request_has(r, FIELD_IDEMPOTENCY_KEY))
        return route->idempotency_required ? RESULT_KEY_MISSING : RESULT_OK;
    if (!route->message->mutates)
        return RESULT_OK;
    char key[KEY_MAX];
    uint32_t key_len;
    if (!parse_key(request_field(r, FIELD_IDEMPOTENCY_KEY), key, &key_len))
        return refuse_field(x, RESULT_INVALID_KEY, slice_of("Idempotency-Key"),
                            "must have 1 to 255 visible ASCII characters; spaces only in quotes");
    struct message *m = &x->message;
    const struct principal *who = &m->who;
    /* The subject is in it so that no user of a client is ever given another user's answer. NUL
     * stands between, as no part contains it. */
    struct slice zero = {"", 1};
    struct slice pieces[] = {who->tenant, zero, who->client, zero, who->subject, zero,
                             slice_of(route->method), zero, slice_of(route->path), zero,
                             {key, key_len}};
    m->keyed = true;
    m->key = sha256_id(pieces, array_len(pieces));
    return RESULT_OK;
}

/* Hash of what is asked, however it was spelled. */
static uint16_t set_fingerprint(struct exchange *x)
{
    struct wire_writer *w = &x->bridge->encoded;
    struct message *m = &x->message;
    wire_writer_clear(w);
    m->type->write(w, m->body);
    if (w->failed)
        return RESULT_TOO_LARGE;
    struct slice zero = {"", 1};
    struct slice pieces[] = {slice_of(x->route->method), zero, slice_of(x->route->path), zero,
                             wire_written(w)};
    m->fingerprint = sha256_id(pieces, array_len(pieces));
    return RESULT_OK;
}

/* One entity tag. Ours are versions, like "17". A weak one, such as a proxy makes of ours, or one
 * that we never made matches no version (RFC 9110 section 13.1.1). */
static uint16_t read_if_match(struct exchange *x, const struct request *r)
{
    if (!request_has(r, FIELD_IF_MATCH))
        return RESULT_OK;
    struct slice value = request_field(r, FIELD_IF_MATCH);
    struct slice field = slice_of("If-Match");
    if (!x->route->etag)
        return refuse_field(x, RESULT_INVALID_HEADER, field, "this operation has no versions");
    if (slice_equal(value, slice_of("*")))
        return RESULT_OK;
    bool weak = value.len > 2 && memcmp(value.data, "W/", 2) == 0;
    struct slice tag = weak ? (struct slice){value.data + 2, value.len - 2} : value;
    if (tag.len < 2 || tag.data[0] != '"' || memchr(tag.data + 1, '"', tag.len - 1) !=
                                                 tag.data + tag.len - 1)
        return refuse_field(x, RESULT_INVALID_HEADER, field,
                            "must be one entity tag like \"17\", or *");
    u128 version = 0;
    bool own = !weak && u128_parse(tag.data + 1, tag.len - 2, &version) && version < NO_VERSION;
    x->message.conditional = true;
    x->message.expected_version = own ? (uint64_t)version : NO_VERSION;
    return RESULT_OK;
}

/* Where a version has just one answer: if it is the one the client has, 304 is enough. */
static void read_if_none_match(struct exchange *x, const struct request *r)
{
    if (x->route->not_modified && request_has(r, FIELD_IF_NONE_MATCH))
        x->none_match = arena_copy(&x->arena, request_field(r, FIELD_IF_NONE_MATCH));
}

/* --- from request to answer ------------------------------------------------------------------- */

static void on_done(struct message *m)
{
    struct exchange *x = container_of(m, struct exchange, message);
    http_answer_ready(&x->answer);
}

/* Takes one request off what the token's client may send. */
static uint16_t count_request(struct exchange *x)
{
    struct bridge *b = x->bridge;
    if (b->options.rate_limit == NULL || x->claims == NULL)
        return RESULT_OK;
    x->rate = rate_limit_take(b->options.rate_limit, x->claims->client_id, b->mono_ns);
    x->rated = true;
    if (x->rate.passed)
        return RESULT_OK;
    x->message.retry_after_ms = x->rate.reset_s * 1000;
    return RESULT_RATE_LIMITED;
}

static uint16_t make_message(struct exchange *x, struct http_connection *c,
                             const struct route_match *match, const struct request *r)
{
    if (x->bridge->in_work > BRIDGE_IN_WORK_MAX)
        return RESULT_BUSY;
    uint16_t code = exchange_authorise(x, c, r);
    if (code == RESULT_OK)
        code = count_request(x);
    if (code == RESULT_OK)
        code = read_key(x, r);
    if (code == RESULT_OK)
        code = read_if_match(x, r);
    read_if_none_match(x, r);
    if (code == RESULT_OK)
        code = read_message(x, match, r);
    if (code == RESULT_OK && x->message.keyed)
        code = set_fingerprint(x);
    return code;
}

/* Is it a path of the development issuer? Then x->issued is its answer. */
static bool ask_issuer(struct exchange *x, const struct request *r)
{
    struct bridge *b = x->bridge;
    if (b->options.issuer == NULL)
        return false;
    struct issuer_answer *answer = arena_alloc(&x->arena, sizeof *answer);
    if (answer == NULL ||
        !issuer_handle(b->options.issuer, slice_of(llhttp_method_name(r->http.method)), x->path,
                       request_field(r, FIELD_AUTHORIZATION), request_slice(r, r->body),
                       b->wall_s, answer))
        return false;
    x->issued = answer;
    x->allow = answer->allow;
    return true;
}

static struct exchange *exchange_begin(struct bridge *b, const struct request *r)
{
    bridge_clock(b);
    struct exchange *x = exchange_take(b);
    if (x == NULL)
        return NULL;
    x->arrived_ns = b->mono_ns;
    set_request_id(x, request_field(r, FIELD_REQUEST_ID));
    set_trace(x, request_field(r, FIELD_TRACEPARENT));
    x->path = arena_copy(&x->arena, request_slice(r, r->path));
    x->keep_alive_1_0 = r->http.http_minor == 0 && r->keep_alive;
    x->no_content = r->no_content;
    return x;
}

struct http_answer *exchange_request(void *context, struct http_connection *c,
                                     const struct request *r)
{
    struct bridge *b = context;
    struct exchange *x = exchange_begin(b, r);
    if (x == NULL)
        return NULL;
    struct route_match match;
    struct slice method = slice_of(llhttp_method_name((llhttp_method_t)r->http.method));
    router_find(b->router, method, request_slice(r, r->path), &match);
    uint16_t code = RESULT_OK;
    if (match.allow == NULL) {
        code = ask_issuer(x, r) ? RESULT_OK : RESULT_NO_ROUTE;
    } else if (match.route == NULL) {
        x->allow = match.allow;
        code = r->http.method == HTTP_OPTIONS ? RESULT_OK : RESULT_METHOD_NOT_ALLOWED;
    } else if (match.route->message == NULL) {
        x->page = page_of(match.route);
    } else {
        x->route = match.route;
        code = make_message(x, c, &match, r);
        if (code == RESULT_OK) {
            x->message.deadline_ns = b->mono_ns + BRIDGE_DEADLINE_MS * NS_PER_MS;
            x->message.done = on_done;
            x->message.request_id = exchange_request_id(x);
            x->message.trace_id = exchange_trace_id(x);
            b->options.backend->ask(b->options.backend->context, &x->message);
            return &x->answer;
        }
    }
    x->refusal = code;
    http_answer_ready(&x->answer);
    return &x->answer;
}

struct http_answer *exchange_refuse(void *context, struct http_connection *c,
                                    const struct request *r)
{
    (void)c;
    struct exchange *x = exchange_begin(context, r);
    if (x == NULL)
        return NULL;
    x->refusal = r->refusal;
    if (r->refusal_rule != NULL)
        refuse_field(x, r->refusal,
                     slice_of(r->refusal_field != NULL ? r->refusal_field : ""),
                     r->refusal_rule);
    http_answer_ready(&x->answer);
    return &x->answer;
}
