/* SPDX-License-Identifier: Apache-2.0 */
/* payd: the node. Reads the settings, opens the store, puts domain, node, bridges and the
 * operators' link together, and takes them apart again on SIGTERM. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "actors/ledger/verify_totals.h"
#include "actors/services.h"
#include "bin/config.h"
#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/auth/revocations.h"
#include "gateway_bridge/bridge.h"
#include "gateway_bridge/operator/operator.h"
#include "runtime/base/time.h"
#include "runtime/dedup/key_run.h"
#include "runtime/node/node.h"
#include "runtime/node/node_metrics.h"
#include "runtime/observe/log.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"

#define PAYD_VERSION "0.1.0"
#ifdef __clang__
#define PAYD_COMPILER "clang " __clang_version__
#else
#define PAYD_COMPILER "gcc " __VERSION__
#endif
#define SERVICE_NAME "payment_service"
/* From the signal until the process leaves, finished or not. */
#define PAYD_STOP_NS (4500 * NS_PER_MS)
#define PAYD_ID_MAX 80      /* bytes of HOST:PID */
#define PAYD_REASON_MAX 512 /* bytes of why something cannot start */
#define PAYD_VIEWS_MAX 64   /* tables of views, the runtime's and the services' */
#define PAYD_DESCRIPTORS_OWN 256 /* kept from clients: the store, its recovery, operators */

/* What serves HTTP on one loop. */
struct listener {
    struct payd *payd;
    struct loop *loop;
    struct shard_set *shards;
    struct issuer *issuer;
    struct token_verifier *verifier;
    struct bridge_backend backend;
    struct bridge *bridge;
    struct bridge_counts counts;
    struct inbox_item stop_item;    /* to this loop */
    struct inbox_item stopped_item; /* to loop 0 */
};

struct payd {
    struct config config;
    struct log log;
    char id[PAYD_ID_MAX]; /* name in the leases */
    struct domain domain;
    struct store *store;
    struct node *node;
    struct token_scopes scopes;
    struct rate_limit *rate_limit;
    struct revocations *revocations;
    struct jwks *keys;
    struct http_limits limits; /* of each listener */
    struct listener listeners[NODE_LOOPS_MAX];
    uint16_t listener_count;
    struct bridge *metrics_listener; /* serves METRICS_LISTEN on loop 0; NULL = none */
    struct operator *operator;

    /* Loop 0's thread. */
    uv_signal_t signals[2];
    struct alarm stop_alarm;
    uint16_t serving; /* listeners and link that have not stopped */
    bool stopping;
    int exit_code;
};

static bool payd_fail(const char *what, const char *reason)
{
    fprintf(stderr, "payd: %s%s%s\n", what, reason != NULL && reason[0] != '\0' ? ": " : "",
            reason != NULL ? reason : "");
    return false;
}

/* --- stopping --------------------------------------------------------------------------------- */

static void stop_late(struct alarm *a)
{
    struct payd *p = container_of(a, struct payd, stop_alarm);
    LOG_ERROR(&p->log, "stop_timed_out", log_uint("still_serving", p->serving));
    _exit(1); /* all that was acknowledged is durable */
}

static void part_stopped(struct payd *p)
{
    if (--p->serving > 0)
        return;
    node_stop(p->node, p->stop_alarm.due_ns - PAYD_STOP_NS / 10);
}

static void listener_gone(struct inbox_item *item)
{
    part_stopped(container_of(item, struct listener, stopped_item)->payd);
}

static void bridge_stopped(void *context)
{
    struct listener *f = context;
    f->bridge = NULL;
    f->stopped_item.deliver = listener_gone;
    loop_mail(node_loop(f->payd->node, 0), &f->stopped_item);
}

static void stop_listener(struct inbox_item *item)
{
    struct listener *f = container_of(item, struct listener, stop_item);
    bridge_stop(f->bridge, bridge_stopped, f);
}

static void operator_stopped(void *context)
{
    part_stopped(context);
}

static void metrics_listener_stopped(void *context)
{
    struct payd *p = context;
    p->metrics_listener = NULL;
    part_stopped(p);
}

