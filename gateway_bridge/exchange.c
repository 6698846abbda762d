/* SPDX-License-Identifier: Apache-2.0 */
/* exchange_request() finds what answers a request. An operation's way: token, scope and
 * rate (access.c), the message (message_reader.c), the backend, which calls exchange_answered() on
 * a later turn of the loop. Any refusal, page or answer of the development issuer is ready at once.
 * The server then has response_write() called, in the order of the connection's requests, and
 * exchange_release() puts the exchange back into the pool. If the connection ends before, the
 * backend is told (message.gone), so that lists nobody reads are not made.
 * A request whose body is still to come passes exchange_head() first: what its head is enough to
 * refuse or to answer is, and nothing is remembered of the others. */
#include "gateway_bridge/exchange.h"

#include <string.h>

#include "gateway_bridge/access.h"
#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/cors.h"
#include "gateway_bridge/message_reader.h"
#include "gateway_bridge/pages.h"
#include "runtime/base/time.h"
#include "runtime/wire/attribution.h"
#include "schemas/result.h"

#define REPLY_KEPT_MAX (64 * 1024) /* a larger reply buffer is not kept */

static_assert(HEADER_REQUEST_ID_MAX <= ATTRIBUTION_REQUEST_MAX, "records take all of it");

/* --- pool ------------------------------------------------------------------------------------- */

static struct exchange *exchange_of_link(struct fifo_link *link)
{
    return container_of(container_of(link, struct http_answer, link), struct exchange, answer);
}

/* One to begin with; NULL without memory. */
static struct exchange *exchange_new(struct bridge *b)
{
    struct exchange *x = slab_try_take(&b->exchanges);
    if (x == NULL)
        return NULL;
    arena_init_refusing(&x->arena, EXCHANGE_ARENA_MAX);
    wire_writer_init(&x->message.reply, BRIDGE_REPLY_MAX);
    return x;
}

static struct exchange *exchange_take(struct bridge *b)
{
    struct fifo_link *spare = fifo_pop(&b->spare);
    struct exchange *x = spare != NULL ? exchange_of_link(spare) : exchange_new(b);
    if (x == NULL)
        return NULL;
    struct arena arena = x->arena;
    struct wire_writer reply = x->message.reply;
    check(reply.len == 0 && arena.allocated == 0);
    *x = (struct exchange){.bridge = b, .message = {.reply = reply}, .arena = arena};
    b->in_work++;
    return x;
}

