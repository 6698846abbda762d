/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP server is given the calls that make an exchange of a request (exchange.c) and write its
 * answer (response.c). Here is what all exchanges share: routes with the bits of their scopes, and
 * the limit of a body, which depends on the path. */
#include "gateway_bridge/bridge.h"

#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/access.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/pages.h"
#include "runtime/base/sha256.h"
#include "runtime/base/time.h"
#include "runtime/observe/log.h"

#define ENCODED_MAX (2 * 1024 * 1024)   /* bytes of a message on the wire */
#define BODY_TEXT_MAX (16 * 1024 * 1024) /* bytes of an answer's body */
#define REFUSALS_LOGGED_MAX 30           /* lines per second of each share */
#define WARNINGS_LOGGED_NS (10 * NS_PER_S)

static bool bridge_is_bulk(const struct route *route)
{
    struct slice path = slice_of(route->path), end = slice_of("/batch");
    return path.len >= end.len && memcmp(path.data + path.len - end.len, end.data, end.len) == 0;
}

/* Only bulk operations may be larger; the route's own path says which they are, wherever it is. */
static uint32_t bridge_body_max(void *context, const struct request *r)
{
    struct bridge *b = context;
    struct route_match match;
    router_find(b->ports[0].router, slice_of(llhttp_method_name((llhttp_method_t)r->http.method)),
                request_slice(r, r->path), &match);
    return match.route != NULL && bridge_is_bulk(match.route) ? REQUEST_BODY_LARGE_MAX
                                                              : REQUEST_BODY_MAX;
}

/* Of too many from one address an operator learns, but the node is not short of anything. */
static void bridge_note_shortage(void *context, enum http_shortage what, const struct address *from,
                                 uint32_t connections)
{
    static const struct {
        const char *event, *message;
    } lines[HTTP_SHORTAGES] = {
        [HTTP_SHORT_OF_DESCRIPTORS] = {"descriptors_exhausted",
                                       "new connections wait until one is free; raise the limit "
                                       "of open files"},
        [HTTP_SHORT_OF_CONNECTIONS] = {"connections_exhausted",
                                       "new connections are told nothing but health; the limit "
                                       "follows that of open files"},
        [HTTP_SHORT_OF_ITS_OWN] = {"address_exhausted",
                                   "its new connections are told nothing but health; a gateway "
                                   "belongs into GATEWAY_ADDRESSES"},
    };
    struct bridge *b = context;
    struct env *env = b->options.env;
    uint64_t now_ns = env_mono_ns(env), suppressed;
    char address[ADDRESS_TEXT_MAX] = "";
    if (what != HTTP_SHORT_OF_ITS_OWN)
        atomic_store_explicit(&b->options.counts->http.shortage_ns, now_ns, memory_order_relaxed);
    if (!log_limit_pass(&b->shortages, now_ns, &suppressed))
        return;
    if (from != NULL)
        address_text(from, address);
    LOG_ERROR(env->log, lines[what].event, log_uint("connections", connections),
              log_text("address", from != NULL ? address : NULL),
              log_text("message", lines[what].message), log_uint("suppressed", suppressed));
}

static bool bridge_note_access(struct bridge *b)
{
    const struct bridge_options *o = &b->options;
    b->access = calloc(o->route_count > 0 ? o->route_count : 1, sizeof *b->access);
    check(o->route_count < BRIDGE_ROUTES_MAX);
    for (uint32_t i = 0; b->access != NULL && i < o->route_count; i++) {
        b->access[i].scope = token_scope_bit(o->scopes, o->routes[i].scope);
        b->access[i].any_owner = token_scope_bit(o->scopes, o->routes[i].any_owner_scope);
        b->access[i].adjust = token_scope_bit(o->scopes, o->routes[i].adjust_scope);
    }
    return b->access != NULL;
}

/* A port of all operations, or of this one's service. */
static bool bridge_refuses_at(const struct bridge_port_options *o, const struct route *r)
{
    return o->compat ? o->service == r->service : o->route_count > 0;
}