static void payd_stop(struct payd *p, int exit_code)
{
    if (p->stopping)
        return;
    p->stopping = true;
    p->exit_code = exit_code;
    LOG_INFO(&p->log, "stopping");
    struct env *env = loop_env(node_loop(p->node, 0));
    p->stop_alarm.fire = stop_late;
    env_alarm_set(env, &p->stop_alarm, env_mono_ns(env) + PAYD_STOP_NS);
    shard_set_end_lists(node_shard_set(p->node));
    p->serving = (uint16_t)(p->listener_count + (p->metrics_listener != NULL ? 2 : 1));
    for (uint16_t i = 0; i < p->listener_count; i++) {
        p->listeners[i].stop_item.deliver = stop_listener;
        loop_mail(p->listeners[i].loop, &p->listeners[i].stop_item);
    }
    operator_stop(p->operator, operator_stopped, p);
    if (p->metrics_listener != NULL)
        bridge_stop(p->metrics_listener, metrics_listener_stopped, p);
    for (size_t i = 0; i < array_len(p->signals); i++)
        uv_close((uv_handle_t *)&p->signals[i], NULL);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    payd_stop(handle->data, 0);
}

static void shard_stopped(void *context, uint16_t shard, const char *reason)
{
    struct payd *p = context;
    if (reason[0] == '\0')
        return;
    LOG_ERROR(&p->log, "shard_stopped", log_uint("shard", shard), log_text("reason", reason));
    payd_fail("stopped", reason);
    payd_stop(p, 1);
}

/* --- backend of the bridges ------------------------------------------------------------------- */

static void payd_ask(void *context, struct message *m)
{
    struct listener *f = context;
    shard_set_post(f->shards, loop_env(f->loop), m);
}

static bool short_of_connections(const struct payd *p)
{
    uint64_t now_ns = env_mono_ns(loop_env(p->listeners[0].loop));
    bool found = false;
    for (uint16_t i = 0; i < p->listener_count; i++)
        found |= bridge_counts_short(&p->listeners[i].counts, now_ns);
    return found;
}

/* Who cannot connect does not ask here either: a shortage is a warning to whoever is connected, and
 * passes without anybody's help. */
static bool payd_ready(void *context, const char **reason)
{
    struct listener *f = context;
    struct payd *p = f->payd;
    if (p->stopping) {
        *reason = "the node is stopping";
        return false;
    }
    if (p->keys != NULL && !jwks_ready(p->keys)) {
        *reason = "the identity server's keys have not been fetched yet";
        return false;
    }
    bool taken = node_ready(p->node, reason);
    if (taken && *reason == NULL && short_of_connections(p))
        *reason = "within the last minute clients waited for a connection or were closed at once: "
                  "the limit of open files is too low";
    return taken;
}

static void put_metrics(void *context, struct json_writer *out)
{
    struct payd *p = ((struct listener *)context)->payd;
    const struct bridge_counts *counts[NODE_LOOPS_MAX];
    for (uint16_t i = 0; i < p->listener_count; i++)
        counts[i] = &p->listeners[i].counts;
    struct metrics m;
    metrics_init(&m);
    metrics_family(&m, METRICS_GAUGE, "payd_build_info", "What runs; always 1.");
    metrics_uint(&m, "payd_build_info", 1, "version", PAYD_VERSION, "compiler", PAYD_COMPILER);
    metrics_family(&m, METRICS_COUNTER, "payd_log_lines_lost_total",
                   "Log lines that standard error had no room for.");
    metrics_sample(&m, "payd_log_lines_lost_total", atomic_load(&p->log.lost),
                   (const char *const[]){NULL});
    node_metrics(p->node, &m);
    bridge_counts_metrics(counts, p->listener_count, catalog_routes, catalog_route_count, &m);
    if (!m.failed)
        json_put_raw(out, m.text, m.len);
    metrics_done(&m);
}

/* --- starting --------------------------------------------------------------------------------- */

static void payd_rebuilding(void *context, const char *reason)
{
    struct payd *p = context;
    LOG_WARN(&p->log, "views_rebuilding", log_text("reason", reason));
}

