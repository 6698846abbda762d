/* SPDX-License-Identifier: Apache-2.0 */
/* From a ready exchange to the bytes of its answer: the body first, as it decides status and length
 * (a page, the issuer's answer, a reply as JSON, or a problem), then the head, then both into the
 * connection's buffer, but for a page's fixed content, which is sent from where it is. A reply that
 * is not what the route declares becomes a 500. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/message_reader.h"
#include "gateway_bridge/pages.h"
#include "gateway_bridge/problem.h"
#include "runtime/base/sha256.h"
#include "runtime/observe/log.h"
#include "schemas/catalog.h"
#include "schemas/common.h"
#include "schemas/instant.h"
#include "schemas/ledger.h"
#include "schemas/result.h"

#define RETRY_AFTER_S 1 /* where neither actor nor rate limit says how long */
#define DETAIL_MAX 200  /* bytes, with the name of a scope */

static const struct {
    uint16_t status;
    const char *line;
} status_lines[] = {
    {200, "HTTP/1.1 200 OK\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {411, "HTTP/1.1 411 Length Required\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

static void response_put(struct json_writer *out, const char *text)
{
    json_put_raw(out, text, strlen(text));
}

static void response_put_number(struct json_writer *out, uint64_t value)
{
    char text[U128_TEXT_MAX];
    json_put_raw(out, text, u128_text(value, text));
}

static void response_put_status(struct json_writer *out, uint16_t status)
{
    for (size_t i = 0; i < array_len(status_lines); i++) {
        if (status_lines[i].status == status) {
            response_put(out, status_lines[i].line);
            return;
        }
    }
    /* A status without a line above: the phrase may be empty. */
    json_put_literal(out, "HTTP/1.1 ");
    response_put_number(out, status);
    json_put_literal(out, " \r\n");
}

/* The scope that is missing: the operation's, or for an actor the one for things of others. */
static const char *response_scope(const struct exchange *x)
{
    return x->refusal == RESULT_OK ? x->route->any_owner_scope : x->route->scope;
}

static void response_put_digest(const struct exchange *x, struct json_writer *out)
{
    char text[HEADER_DIGEST_LEN + 2];
    if (x->digest == 0)
        return;
    snprintf(text, sizeof text, "-%08" PRIx32, x->digest);
    response_put(out, text);
}

static void response_put_challenge(const struct exchange *x, struct json_writer *out)
{
    const char *told = token_reason_told(x->token);
    switch (x->challenge) {
    case CHALLENGE_NONE:
    case CHALLENGE_COUNT:
        return;
    case CHALLENGE_TOKEN_MISSING:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\"\r\n");
        return;
    case CHALLENGE_TOKEN_INVALID:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\", "
                              "error=\"invalid_token\"");
        if (told != NULL) {
            json_put_literal(out, ", error_description=\"");
            response_put(out, told);
            json_put_literal(out, "\"");
        }
        json_put_literal(out, "\r\n");
        return;
    case CHALLENGE_SCOPE:
        json_put_literal(out, "WWW-Authenticate: Bearer realm=\"payments\", "
                              "error=\"insufficient_scope\", scope=\"");
        response_put(out, response_scope(x));
        json_put_literal(out, "\"\r\n");
        return;
    }
}

/* "client";q=10000;w=5 */
static void response_put_rate_item(const struct exchange_rate *rate, char first, uint64_t a,
                                   const char *second, uint64_t b, struct json_writer *out)
{
    json_put_literal(out, "\"");
    response_put(out, rate->policy);
    json_put_literal(out, "\";");
    json_put_raw(out, &first, 1);
    json_put_literal(out, "=");
    response_put_number(out, a);
    response_put(out, second);
    response_put_number(out, b);
}

/* draft-ietf-httpapi-ratelimit-headers: what may be sent, and what of it is left. */
static void response_put_rates(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "RateLimit-Policy: ");
    for (uint32_t i = 0; i < x->rate_count; i++) {
        const struct exchange_rate *rate = &x->rates[i];
        response_put(out, i > 0 ? ", " : "");
        response_put_rate_item(rate, 'q', rate_limit_burst(rate->limit),
                               ";w=", rate_limit_window_s(rate->limit), out);
    }
    json_put_literal(out, "\r\nRateLimit: ");
    for (uint32_t i = 0; i < x->rate_count; i++) {
        const struct exchange_rate *rate = &x->rates[i];
        response_put(out, i > 0 ? ", " : "");
        response_put_rate_item(rate, 'r', rate->verdict.remaining, ";t=", rate->verdict.reset_s,
                               out);
    }
    json_put_literal(out, "\r\n");
}