static bool bridge_add_routes(const struct bridge *b, struct bridge_port *p)
{
    const struct bridge_port_options *o = &p->options;
    check(o->route_first + o->route_count <= b->options.route_count);
    p->router = router_new();
    if (p->router == NULL || !pages_add(p))
        return false;
    for (uint32_t i = 0; i < o->route_count; i++) {
        if (!router_add(p->router, &b->options.routes[o->route_first + i]))
            return false;
    }
    for (uint32_t i = 0; i < b->options.refused_count; i++) {
        const struct route *r = &b->options.refused[i];
        if (bridge_refuses_at(o, r) && !router_add(p->router, r))
            return false;
    }
    return true;
}

static void bridge_free(struct bridge *b)
{
    exchange_free_all(b);
    wire_writer_done(&b->encoded);
    json_writer_done(&b->body);
    for (uint32_t i = 0; i < b->port_count; i++)
        router_free(b->ports[i].router);
    free(b->access);
    free(b);
}

struct log_limit *bridge_refusals_of(struct bridge *b, struct slice client,
                                     const struct address *from)
{
    const struct slice pieces[] = {
        {(const char *)&b->rate_seed, sizeof b->rate_seed},
        client.len > 0 ? client : (struct slice){(const char *)from->bytes, ADDRESS_BYTES},
    };
    struct id128 who = sha256_id(pieces, array_len(pieces));
    return &b->refusals[who.hi % BRIDGE_REFUSAL_SHARES];
}

struct bridge *bridge_new(const struct bridge_options *options)
{
    struct bridge *b = calloc(1, sizeof *b);
    if (b == NULL)
        return NULL;
    b->options = *options;
    b->date_s = BRIDGE_DATE_NEVER;
    b->rate_seed = env_random(options->env);
    for (size_t i = 0; i < BRIDGE_REFUSAL_SHARES; i++)
        b->refusals[i] =
            (struct log_limit){.lines_max = REFUSALS_LOGGED_MAX, .window_ns = NS_PER_S};
    b->foreign_hosts = (struct log_limit){.lines_max = 1, .window_ns = WARNINGS_LOGGED_NS};
    b->shortages = (struct log_limit){.lines_max = 1, .window_ns = WARNINGS_LOGGED_NS};
    slab_init(&b->exchanges, sizeof(struct exchange));
    fifo_init(&b->spare);
    wire_writer_init_refusing(&b->encoded, ENCODED_MAX);
    json_writer_init(&b->body, BODY_TEXT_MAX);
    const struct http_handler handler = {
        .context = b,
        .request = exchange_request,
        .head = exchange_head,
        .refuse = exchange_refuse,
        .body_max = bridge_body_max,
        .write = response_write,
        .forget = access_forget_connection,
        .abandon = exchange_abandon,
        .release = exchange_release,
        .shortage = bridge_note_shortage,
    };
    if (bridge_note_access(b))
        b->server =
            http_server_new(options->loop, &handler,
                            options->limits != NULL ? options->limits : &http_limits_default,
                            &options->counts->http, env_random(options->env));
    if (b->server != NULL)
        return b;
    bridge_free(b);
    return NULL;
}

int bridge_listen(struct bridge *b, const struct bridge_port_options *options, const char *host,
                  uint16_t port, bool first)
{
    check(b->port_count < BRIDGE_PORTS_MAX);
    struct bridge_port *p = &b->ports[b->port_count++];
    p->options = *options;
    p->openapi = pages_openapi(options->service);
    if (!bridge_add_routes(b, p))
        return UV_ENOMEM;
    return http_server_listen(b->server, host, port, first, p);
}

uint16_t bridge_port(const struct bridge *b, const struct route_service *service)
{
    for (uint32_t i = 0; i < b->port_count; i++) {
        if (b->ports[i].options.service == service)
            return http_server_port(b->server, &b->ports[i]);
    }
    return 0;
}

static void on_stopped(void *context)
{
    struct bridge *b = context;
    void (*stopped)(void *) = b->stopped;
    void *stopped_context = b->stopped_context;
    bridge_free(b);
    if (stopped != NULL)
        stopped(stopped_context);
}

void bridge_stop(struct bridge *b, void (*stopped)(void *context), void *context)
{
    b->stopped = stopped;
    b->stopped_context = context;
    http_server_stop(b->server, on_stopped, b);
}