static bool open_store(struct payd *p)
{
    static const struct view_table *tables[PAYD_VIEWS_MAX];
    uint32_t count = 0;
    check(RUNTIME_VIEWS + catalog_view_count <= PAYD_VIEWS_MAX);
    for (uint32_t i = 0; i < RUNTIME_VIEWS; i++)
        tables[count++] = runtime_views[i];
    for (uint32_t i = 0; i < catalog_view_count; i++)
        tables[count++] = catalog_views[i];
    struct store_sqlite_options options = {
        .directory = p->config.data_directory,
        .tables = tables,
        .table_count = count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
        .shards = (uint16_t)p->config.shards,
        .rebuilding = payd_rebuilding,
        .context = p,
    };
    char reason[PAYD_REASON_MAX];
    enum err e = store_sqlite_open(&options, &p->store, reason, sizeof reason);
    return e == ERR_OK || payd_fail("the data cannot be opened", reason);
}

static bool make_node(struct payd *p)
{
    const struct config *c = &p->config;
    char host[64] = "localhost";
    (void)gethostname(host, sizeof host - 1);
    snprintf(p->id, sizeof p->id, "%s:%d", host, (int)getpid());
    services_domain_init(&p->domain);
    struct node_options options = {
        .domain = &p->domain,
        .store = p->store,
        .shards = (uint16_t)c->shards,
        .loops = (uint16_t)c->loops,
        .readers = (uint16_t)c->readers,
        .pin_cpus = c->pin_cpus,
        .owner = slice_of(p->id),
        .resident_max = c->resident_max,
        .dedup_entries_max = c->dedup_entries_max,
        .filter_bytes = (size_t)c->key_filter_mb << 20,
        .merge_keys = c->key_merge_keys,
        .log = &p->log,
        .shard_stopped = shard_stopped,
        .context = p,
    };
    enum err e = node_new(&options, &p->node);
    return e == ERR_OK || payd_fail("the node cannot be made", err_text(e));
}

static void report_keys(void *arg, bool wrong, const char *line)
{
    struct payd *p = arg;
    LOG_AT(&p->log, wrong ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "token_keys",
           log_text("message", line), {0});
}

static bool fetch_keys(struct payd *p)
{
    const struct config *c = &p->config;
    struct slice document = {NULL, 0};
    bool given = c->jwks_url[0] != '\0' || c->jwks_file[0] != '\0';
    if (!given)
        document = issuer_jwks(p->listeners[0].issuer);
    struct jwks_options options = {
        .document = document,
        .file = c->jwks_file[0] != '\0' ? c->jwks_file : NULL,
        .url = c->jwks_url[0] != '\0' ? c->jwks_url : NULL,
        .ca_file = c->jwks_ca_file[0] != '\0' ? c->jwks_ca_file : NULL,
        .report = report_keys,
        .report_arg = p,
    };
    char reason[JWKS_ERROR_MAX];
    p->keys = jwks_start(&options, reason);
    return p->keys != NULL || payd_fail("the keys of the token issuer cannot be used", reason);
}

/* Each scope once, in the order of the routes. */
static void all_scopes(char *text, size_t size)
{
    struct token_scopes scopes = {0};
    for (uint32_t i = 0; i < catalog_route_count; i++) {
        token_scope_bit(&scopes, catalog_routes[i].scope);
        token_scope_bit(&scopes, catalog_routes[i].any_owner_scope);
    }
    size_t n = 0;
    for (uint32_t i = 0; i < scopes.count && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i == 0 ? "" : " ", scopes.names[i]);
    check(n < size);
}

