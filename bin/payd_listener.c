/* SPDX-License-Identifier: Apache-2.0 */
/* All ports of the API belong to one bridge of each loop, which share its limits: that of all
 * services together, and one for each service that the settings give a port. The bridges run on the
 * node's loops: they post messages to the shards from there (payd_ask), and are stopped there, by a
 * message to their loop and one back to loop 0. /health/ready and /metrics speak of the whole
 * process. */
#include "bin/payd_listener.h"

#include <stdio.h>
#include <sys/resource.h>

#include "bin/payd.h"
#include "bin/payd_fail.h"
#include "runtime/node/node_metrics.h"
#include "runtime/observe/metrics.h"
#include "schemas/catalog.h"

#ifdef __clang__
#define PAYD_COMPILER "clang " __clang_version__
#else
#define PAYD_COMPILER "gcc " __VERSION__
#endif
#define PAYD_METRICS_CONNECTIONS 48 /* of scrapers, where they have a port of their own ... */
#define PAYD_METRICS_RESERVE 8      /* ... and beyond */
#define PAYD_DESCRIPTORS_OWN 256 /* kept from clients: the store, its recovery, operators */

/* --- backend of the bridges ------------------------------------------------------------------- */

static void payd_ask(void *context, struct message *m)
{
    struct payd_listener *l = context;
    shard_set_post(l->shards, loop_env(l->loop), m);
}

static bool payd_short_of_connections(const struct payd *p)
{
    uint64_t now_ns = env_mono_ns(loop_env(node_loop(p->node.node, 0)));
    bool found = false;
    for (uint16_t i = 0; i < node_loops(p->node.node); i++)
        found |= bridge_counts_short(&p->listeners.counts[i], now_ns);
    return found;
}

/* A client that cannot connect cannot ask here either: a shortage is a warning to those that are
 * connected, and ends by itself. */
static bool payd_ready(void *context, const char **reason)
{
    struct payd *p = ((struct payd_listener *)context)->payd;
    if (p->stopping) {
        const char *failure = node_failure(p->node.node);
        *reason = failure != NULL ? failure : "the node is stopping";
        return false;
    }
    if (p->identity.keys != NULL && !jwks_ready(p->identity.keys)) {
        *reason = "the identity server's keys have not been fetched yet";
        return false;
    }
    bool taken = node_ready(p->node.node, reason);
    if (taken && *reason == NULL && payd_short_of_connections(p))
        *reason = "within the last minute clients waited for a connection or were closed at once: "
                  "the limit of open files is too low";
    return taken;
}

static bool payd_metrics(void *context, struct json_writer *out)
{
    struct payd *p = ((struct payd_listener *)context)->payd;
    const struct bridge_counts *counts[NODE_LOOPS_MAX];
    uint16_t loops = node_loops(p->node.node);
    for (uint16_t i = 0; i < loops; i++)
        counts[i] = &p->listeners.counts[i];
    struct metrics m;
    metrics_init(&m);
    metrics_family(&m, METRICS_GAUGE, "payd_build_info", "What runs; always 1.");
    metrics_uint(&m, "payd_build_info", 1, "version", PAYD_VERSION, "compiler", PAYD_COMPILER);
    metrics_family(&m, METRICS_COUNTER, "payd_log_lines_lost_total",
                   "Log lines that standard error had no room for.");
    metrics_sample(&m, "payd_log_lines_lost_total", atomic_load(&p->log.lost),
                   (const char *const[]){NULL});
    node_metrics(p->node.node, &m);
    bridge_counts_metrics(counts, loops, catalog_routes, catalog_route_count, &m);
    bool whole = !m.failed;
    if (whole)
        json_put_raw(out, m.text, m.len);
    metrics_done(&m);
    return whole;
}

/* --- opening ---------------------------------------------------------------------------------- */