static void exchange_put_back(struct exchange *x)
{
    struct bridge *b = x->bridge;
    check(b->in_work > 0);
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

void exchange_abandon(void *context, struct http_answer *a)
{
    struct exchange *x = container_of(a, struct exchange, answer);
    check(x->bridge == context && !a->ready);
    atomic_store_explicit(&x->gone, true, memory_order_relaxed);
}

void exchange_release(void *context, struct http_answer *a)
{
    struct exchange *x = container_of(a, struct exchange, answer);
    check(x->bridge == context && a->ready);
    exchange_put_back(x);
}

void exchange_free_all(struct bridge *b)
{
    struct fifo_link *spare;
    check(b->in_work == 0);
    while ((spare = fifo_pop(&b->spare)) != NULL) {
        struct exchange *x = exchange_of_link(spare);
        arena_done(&x->arena);
        wire_writer_done(&x->message.reply);
    }
    slab_done(&b->exchanges);
}

/* --- what answers ----------------------------------------------------------------------------- */

static struct http_answer *exchange_ready(struct exchange *x, uint16_t refusal)
{
    x->refusal = refusal;
    http_answer_ready(&x->answer);
    return &x->answer;
}

static void exchange_answered(struct message *m)
{
    struct exchange *x = container_of(m, struct exchange, message);
    x->answer.held = m->reply.len;
    http_answer_ready(&x->answer);
}

static uint16_t exchange_make_message(struct exchange *x, struct http_connection *c,
                                      const struct route_match *match, const struct request *r)
{
    if (x->bridge->in_work > BRIDGE_IN_WORK_MAX)
        return RESULT_BUSY;
    uint16_t code = access_check(x, c, r, true);
    if (code == RESULT_OK)
        code = message_read(x, match, r);
    return x->arena.no_memory ? RESULT_NO_MEMORY : code;
}

static struct http_answer *exchange_operation(struct exchange *x, struct http_connection *c,
                                              const struct route_match *match,
                                              const struct request *r)
{
    struct bridge *b = x->bridge;
    struct message *m = &x->message;
    x->route = match->route;
    uint16_t code = exchange_make_message(x, c, match, r);
    if (code != RESULT_OK)
        return exchange_ready(x, code);
    check(m->type == x->route->message && m->body != NULL);
    m->deadline_ns = b->mono_ns + BRIDGE_DEADLINE_MS * NS_PER_MS;
    m->done = exchange_answered;
    m->gone = &x->gone;
    m->request_id = exchange_request_id(x);
    m->trace_id = exchange_trace_id(x);
    b->options.backend->ask(b->options.backend->context, m);
    return &x->answer;
}

static void exchange_find_route(const struct bridge_port *p, const struct request *r,
                                struct route_match *match)
{
    struct slice method = slice_of(llhttp_method_name((llhttp_method_t)r->http.method));
    router_find(p->router, method, request_slice(r, r->path), match);
}

static bool exchange_is_operation(const struct route_match *match)
{
    return match->route != NULL && match->route->message != NULL;
}

/* A path without routes is the development issuer's, of another service, or unknown. */
static struct http_answer *exchange_elsewhere(struct exchange *x, struct http_connection *c,
                                              const struct request *r)
{
    const struct bridge *b = x->bridge;
    struct route_match match;
    uint16_t code = access_check_elsewhere(x, c);
    if (code != RESULT_OK)
        return exchange_ready(x, code);
    x->issuer_answer = page_of_issuer(x, r);
    if (x->issuer_answer == NULL) {
        exchange_find_route(&b->ports[0], r, &match);
        if (x->port != &b->ports[0] && exchange_is_operation(&match))
            x->elsewhere = match.route->service;
        return exchange_ready(x, RESULT_NO_ROUTE);
    }
    x->allow = x->issuer_answer->allow;
    return exchange_ready(x, RESULT_OK);
}

/* --- from request to answer ------------------------------------------------------------------- */

/* The client's X-Request-Id if it is harmless, else a new one. */
static void exchange_set_request_id(struct exchange *x, struct slice given)
{
    if (header_request_id_valid(given)) {
        memcpy(x->request_id, given.data, given.len);
        x->request_id_len = (uint8_t)given.len;
        return;
    }
    struct bridge *b = x->bridge;
    x->request_id_len = (uint8_t)attribution_make_request(
        b->wall_s * 1000, env_random(b->options.env), x->request_id);
}

static struct exchange *exchange_begin(struct bridge *b, const struct http_connection *c,
                                       const struct request *r)
{
    bridge_clock(b);
    struct exchange *x = exchange_take(b);
    if (x == NULL)
        return NULL;
    x->port = http_connection_port(c);
    x->arrived_ns = b->mono_ns;
    exchange_set_request_id(x, request_field(r, FIELD_REQUEST_ID));
    x->traced = header_traceparent(request_field(r, FIELD_TRACEPARENT), x->traceparent);
    x->path = arena_copy(&x->arena, request_slice(r, r->path));
    if (b->options.cors != NULL)
        x->origin = cors_find(b->options.cors, request_field(r, FIELD_ORIGIN));
    x->keep_alive_1_0 = r->http.http_minor == 0 && r->keep_alive;
    x->no_content = r->no_content;
    return x;
}

/* The page that is asked for, or NULL. */
static const struct page *exchange_page(const struct route_match *match)
{
    const struct route *r = match->route;
    return r != NULL && r->message == NULL && r->refusal == RESULT_OK ? page_of(r) : NULL;
}

/* Is there a place for what it asks? */
static bool exchange_has_place(const struct http_connection *c, const struct route_match *match)
{
    const struct page *page = exchange_page(match);
    return !http_connection_reserved(c) || (page != NULL && page_is_health(page));
}

/* What needs no body. */
static struct http_answer *exchange_own_answer(struct exchange *x, struct http_connection *c,
                                               const struct route_match *match,
                                               const struct request *r)
{
    if (match->route == NULL) {
        x->allow = match->allow;
        return exchange_ready(x, r->http.method == HTTP_OPTIONS ? RESULT_OK
                                                                : RESULT_METHOD_NOT_ALLOWED);
    }
    const struct page *page = exchange_page(match);
    uint16_t code = page != NULL && page_is_health(page) ? RESULT_OK : access_check_shared(x, c);
    if (code != RESULT_OK)
        return exchange_ready(x, code);
    if (page == NULL) {
        x->refused = match->route;
        return exchange_ready(x, x->refused->refusal);
    }
    x->page = page;
    page_negotiate(x, r);
    return exchange_ready(x, RESULT_OK);
}

struct http_answer *exchange_request(void *context, struct http_connection *c,
                                     const struct request *r)
{
    struct bridge *b = context;
    struct exchange *x = exchange_begin(b, c, r);
    if (x == NULL)
        return NULL;
    struct route_match match;
    exchange_find_route(x->port, r, &match);
    if (!exchange_has_place(c, &match))
        return exchange_ready(x, RESULT_NO_PLACE);
    if (match.allow == NULL)
        return exchange_elsewhere(x, c, r);
    return exchange_is_operation(&match) ? exchange_operation(x, c, &match, r)
                                         : exchange_own_answer(x, c, &match, r);
}

/* Of the operation x->route. */
static uint16_t exchange_check_head(struct exchange *x, struct http_connection *c,
                                    const struct request *r)
{
    if (x->bridge->in_work > BRIDGE_IN_WORK_MAX)
        return RESULT_BUSY;
    uint16_t code = access_check(x, c, r, false);
    return code == RESULT_OK ? message_check_head(x, r) : code;
}

struct http_answer *exchange_head(void *context, struct http_connection *c, const struct request *r)
{
    struct bridge *b = context;
    struct exchange *x = exchange_begin(b, c, r);
    if (x == NULL)
        return NULL;
    struct route_match match;
    exchange_find_route(x->port, r, &match);
    uint16_t code = RESULT_OK;
    if (!exchange_has_place(c, &match)) {
        code = RESULT_NO_PLACE;
    } else if (match.allow == NULL) {
        code = b->options.issuer != NULL ? RESULT_OK : RESULT_NO_ROUTE; /* it needs its form */
    } else if (!exchange_is_operation(&match)) {
        return exchange_own_answer(x, c, &match, r);
    } else {
        x->route = match.route;
        code = exchange_check_head(x, c, r);
    }
    if (code != RESULT_OK)
        return exchange_ready(x, code);
    exchange_put_back(x);
    return NULL;
}

struct http_answer *exchange_refuse(void *context, struct http_connection *c,
                                    const struct request *r)
{
    check(r->refusal != RESULT_OK);
    struct exchange *x = exchange_begin(context, c, r);
    if (x == NULL)
        return NULL;
    if (r->refusal_rule != NULL)
        message_refuse_field(x, r->refusal,
                             slice_of(r->refusal_field != NULL ? r->refusal_field : ""),
                             r->refusal_rule);
    return exchange_ready(x, r->refusal);
}
