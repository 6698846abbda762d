/* SPDX-License-Identifier: Apache-2.0 */
/* payd: the node. Reads the settings, puts store, node, identity, listeners and the operators' link
 * together, and takes them apart again on SIGTERM: first what serves, each on its loop, while
 * answers in work are given; then the node, whose end ends node_run(); then all memory and the
 * stores. A stop that takes longer than PAYD_STOP_NS ends the process as it is, since what was
 * acknowledged is durable: until the node has ended an alarm of its loop sees to that, then a timer
 * of the system. */
#include "bin/payd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>
#include <uv.h>

#include "actors/ledger/verify_totals.h"
#include "bin/payd_fail.h"
#include "bin/payd_files.h"
#include "bin/payd_memory.h"
#include "runtime/base/id128.h"
#include "runtime/base/time.h"
#include "runtime/link/link_probe.h"

/* From the signal until the process leaves, finished or not. */
#define PAYD_STOP_NS (4500 * NS_PER_MS)

static const int stop_signals[PAYD_STOP_SIGNALS] = {SIGTERM, SIGINT};

/* --- stopping --------------------------------------------------------------------------------- */

static void payd_stop_late(struct alarm *a)
{
    struct payd *p = container_of(a, struct payd, stop_alarm);
    LOG_ERROR(&p->log, "stop_timed_out", log_uint("still_serving", p->serving));
    _exit(1);
}

/* A listener or the link has stopped; after the last one the node does. */
static void payd_part_stopped(struct payd *p)
{
    check(p->stopping && p->serving > 0);
    if (--p->serving > 0)
        return;
    node_stop(p->node.node, p->stop_alarm.due_ns - PAYD_STOP_NS / 10);
}

static void payd_link_stopped(void *context)
{
    payd_part_stopped(context);
}

/* Begins the end of the process; once it has begun, nothing. */
static void payd_stop(struct payd *p, int exit_code)
{
    if (p->stopping)
        return;
    p->stopping = true;
    p->exit_code = exit_code;
    LOG_INFO(&p->log, "stopping");
    struct env *env = loop_env(node_loop(p->node.node, 0));
    p->stop_alarm.fire = payd_stop_late;
    env_alarm_set(env, &p->stop_alarm, env_mono_ns(env) + PAYD_STOP_NS);
    shard_set_end_lists(node_shard_set(p->node.node));
    p->serving = p->listeners.count + 1;
    payd_listeners_stop(p, payd_part_stopped);
    operator_stop(p->operator, payd_link_stopped, p);
    for (size_t i = 0; i < array_len(p->signals); i++) {
        uv_close((uv_handle_t *)&p->signals[i], NULL); /* which brings back the default action */
        signal(stop_signals[i], SIG_IGN);
    }
}

static void payd_shard_failed(struct payd *p)
{
    payd_stop(p, 1);
}

static void on_signal(uv_signal_t *handle, int number)
{
    (void)number;
    payd_stop(handle->data, 0);
}

/* --- starting --------------------------------------------------------------------------------- */

/* Before the data is opened, which a path that nobody can listen at shall not change. Who answers
 * at the one in the data directory has its lock, which says more. */
static bool payd_link_possible(const struct payd *p)
{
    const char *path = p->config.operator_socket, *name = strrchr(path, '/'), *fault = NULL;
    char directory[CONFIG_TEXT_MAX], reason[PAYD_REASON_MAX + 64], text[80];
    enum link_probe found = link_probe(path, LINK_PROBE_MS);
    snprintf(directory, sizeof directory, "%.*s", name != NULL ? (int)(name - path) : 1,
             name != NULL ? path : ".");
    if (found == LINK_PROBE_ABSENT && strcmp(directory, p->config.data_directory) != 0 &&
        access(directory, W_OK) != 0)
        fault = strerror_r(errno, text, sizeof text);
    if (found == LINK_PROBE_NO_SOCKET || found == LINK_PROBE_DENIED || found == LINK_PROBE_PATH)
        fault = link_probe_text(found);
    if (fault == NULL)
        return true;
    snprintf(reason, sizeof reason, "%s: %s", path, fault);
    return payd_fail("OPERATOR_SOCKET cannot be used", reason);
}

static bool payd_open_link(struct payd *p)
{
    struct operator_options options = {
        .node = p->node.node,
        .loop = node_loop(p->node.node, 0),
        .journal_store = p->node.journal_store,
        .view_store = p->node.view_store,
        .revocations = p->identity.revocations,
        .path = p->config.operator_socket,
        .version = PAYD_VERSION,
        .totals = verify_totals,
    };
    char reason[PAYD_REASON_MAX];
    p->operator = operator_new(&options, reason, sizeof reason);
    return p->operator!= NULL || payd_fail("the operators' link cannot be opened", reason);
}