/* Of the port of metrics; returns how many descriptors its connections may have. */
static rlim_t payd_limit_metrics(struct payd *p, rlim_t files)
{
    struct http_limits *limits = &p->listeners.metrics_limits;
    rlim_t eighth = files / 8;
    *limits = http_limits_default;
    limits->trusted = &p->config.gateways;
    if (p->config.metrics_port == 0)
        return 0;
    limits->reserve_max = PAYD_METRICS_RESERVE;
    limits->connections_max = PAYD_METRICS_CONNECTIONS;
    if (eighth < PAYD_METRICS_CONNECTIONS + PAYD_METRICS_RESERVE) {
        limits->reserve_max = 1;
        limits->connections_max = eighth > 2 ? (uint32_t)eighth - 1 : 1;
    }
    return limits->connections_max + limits->reserve_max;
}

/* Takes all descriptors that the system allows, and leaves clients only those which the rest of the
 * node never needs: a recovery must be able to open the store again. */
static void payd_set_limits(struct payd *p)
{
    struct rlimit files;
    struct http_limits *limits = &p->listeners.limits;
    *limits = http_limits_default;
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* what it was may be enough */
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    rlim_t half = files.rlim_cur / 2;
    rlim_t wanted = PAYD_DESCRIPTORS_OWN + payd_limit_metrics(p, files.rlim_cur);
    rlim_t own = half < wanted ? half : wanted;
    uint16_t loops = node_loops(p->node.node);
    rlim_t each = (files.rlim_cur - own) / loops;
    if (each / 4 < limits->reserve_max)
        limits->reserve_max = (uint32_t)each / 4;
    if (each - limits->reserve_max < limits->connections_max)
        limits->connections_max = (uint32_t)each - limits->reserve_max;
    limits->address_max = (uint32_t)((p->config.address_connections + loops - 1) / loops);
    limits->trusted = &p->config.gateways;
    limits->pending_max /= loops;
}

static bool payd_listen(const struct payd_listener *l, const struct bridge_port_options *options,
                        const char *host, uint16_t port, bool first)
{
    int error = bridge_listen(l->bridge, options, host, port, first);
    if (error == 0)
        return true;
    char what[CONFIG_TEXT_MAX + 128];
    snprintf(what, sizeof what, "cannot listen on %s port %u%s%s", host, (unsigned)port,
             options->compat ? ", that of the " : "",
             options->compat ? options->service->title : "");
    return payd_fail(what, options->compat
                               ? "SERVICE_PORTS moves the services' ports or turns them "
                                 "off"
                               : uv_strerror(error));
}

/* A bridge without ports yet; NULL after payd_fail(). */
static struct payd_listener *payd_listener_make(struct payd *p, uint16_t loop, bool api)
{
    struct payd_listeners *all = &p->listeners;
    check(all->count < PAYD_LISTENERS_MAX && loop < p->identity.loop_count);
    struct payd_listener *l = &all->all[all->count++];
    *l = (struct payd_listener){
        .payd = p,
        .loop = node_loop(p->node.node, loop),
        .shards = node_shard_set(p->node.node),
        .backend = {.context = l, .ask = payd_ask, .ready = payd_ready, .metrics = payd_metrics},
    };
    struct bridge_options options = {
        .loop = loop_uv(l->loop),
        .env = loop_env(l->loop),
        .backend = &l->backend,
        .routes = catalog_routes,
        .route_count = catalog_route_count,
        .refused = catalog_refused,
        .refused_count = catalog_refused_count,
        .verifier = p->identity.loops[loop].verifier,
        .scopes = &p->identity.scopes,
        .limits = api ? &all->limits : &all->metrics_limits,
        .counts = &all->counts[loop],
        .version = PAYD_VERSION,
        .rate_limits = p->identity.rate_limits,
        .issuer = api ? p->identity.loops[loop].issuer : NULL,
        .cors = api && p->config.cors.count > 0 ? &p->config.cors : NULL,
    };
    l->bridge = bridge_new(&options);
    if (l->bridge == NULL)
        payd_fail("out of memory", NULL);
    return l->bridge != NULL ? l : NULL;
}