static bool start_issuer(struct payd *p, struct listener *f)
{
    const struct config *c = &p->config;
    if (!c->dev_issuer)
        return true;
    char directory[CONFIG_TEXT_MAX + 16], url[CONFIG_TEXT_MAX + 32], scopes[ISSUER_SCOPES_MAX];
    snprintf(directory, sizeof directory, "%s/issuer", c->data_directory);
    snprintf(url, sizeof url, strchr(c->host, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u",
             c->host, (unsigned)c->port);
    all_scopes(scopes, sizeof scopes);
    struct issuer_options options = {
        .directory = directory, .url = url, .listen_address = c->host, .scopes = scopes};
    char reason[ISSUER_ERROR_MAX];
    f->issuer = issuer_start(&options, reason);
    return f->issuer != NULL || payd_fail("the development issuer cannot start", reason);
}

static bool make_verifier(struct payd *p, struct listener *f)
{
    const struct config *c = &p->config;
    struct token_policy policy = {
        .issuer_count = 1, .scopes = &p->scopes, .revocations = p->revocations};
    if (c->token_issuer[0] != '\0')
        policy.issuers[0] = (struct token_issuer){
            .issuer = c->token_issuer,
            .audiences = {c->token_audience},
            .audience_count = 1,
            .tenant_claim = c->tenant_claim,
            .tenant_default = c->tenant_default[0] != '\0' ? c->tenant_default : NULL,
            .keys = p->keys,
        };
    else
        policy.issuers[0] = issuer_rules(f->issuer, p->keys);
    f->verifier = token_verifier_new(&policy);
    return f->verifier != NULL || payd_fail("out of memory", NULL);
}

static bool listen_on(struct bridge *b, const char *host, uint64_t port, bool first)
{
    int error = bridge_listen(b, host, (uint16_t)port, first);
    if (error == 0)
        return true;
    char what[CONFIG_TEXT_MAX + 64];
    snprintf(what, sizeof what, "cannot listen on %s port %u", host, (unsigned)port);
    return payd_fail(what, uv_strerror(error));
}

/* Metrics tell how much money moves: they are served where the API is only if nobody but this
 * machine reaches it. */
static uint32_t pages_with_api(const struct config *c)
{
    bool metrics = c->metrics_port == 0 && issuer_loopback(c->host);
    return BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_DOCUMENTS | (metrics ? BRIDGE_PAGES_METRICS : 0);
}

static bool make_bridge(struct payd *p, struct listener *f)
{
    const struct config *c = &p->config;
    f->backend = (struct bridge_backend){
        .context = f, .ask = payd_ask, .ready = payd_ready, .metrics = put_metrics};
    struct bridge_options options = {
        .loop = loop_uv(f->loop),
        .env = loop_env(f->loop),
        .backend = &f->backend,
        .routes = catalog_routes,
        .route_count = catalog_route_count,
        .verifier = f->verifier,
        .scopes = &p->scopes,
        .limits = &p->limits,
        .counts = &f->counts,
        .pages = pages_with_api(c),
        .service = SERVICE_NAME,
        .rate_limit = p->rate_limit,
        .issuer = f->issuer,
    };
    f->bridge = bridge_new(&options);
    if (f->bridge == NULL)
        return payd_fail("out of memory", NULL);
    return listen_on(f->bridge, c->host, c->port, f == &p->listeners[0]);
}

static bool open_revocations(struct payd *p)
{
    char reason[REVOCATIONS_ERROR_MAX];
    p->revocations = revocations_open(p->config.data_directory, reason);
    return p->revocations != NULL || payd_fail("the list of revoked tokens cannot be used", reason);
}

static bool make_rate_limit(struct payd *p)
{
    const struct config *c = &p->config;
    if (c->rate_limit_per_s == 0)
        return true;
    p->rate_limit = rate_limit_new((uint32_t)c->rate_limit_per_s, (uint32_t)c->rate_limit_burst);
    return p->rate_limit != NULL || payd_fail("out of memory", NULL);
}

/* Takes all descriptors the system allows, and leaves so many to clients that the rest of the node
 * never lacks one: a recovery must be able to open the store again. */
static void set_limits(struct payd *p)
{
    struct rlimit files;
    p->limits = http_limits_default;
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* what it was may be enough */
    check(getrlimit(RLIMIT_NOFILE, &files) == 0);
    rlim_t half = files.rlim_cur / 2;
    rlim_t own = half < PAYD_DESCRIPTORS_OWN ? half : PAYD_DESCRIPTORS_OWN;
    rlim_t each = (files.rlim_cur - own) / p->listener_count;
    if (each < p->limits.connections_max)
        p->limits.connections_max = (uint32_t)each;
}

static bool make_listeners(struct payd *p)
{
    p->listener_count = node_loops(p->node);
    set_limits(p);
    for (uint16_t i = 0; i < p->listener_count; i++) {
        struct listener *f = &p->listeners[i];
        f->payd = p;
        f->loop = node_loop(p->node, i);
        f->shards = node_shard_set(p->node);
        if (!start_issuer(p, f) || (i == 0 && !fetch_keys(p)) || !make_verifier(p, f) ||
            !make_bridge(p, f))
            return false;
    }
    return true;
}

static bool make_metrics_listener(struct payd *p)
{
    const struct config *c = &p->config;
    if (c->metrics_port == 0)
        return true;
    struct bridge_options options = {
        .loop = loop_uv(p->listeners[0].loop),
        .env = loop_env(p->listeners[0].loop),
        .backend = &p->listeners[0].backend,
        .limits = &p->limits,
        .counts = &p->listeners[0].counts,
        .pages = BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_METRICS,
        .service = SERVICE_NAME,
    };
    p->metrics_listener = bridge_new(&options);
    if (p->metrics_listener == NULL)
        return payd_fail("out of memory", NULL);
    return listen_on(p->metrics_listener, c->metrics_host, c->metrics_port, true);
}

static bool open_link(struct payd *p)
{
    struct operator_options options = {
        .node = p->node,
        .loop = node_loop(p->node, 0),
        .store = p->store,
        .revocations = p->revocations,
        .path = p->config.operator_socket,
        .version = PAYD_VERSION,
        .totals = verify_totals,
    };
    char reason[PAYD_REASON_MAX];
    p->operator = operator_new(&options, reason, sizeof reason);
    return p->operator!= NULL || payd_fail("the operators' link cannot be opened", reason);
}

static void watch_signals(struct payd *p)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    uv_loop_t *uv = loop_uv(node_loop(p->node, 0));
    for (size_t i = 0; i < array_len(numbers); i++) {
        check(uv_signal_init(uv, &p->signals[i]) == 0);
        p->signals[i].data = p;
        check(uv_signal_start(&p->signals[i], on_signal, numbers[i]) == 0);
    }
    signal(SIGPIPE, SIG_IGN);
}