static void response_put_location(const struct exchange *x, struct json_writer *out)
{
    json_put_literal(out, "Location: ");
    for (uint32_t i = 0; i < x->route->location_count; i++) {
        const struct route_location *piece = &x->route->location[i];
        char text[ID128_TEXT_LEN];
        struct id128 id;
        response_put(out, piece->text);
        if (piece->prefix == NULL)
            continue;
        memcpy(&id, (const char *)x->created + piece->offset, sizeof id);
        id128_text(id, text);
        response_put(out, piece->prefix);
        json_put_literal(out, "_");
        json_put_raw(out, text, sizeof text);
    }
    json_put_literal(out, "\r\n");
}

/* RFC 5789 sections 2.2 and 3.1 */
static bool response_tells_patch(const struct exchange *x, uint16_t status)
{
    return status == 415 ? x->route != NULL && strcmp(x->route->method, "PATCH") == 0
                         : x->allow != NULL && strstr(x->allow, "PATCH") != NULL;
}

static void response_put_stale(const struct message *m, struct json_writer *out)
{
    char text[INSTANT_TEXT_MAX];
    json_put_literal(out, "X-Stale-As-Of: ");
    json_put_raw(out, text, instant_text(m->shown_ns, text));
    json_put_literal(out, "\r\n");
}

/* Header fields that only some answers carry. */
static void response_put_special(const struct exchange *x, uint16_t status, struct json_writer *out)
{
    const struct message *m = &x->message;
    if ((status == 201 || status == 202) && x->created != NULL)
        response_put_location(x, out);
    if (status < 400 && x->route != NULL && x->route->etag && m->version != 0) {
        json_put_literal(out, "ETag: \"");
        response_put_number(out, m->version);
        response_put_digest(x, out);
        json_put_literal(out, "\"\r\n");
    }
    if (x->rate_count > 0)
        response_put_rates(x, out);
    if (m->stale && status < 400)
        response_put_stale(m, out);
    if (status < 400 && m->type != NULL && m->type->view) {
        json_put_literal(out, "X-Rows-Looked-At: ");
        response_put_number(out, m->rows);
        json_put_literal(out, "\r\n");
    }
    if (m->quota_percent > 0) {
        json_put_literal(out, "X-Journal-Quota-Used: ");
        response_put_number(out, m->quota_percent);
        json_put_literal(out, "\r\n");
    }
    if (m->replayed)
        json_put_literal(out, "Idempotency-Replayed: true\r\n");
    if (status == 202 || status == 429 || status == 503) {
        uint32_t seconds = (m->retry_after_ms + 999) / 1000;
        json_put_literal(out, "Retry-After: ");
        response_put_number(out, seconds > 0 ? seconds : RETRY_AFTER_S);
        json_put_literal(out, "\r\n");
    }
    if (x->allow != NULL) {
        json_put_literal(out, "Allow: ");
        response_put(out, x->allow);
        json_put_literal(out, "\r\n");
    }
    if (x->coded && status == 415)
        json_put_literal(out, "Accept-Encoding: identity\r\n");
    if (response_tells_patch(x, status))
        json_put_literal(out, "Accept-Patch: application/json\r\n");
    response_put_challenge(x, out);
    if (x->issuer_answer != NULL)
        json_put_literal(out, "Pragma: no-cache\r\n"); /* RFC 6749 section 5.1 */
    if (x->issuer_answer != NULL && x->issuer_answer->authenticate != NULL) {
        json_put_literal(out, "WWW-Authenticate: ");
        response_put(out, x->issuer_answer->authenticate);
        json_put_literal(out, "\r\n");
    }
    if (x->traced) {
        json_put_literal(out, "traceparent: ");
        json_put_raw(out, x->traceparent, sizeof x->traceparent);
        json_put_literal(out, "\r\n");
    }
    if (x->answer.close)
        json_put_literal(out, "Connection: close\r\n");
    else if (x->keep_alive_1_0)
        json_put_literal(out, "Connection: keep-alive\r\n");
}

/* Of a page with a fixed content: it may be kept, but is asked for again each time. */
static void response_put_caching(const struct exchange *x, uint16_t status, bool fixed,
                                 struct json_writer *out)
{
    char tag[PAGE_TAG_MAX];
    if (!fixed) {
        json_put_literal(out, "\r\nCache-Control: no-store\r\n");
        return;
    }
    page_tag(x, tag);
    json_put_literal(out, "\r\nCache-Control: no-cache\r\nVary: Accept-Encoding\r\nETag: ");
    response_put(out, tag);
    json_put_literal(out, "\r\n");
    if (x->gzip && status == 200)
        json_put_literal(out, "Content-Encoding: gzip\r\n");
}

