/* SPDX-License-Identifier: Apache-2.0 */
/* From a ready exchange to the bytes of its answer: the body first, as it decides status and length
 * (a page, the issuer's answer, a reply as JSON, or a problem), then the head (response_head.c),
 * then both into the connection's buffer, but for a page's fixed content, which is sent from where
 * it is. A reply that is not what the route declares becomes a 500. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/csv.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/message_reader.h"
#include "gateway_bridge/pages.h"
#include "gateway_bridge/problem.h"
#include "gateway_bridge/response_head.h"
#include "runtime/base/sha256.h"
#include "runtime/observe/log.h"
#include "schemas/catalog.h"
#include "schemas/common.h"
#include "schemas/ledger.h"
#include "schemas/result.h"

#define DETAIL_MAX 256 /* bytes, with the name of a scope, or of a service */

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
    x->listed = x->csv || (route->bare && body->compat) ? reply : NULL;
    if (body->failed || (x->csv && !csv_write(route->csv, &x->arena, body)))
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

/* Who comes from the replaced platform may have the wrong one of its ports. */
static const char *response_elsewhere(const struct exchange *x, char text[DETAIL_MAX])
{
    const struct route_service *s = x->elsewhere;
    uint16_t port = bridge_port(x->bridge, s);
    uint16_t whole = bridge_port(x->bridge, x->bridge->ports[0].options.service);
    int len = snprintf(text, DETAIL_MAX,
                       "This port has nothing there: it is an operation of the %s", s->title);
    if (port != 0)
        snprintf(text + len, DETAIL_MAX - (size_t)len, ", at port %u.", (unsigned)port);
    else
        snprintf(text + len, DETAIL_MAX - (size_t)len,
                 ", which has no port here; all of them are at port %u.", (unsigned)whole);
    return text;
}

/* What the client is told of this occurrence beyond code and rule, or NULL. A scope is no secret,
 * nor is which operations there are: both are in the documents. */
static const char *response_detail(const struct exchange *x, uint16_t status, char text[DETAIL_MAX])
{
    if (status == 401)
        return token_reason_told(x->token);
    if (x->elsewhere != NULL)
        return response_elsewhere(x, text);
    if (x->challenge != CHALLENGE_SCOPE)
        return NULL;
    snprintf(text, DETAIL_MAX, "The token lacks the scope %s, which this operation needs%s.",
             response_scope(x), x->refusal == RESULT_OK ? " for another owner" : "");
    return text;
}

static uint16_t response_write_problem(struct exchange *x, uint16_t code, struct json_writer *body)
{
    bool refused = x->refused != NULL && x->refused->refusal == code;
    uint16_t status = refused ? x->refused->status : problem_status(code);
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
            .status = status,
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
        log_text("service", exchange_service(x)->told),
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
        status = page_write(x, body);
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
    LOG_INFO(log, "administrative_act", log_text("act", m->type->name),
             log_text("service", exchange_service(x)->told), log_slice("path", x->path),
             log_slice("tenant", m->who.tenant), log_slice("by", m->who.subject),
             log_slice("client", m->who.client), log_slice("request_id", exchange_request_id(x)));
}

struct slice response_write(void *context, struct http_answer *a, struct json_writer *out)
{
    struct bridge *b = context;
    struct exchange *x = container_of(a, struct exchange, answer);
    struct json_writer *body = &b->body;
    const char *content_type = x->page != NULL ? page_content_type(x->page)
                               : x->csv        ? CSV_TYPE
                                               : "application/json";
    uint16_t code = x->message.code;
    uint16_t status = 0;
    if (x->refusal != RESULT_OK || response_goes_on(x))
        code = x->refusal;
    if (code == RESULT_OK && response_is_unwanted(x))
        code = x->refusal = RESULT_PRECONDITION;
    bridge_clock(b);
    json_writer_clear(body);
    body->compat = x->port->options.compat;
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