static void payd_watch_signals(struct payd *p)
{
    uv_loop_t *uv = loop_uv(node_loop(p->node.node, 0));
    for (size_t i = 0; i < array_len(p->signals); i++) {
        check(uv_signal_init(uv, &p->signals[i]) == 0);
        p->signals[i].data = p;
        check(uv_signal_start(&p->signals[i], on_signal, stop_signals[i]) == 0);
    }
    signal(SIGPIPE, SIG_IGN);
}

/* Those of the replaced platform that say where its services found each other. */
static void payd_note_old_settings(struct payd *p)
{
    static const char *const names[] = {"FOREX_SERVICE_URL", "LEDGER_SERVICE_URL",
                                        "RULE_ENGINE_SERVICE_URL", "WALLET_SERVICE_URL"};
    for (size_t i = 0; i < array_len(names); i++) {
        if (getenv(names[i]) != NULL)
            LOG_INFO(&p->log, "setting_without_effect", log_text("setting", names[i]),
                     log_text("message", "all services are in this process"));
    }
}

static void payd_log_serving(struct payd *p)
{
    const struct config *c = &p->config;
    uint64_t connections_max = p->listeners.limits.connections_max;
    LOG_INFO(&p->log, "serving", log_text("host", c->host), log_uint("port", c->port),
             log_text("data", c->data_directory), log_uint("loops", c->loops),
             log_uint("shards", c->shards),
             log_uint("connections_max", connections_max * node_loops(p->node.node)));
    payd_listeners_log(p);
    payd_note_old_settings(p);
    if (!issuer_loopback(c->host))
        LOG_WARN(&p->log, "plain_http", log_text("host", c->host),
                 log_text("message", "other machines reach this address, and nothing here is "
                                     "encrypted: put a gateway with TLS in front"));
}

/* The signals are watched before anybody can connect: who has seen the port open may stop the node
 * at once, and the stop is an orderly one. */
static bool payd_start(struct payd *p)
{
    if (!payd_files_safe(p) || !payd_link_possible(p) || !payd_identity_fetch_keys(p) ||
        !payd_node_make(p, payd_shard_failed))
        return false;
    payd_watch_signals(p);
    if (!payd_identity_make(p) || !payd_listeners_open(p) || !payd_open_link(p))
        return false;
    enum err e = node_start(p->node.node);
    if (e != ERR_OK)
        return payd_fail("the scheduler threads cannot start", err_text(e));
    payd_log_serving(p);
    return true;
}

static volatile sig_atomic_t finish_code;

static void payd_finish_late(int number)
{
    (void)number;
    _exit(finish_code);
}

/* Closing the stores waits for the disk as well, for one sync after another. */
static void payd_finish_in_time(const struct payd *p)
{
    uint64_t now_ns = env_mono_ns(loop_env(node_loop(p->node.node, 0)));
    uint64_t due_ns = p->stop_alarm.due_ns;
    uint64_t left_us = due_ns > now_ns + NS_PER_MS ? (due_ns - now_ns) / 1000 : 1000;
    struct itimerval timer = {.it_value = {.tv_sec = (time_t)(left_us / 1000000),
                                           .tv_usec = (suseconds_t)(left_us % 1000000)}};
    finish_code = p->exit_code;
    signal(SIGALRM, payd_finish_late);
    check(setitimer(ITIMER_REAL, &timer, NULL) == 0);
}

static void payd_finish(struct payd *p)
{
    payd_finish_in_time(p);
    payd_identity_free(&p->identity);
    payd_node_free(&p->node);
    LOG_INFO(&p->log, "stopped");
}

int main(int argc, char **argv)
{
    static struct payd payd;
    struct payd *p = &payd;
    char reason[CONFIG_REASON_MAX];
    payd_memory_install();
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
    umask(077);                /* what is made here, sockets too, is its owner's alone */
    prctl(PR_SET_DUMPABLE, 0); /* keys and tokens stay out of core files */
    signal(SIGXFSZ, SIG_IGN);  /* the write fails instead, as on a full disk */
    id128_draw_seed();
    log_init(&p->log, STDERR_FILENO, p->config.level);
    /* Where it ends early other threads go on until the process ends: nothing may be taken apart
     * under them, as by what libraries do at exit(). What was acknowledged is durable. */
    if (!payd_start(p) || !node_run(p->node.node))
        _exit(1);
    payd_finish(p);
    return p->exit_code;
}