/* Metrics show how much money moves: the API's addresses serve them only if no other machine
 * reaches them. */
static uint32_t payd_pages_with_api(const struct config *c)
{
    bool metrics = c->metrics_port == 0 && issuer_loopback(c->host);
    return BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_DOCUMENTS | (metrics ? BRIDGE_PAGES_METRICS : 0);
}

static bool payd_listen_service(struct payd *p, const struct payd_listener *l, uint16_t loop,
                                uint32_t i)
{
    struct config *c = &p->config;
    const struct route_service *service = &catalog_services[i];
    const struct bridge_port_options options = {
        .service = service,
        .route_first = service->route_first,
        .route_count = service->route_count,
        .pages = payd_pages_with_api(c),
        .compat = true,
    };
    if (!payd_listen(l, &options, c->host, c->services[i].port, loop == 0))
        return false;
    c->services[i].port = bridge_port(l->bridge, service); /* for the next loop, if it was any */
    return true;
}

static bool payd_open_api(struct payd *p, uint16_t loop)
{
    const struct config *c = &p->config;
    const struct bridge_port_options options = {
        .service = &catalog_platform,
        .route_count = catalog_route_count,
        .pages = payd_pages_with_api(c),
    };
    const struct payd_listener *l = payd_listener_make(p, loop, true);
    if (l == NULL || !payd_listen(l, &options, c->host, (uint16_t)c->port, loop == 0))
        return false;
    for (uint32_t i = 0; i < CONFIG_SERVICES; i++) {
        if (c->services[i].open && !payd_listen_service(p, l, loop, i))
            return false;
    }
    return true;
}

static bool payd_open_metrics(struct payd *p)
{
    const struct config *c = &p->config;
    const struct bridge_port_options options = {
        .service = &catalog_platform,
        .pages = BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_METRICS,
    };
    if (c->metrics_port == 0)
        return true;
    const struct payd_listener *l = payd_listener_make(p, 0, false);
    return l != NULL && payd_listen(l, &options, c->metrics_host, (uint16_t)c->metrics_port, true);
}

bool payd_listeners_open(struct payd *p)
{
    payd_set_limits(p);
    for (uint16_t i = 0; i < node_loops(p->node.node); i++) {
        if (!payd_open_api(p, i))
            return false;
    }
    return payd_open_metrics(p);
}

void payd_listeners_log(struct payd *p)
{
    for (size_t i = 0; i < CONFIG_SERVICES; i++) {
        const struct config_service *s = &p->config.services[i];
        if (s->open)
            LOG_INFO(&p->log, "serving_service", log_text("service", catalog_services[i].told),
                     log_text("host", p->config.host), log_uint("port", s->port));
    }
}

/* --- stopping --------------------------------------------------------------------------------- */

static void payd_listener_stopped(struct inbox_item *item)
{
    struct payd *p = container_of(item, struct payd_listener, stopped_item)->payd;
    p->listeners.stopped(p);
}

static void payd_bridge_stopped(void *context)
{
    struct payd_listener *l = context;
    l->bridge = NULL;
    l->stopped_item.deliver = payd_listener_stopped;
    loop_mail(node_loop(l->payd->node.node, 0), &l->stopped_item);
}

static void payd_stop_listener(struct inbox_item *item)
{
    struct payd_listener *l = container_of(item, struct payd_listener, stop_item);
    bridge_stop(l->bridge, payd_bridge_stopped, l);
}

void payd_listeners_stop(struct payd *p, void (*stopped)(struct payd *p))
{
    p->listeners.stopped = stopped;
    for (uint16_t i = 0; i < p->listeners.count; i++) {
        struct payd_listener *l = &p->listeners.all[i];
        l->stop_item.deliver = payd_stop_listener;
        loop_mail(l->loop, &l->stop_item);
    }
}