/* The body is what stands in b->body and `tail`. */
static void response_put_head(const struct exchange *x, uint16_t status, const char *content_type,
                              struct slice tail, struct json_writer *out)
{
    struct bridge *b = x->bridge;
    response_put_status(out, status);
    json_put_literal(out, "Date: ");
    json_put_raw(out, b->date, BRIDGE_DATE_LEN);
    if (status != 204 && status != 304) {
        json_put_literal(out, "\r\nContent-Type: ");
        response_put(out, content_type);
        json_put_literal(out, "\r\nContent-Length: ");
        response_put_number(out, b->body.len + tail.len);
    }
    response_put_caching(x, status, tail.len > 0, out);
    json_put_literal(out, "X-Content-Type-Options: nosniff\r\nX-Request-Id: ");
    json_put_raw(out, x->request_id, x->request_id_len);
    json_put_literal(out, "\r\n");
    if (x->page != NULL && page_is_document(x->page))
        json_put_literal(out, "Content-Security-Policy: default-src 'none'; script-src 'self'; "
                              "style-src 'self'; connect-src 'self'; img-src 'self'; "
                              "base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n"
                              "Referrer-Policy: no-referrer\r\n");
    response_put_special(x, status, out);
    json_put_literal(out, "\r\n");
}

/* The reply's msgpack as a struct in the arena; NULL if it is none of this type. */
static const void *response_read_body(struct exchange *x, const struct message_type *type)
{
    x->arena.allocated_max = SIZE_MAX; /* bounded by the size of the reply */
    void *reply = arena_alloc(&x->arena, type->size);
    struct slice bytes = wire_written(&x->message.reply);
    struct wire_reader r;
    wire_reader_init(&r, bytes.data, bytes.len);
    bool read = reply != NULL && type->read(&r, &x->arena, reply) && wire_finished(&r);
    return read ? reply : NULL;
}

/* The reply's msgpack as JSON; the status, or 0 if it is not what the route declares. */
static uint16_t response_write_reply(struct exchange *x, struct json_writer *body)
{
    const struct route *route = x->route;
    const struct message *m = &x->message;
    if (m->reply_type == 0)
        return 204;
    if (route->reply == NULL || m->reply_type != route->reply->number || m->reply.failed)
        return 0;
    const void *reply = response_read_body(x, route->reply);
    if (reply == NULL)
        return 0;
    route->reply_json->write(body, reply);
    x->created = route->location != NULL ? reply : NULL;
    if (body->failed)
        return 0;
    return m->code == RESULT_OK ? route->status : 202;
}

/* The work goes on, and this is what there is of it. */
static bool response_goes_on(const struct exchange *x)
{
    return x->message.code == RESULT_OUTCOME_PENDING && x->message.reply_type != 0;
}

/* Of a refusal by an actor: its code says which field broke which rule, if the operation has it. Of
 * one by a leg, it is the leg's if a leg has it. */
static void response_name_field(struct exchange *x, uint16_t code, const struct leg_refusal *by)
{
    const struct result_info *info = result_info(code);
    if (info == NULL || x->route == NULL)
        return;
    const struct json_type *request = x->route->request;
    bool of_leg = by != NULL && request->find(slice_of("legs")) >= 0;
    for (const char *const *field = info->fields; *field != NULL; field++) {
        const struct slice name = slice_of(*field);
        if (of_leg && transaction_leg_json.find(name) >= 0) {
            char leg[JSON_FIELD_MAX];
            snprintf(leg, sizeof leg, "legs[%" PRIu32 "].%s", by->failed_leg, *field);
            message_refuse_field(x, code, slice_of(leg), info->detail);
            return;
        }
        if (request->find(name) >= 0) {
            message_refuse_field(x, code, name, info->detail);
            return;
        }
    }
}

/* What an actor sent along with its refusal, such as the wallet that exists already. */
static const struct json_type *response_read_named(struct exchange *x, const void **named)
{
    const struct message *m = &x->message;
    bool sent = x->refusal == RESULT_OK && m->reply_type != 0 && !m->reply.failed;
    const struct catalog_entry *entry = sent ? catalog_by_number(m->reply_type) : NULL;
    return entry != NULL && (*named = response_read_body(x, entry->type)) != NULL ? entry->json
                                                                                  : NULL;
}