static bool payd_start(struct payd *p)
{
    if (!open_store(p) || !make_node(p) || !open_revocations(p) || !make_rate_limit(p) ||
        !make_listeners(p) || !make_metrics_listener(p) || !open_link(p))
        return false;
    watch_signals(p);
    enum err e = node_start(p->node);
    if (e != ERR_OK)
        return payd_fail("the scheduler threads cannot start", err_text(e));
    LOG_INFO(&p->log, "serving", log_text("host", p->config.host),
             log_uint("port", p->config.port), log_text("data", p->config.data_directory),
             log_uint("loops", p->config.loops), log_uint("shards", p->config.shards),
             log_uint("connections_max", p->limits.connections_max * (uint64_t)p->listener_count));
    return true;
}

static void payd_finish(struct payd *p)
{
    for (uint16_t i = 0; i < p->listener_count; i++) {
        p->listeners[i].verifier = token_verifier_free(p->listeners[i].verifier);
        p->listeners[i].issuer = issuer_stop(p->listeners[i].issuer);
    }
    p->keys = jwks_stop(p->keys);
    p->rate_limit = rate_limit_free(p->rate_limit);
    p->revocations = revocations_close(p->revocations);
    p->node = node_free(p->node);
    p->store->ops->close(p->store);
    LOG_INFO(&p->log, "stopped");
}

int main(int argc, char **argv)
{
    static struct payd payd;
    struct payd *p = &payd;
    char reason[CONFIG_REASON_MAX];
    switch (config_read(&p->config, argc, argv, reason)) {
    case CONFIG_HELP:
        config_help(stdout);
        return 0;
    case CONFIG_VERSION:
        printf("payd %s\n", PAYD_VERSION);
        return 0;
    case CONFIG_PRINT:
        config_print(&p->config, stdout);
        return 0;
    case CONFIG_WRONG:
        payd_fail(reason, NULL);
        return 2;
    case CONFIG_RUN:
        break;
    }
    prctl(PR_SET_DUMPABLE, 0); /* keys and tokens stay out of core files */
    signal(SIGXFSZ, SIG_IGN);  /* the write fails instead, as on a full disk */
    log_init(&p->log, STDERR_FILENO, p->config.level);
    /* Where it ends early other threads go on until the process ends: nothing may be taken apart
     * under them, as by what libraries do at exit(). What was acknowledged is durable. */
    if (!payd_start(p) || !node_run(p->node))
        _exit(1);
    payd_finish(p);
    return p->exit_code;
}