/* What the client is told of this occurrence beyond code and rule, or NULL. A scope is no secret:
 * every operation's is in the documents. */
static const char *response_detail(const struct exchange *x, uint16_t status, char text[DETAIL_MAX])
{
    if (status == 401)
        return token_reason_told(x->token);
    if (x->challenge != CHALLENGE_SCOPE)
        return NULL;
    snprintf(text, DETAIL_MAX, "The token lacks the scope %s, which this operation needs%s.",
             response_scope(x), x->refusal == RESULT_OK ? " for another owner" : "");
    return text;
}

static uint16_t response_write_problem(struct exchange *x, uint16_t code, struct json_writer *body)
{
    uint16_t status = problem_status(code);
    char detail[DETAIL_MAX];
    bool silent = status == 401 || status == 403 || status == 404;
    const void *named = NULL;
    const struct json_type *named_type = silent ? NULL : response_read_named(x, &named);
    if (named_type == &field_refusal_json) {
        const struct field_refusal *refusal = named;
        message_refuse_field(x, code, refusal->field, result_info(code)->detail);
        named_type = NULL;
    } else if (x->error.rule == NULL) {
        response_name_field(x, code, named_type == &leg_refusal_json ? named : NULL);
    }
    problem_write(
        &(struct problem){
            .code = code,
            .field = x->error.field,
            .rule = silent ? NULL : x->error.rule,
            .more = x->error.next,
            .detail = response_detail(x, status, detail),
            .instance = x->path,
            .request_id = exchange_request_id(x),
            .named_type = named_type,
            .named = named,
            .policy = x->rate_refused,
        },
        body);
    return status;
}

/* A client's mistake is no reason to wake an operator; 501 and 505 are such mistakes too. */
static enum log_level response_refusal_level(uint16_t status)
{
    bool clients = status < 500 || status == 501 || status == 505;
    return clients ? LOG_LEVEL_INFO : LOG_LEVEL_WARN;
}

/* One line for each refused request, within its client's limit: what the client's problem says, and
 * its client. No token, no key and nothing of the body. */
static void response_log_refusal(const struct exchange *x, uint16_t code, uint16_t status)
{
    struct bridge *b = x->bridge;
    struct log *log = b->options.env->log;
    const struct result_info *info = result_info(code);
    enum log_level level = response_refusal_level(status);
    uint64_t suppressed = 0;
    char address[ADDRESS_TEXT_MAX];
    const struct address *from = http_connection_address(x->answer.connection);
    if (!log_takes(log, level) ||
        !log_limit_pass(bridge_refusals_of(b, x->message.who.client, from), b->mono_ns,
                        &suppressed))
        return;
    address_text(from, address);
    const struct log_field fields[] = {
        log_uint("status", status),
        log_text("code", info != NULL ? info->name : NULL),
        log_slice("request_id", exchange_request_id(x)),
        log_slice("trace_id", exchange_trace_id(x)),
        log_slice("path", x->path),
        log_text("field", x->error.rule != NULL ? x->error.field : NULL),
        log_text("rule", x->error.rule),
        log_text("token", x->token != TOKEN_OK ? token_reason_text(x->token) : NULL),
        log_slice("client", x->message.who.client),
        log_text("address", address),
        log_uint("suppressed", suppressed),
        {0},
    };
    log_line(log, level, "request_refused", fields);
}

/* With a condition, and it has a version to compare. */
static bool response_reads_version(const struct exchange *x)
{
    return x->precondition != NULL && !x->route->message->mutates && x->message.version != 0;
}

/* Of what was read: If-None-Match names the version that came, and If-Match does not name it. */
static bool response_is_known(const struct exchange *x)
{
    return response_reads_version(x) &&
           version_list_names(&x->precondition->none_match, x->message.version, x->digest);
}

static bool response_is_unwanted(const struct exchange *x)
{
    return response_reads_version(x) && x->precondition->match.given &&
           !version_list_has(&x->precondition->match, x->message.version);
}

/* Not 0. What one version has several replies of, such as one for each day, is told apart. */
static uint32_t response_digest(struct slice body)
{
    uint32_t digest = (uint32_t)sha256_id(&body, 1).lo;
    return digest != 0 ? digest : 1;
}

/* The body of an answer that is no refusal; the status, or 0 if it cannot be given. */
static uint16_t response_write_success(struct exchange *x, struct json_writer *body)
{
    uint16_t status;
    if (page_content(x).len > 0) {
        status = x->known ? 304 : 200;
    } else if (x->page != NULL) {
        status = page_write(x->page, x->bridge, body);
    } else if (x->issuer_answer != NULL) {
        status = x->issuer_answer->status;
        json_put_raw(body, x->issuer_answer->body, x->issuer_answer->len);
    } else if (x->route == NULL) {
        status = 204; /* OPTIONS: what Allow says */
    } else {
        status = response_write_reply(x, body);
        if (status == 200 && route_is_conditional(x->route) && !x->route->not_modified)
            x->digest = response_digest(json_written(body));
        if (status == 200 && response_is_known(x)) {
            status = 304;
            json_writer_clear(body);
        }
    }
    return body->failed ? 0 : status;
}

static void response_count(const struct exchange *x, uint16_t status)
{
    const struct bridge *b = x->bridge;
    struct bridge_counts *counts = b->options.counts;
    size_t index = x->route != NULL ? (size_t)(x->route - b->options.routes) + 1
                                    : BRIDGE_ROUTE_OTHER;
    bridge_count_answer(counts, index, status, b->mono_ns - x->arrived_ns);
    if (x->challenge != CHALLENGE_NONE)
        http_count(&counts->refused[x->challenge]);
}

static bool response_lacks_memory(const struct exchange *x)
{
    return x->arena.no_memory || x->bridge->body.no_memory;
}

/* Without memory for what it would say, it says that; and nothing if there is none for that. */
static uint16_t response_write_refusal(struct exchange *x, uint16_t *code, struct json_writer *body)
{
    json_writer_clear(body);
    uint16_t status = response_write_problem(x, *code, body);
    if (response_lacks_memory(x) && *code != RESULT_NO_MEMORY) {
        *code = x->refusal = RESULT_NO_MEMORY;
        x->challenge = CHALLENGE_NONE;
        x->error = (struct json_error){0};
        json_writer_clear(body);
        status = response_write_problem(x, *code, body);
    }
    if (body->failed)
        json_writer_clear(body);
    return status;
}

/* An act on somebody's thing that its scope alone allows and that moves no money: a freeze, new
 * limits, and what becomes of ledger accounts. */
static bool response_is_administrative(const struct exchange *x)
{
    const struct route *r = x->route;
    return r != NULL && r->message != NULL && r->message->mutates && !r->idempotency_required &&
           r->scope != NULL &&
           (r->any_owner_scope == NULL || strcmp(r->any_owner_scope, r->scope) == 0);
}

static void response_log_act(const struct exchange *x)
{
    const struct message *m = &x->message;
    struct log *log = x->bridge->options.env->log;
    LOG_INFO(log, "administrative_act", log_text("act", m->type->name), log_slice("path", x->path),
             log_slice("tenant", m->who.tenant), log_slice("by", m->who.subject),
             log_slice("client", m->who.client), log_slice("request_id", exchange_request_id(x)));
}

struct slice response_write(void *context, struct http_answer *a, struct json_writer *out)
{
    struct bridge *b = context;
    struct exchange *x = container_of(a, struct exchange, answer);
    struct json_writer *body = &b->body;
    const char *content_type =
        x->page != NULL ? page_content_type(x->page) : "application/json";
    uint16_t code = x->message.code;
    uint16_t status = 0;
    if (x->refusal != RESULT_OK || response_goes_on(x))
        code = x->refusal;
    if (code == RESULT_OK && response_is_unwanted(x))
        code = x->refusal = RESULT_PRECONDITION;
    bridge_clock(b);
    json_writer_clear(body);
    if (code == RESULT_OK)
        status = response_write_success(x, body);
    if (code == RESULT_OK && status == 0) {
        code = response_lacks_memory(x) ? RESULT_NO_MEMORY : RESULT_FAILED;
        x->page = NULL;
        x->issuer_answer = NULL;
    }
    if (code == RESULT_INSUFFICIENT_SCOPE)
        x->challenge = CHALLENGE_SCOPE; /* also where an actor says so */
    if (code != RESULT_OK) {
        content_type = "application/problem+json";
        status = response_write_refusal(x, &code, body);
        response_log_refusal(x, code, status);
    } else if (response_is_administrative(x)) {
        response_log_act(x);
    }
    response_count(x, status);
    struct slice tail = code == RESULT_OK ? page_content(x) : (struct slice){0};
    response_put_head(x, status, content_type, tail, out);
    bool content = !x->no_content && status != 304;
    if (content && body->len > 0)
        json_put_raw(out, body->data, body->len);
    return content ? tail : (struct slice){0};
}
