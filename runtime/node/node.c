/* SPDX-License-Identifier: Apache-2.0 */
/* What other threads see of a shard is copied: its state in atomics, its statistics under a mutex
 * (once a second, by its own loop), its end as mail to loop 0.
 *
 * Stopping: node_stop() closes all shards; each mails to loop 0 when it is quiet; after the last
 * one loop 0 ends, node_run() ends the others, and node_free() stops the workers before it frees
 * the loops, for finished jobs come home through the loops' inboxes. If the deadline passes first,
 * something hangs in the store: node_run() says so and the process must leave. */
#include "runtime/node/node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/hex.h"
#include "runtime/base/memory.h"
#include "runtime/node/shard_set.h"
#include "runtime/node/worker.h"
#include "runtime/observe/log.h"
#include "runtime/shard/clock.h"
#include "runtime/shard/stream_stats.h"

struct node_shard {
    struct node *node;
    struct loop *loop;
    uint16_t number;
    struct loop_hook pass, answers;
    struct inbox_item stopped_item, quiet_item; /* to loop 0 */
    char reason[SHARD_REASON_MAX];              /* written before the state is STOPPED, once */
    atomic_int state;                        /* enum shard_state */
    pthread_mutex_t stats_lock;
    struct shard_stats stats;     /* guarded by stats_lock, as are ... */
    struct stream_stats *streams; /* ... these, two for each shard */
    struct stream_stats *scratch; /* loop's thread: the next ones */
    uint64_t head_due_ns;     /* loop's thread: when the newest batch is logged again */
};

struct node_loop {
    struct node *node;
    struct loop *loop;
    struct alarm publish;
};

struct node {
    struct node_options options;
    struct worker *journal_worker, *views_worker;
    struct worker *read_workers[NODE_READERS_MAX], *load_workers[NODE_READERS_MAX];
    struct node_loop loops[NODE_LOOPS_MAX];
    struct node_shard *shards;
    struct shard_set *shard_set;

    /* Loop 0's thread. */
    uint16_t quiet_count;
    bool stopping, drained;
    struct alarm deadline;
};

static struct env *node_env_0(const struct node *n)
{
    return loop_env(n->loops[0].loop);
}

/* --- from the shards -------------------------------------------------------------------------- */

static const char *node_state_name(enum shard_state state)
{
    switch (state) {
    case SHARD_OPENING:
        return "opening";
    case SHARD_RUNNING:
        return "running";
    case SHARD_RECOVERING:
        return "recovering";
    case SHARD_STOPPED:
        return "stopped";
    }
    return "unknown";
}

static void node_state_changed(void *context, uint16_t shard, enum shard_state state,
                               const char *reason)
{
    struct node *n = context;
    struct node_shard *ns = &n->shards[shard];
    if (state == SHARD_STOPPED)
        snprintf(ns->reason, sizeof ns->reason, "%s", reason);
    atomic_store(&ns->state, state);
    if (reason != NULL && reason[0] != '\0')
        LOG_INFO(n->options.log, "shard_state", log_uint("shard", ns->number),
                 log_text("state", node_state_name(state)), log_text("reason", reason));
    else
        LOG_INFO(n->options.log, "shard_state", log_uint("shard", ns->number),
                 log_text("state", node_state_name(state)));
    if (state != SHARD_STOPPED)
        return;
    loop_mail(n->loops[0].loop, &ns->stopped_item);
}

static void node_on_stopped(struct inbox_item *item)
{
    struct node_shard *ns = container_of(item, struct node_shard, stopped_item);
    struct node *n = ns->node;
    if (n->options.shard_stopped != NULL)
        n->options.shard_stopped(n->options.context, ns->number, ns->reason);
}

static void node_finish_if_quiet(struct node *n)
{
    if (!n->stopping || n->drained || n->quiet_count < n->options.slots->shards)
        return;
    n->drained = true;
    env_alarm_stop(node_env_0(n), &n->deadline);
    loop_stop(n->loops[0].loop);
}

static void node_on_quiet(struct inbox_item *item)
{
    struct node *n = container_of(item, struct node_shard, quiet_item)->node;
    n->quiet_count++;
    node_finish_if_quiet(n);
}

static void node_shard_quiet(void *context, uint16_t shard)
{
    struct node *n = context;
    loop_mail(n->loops[0].loop, &n->shards[shard].quiet_item);
}

static bool node_shard_pass(struct loop_hook *h)
{
    struct node_shard *ns = container_of(h, struct node_shard, pass);
    shard_set_pass(ns->node->shard_set, ns->number, LOOP_PASS_NS);
    return false; /* node_shard_answer() knows better */
}

static bool node_shard_answer(struct loop_hook *h)
{
    struct node_shard *ns = container_of(h, struct node_shard, answers);
    return shard_set_answer(ns->node->shard_set, ns->number);
}

/* --- statistics ------------------------------------------------------------------------------- */

/* The newest durable batch, for the auditor: whoever keeps these lines elsewhere can tell later
 * whether anything up to there was changed. */
static void node_log_head(struct node_shard *ns, const struct shard_stats *stats)
{
    char hash[2 * SHA256_SIZE + 1] = {0};
    hex_write(stats->committed_hash.bytes, SHA256_SIZE, hash);
    LOG_INFO(ns->node->options.log, "journal_head", log_uint("shard", ns->number),
             log_uint("batch", stats->committed_seq), log_text("hash", hash));
}

static void node_publish_shard(struct node_shard *ns)
{
    struct shard_stats stats;
    struct shard *shard = shard_set_shard(ns->node->shard_set, ns->number);
    shard_get_stats(shard, &stats);
    shard_get_stream_stats(shard, ns->scratch);
    check(pthread_mutex_lock(&ns->stats_lock) == 0);
    ns->stats = stats;
    struct stream_stats *before = ns->streams;
    ns->streams = ns->scratch;
    ns->scratch = before;
    check(pthread_mutex_unlock(&ns->stats_lock) == 0);
    uint64_t now_ns = env_mono_ns(loop_env(ns->loop));
    if (stats.state != SHARD_RUNNING || stats.committed_seq == 0 || now_ns < ns->head_due_ns)
        return;
    ns->head_due_ns = now_ns + NODE_HEAD_NS;
    node_log_head(ns, &stats);
}

static void node_publish(struct alarm *a)
{
    struct node_loop *nl = container_of(a, struct node_loop, publish);
    struct node *n = nl->node;
    for (uint16_t i = 0; i < n->options.slots->shards; i++)
        if (n->shards[i].loop == nl->loop)
            node_publish_shard(&n->shards[i]);
    env_alarm_set(a->env, a, env_mono_ns(a->env) + NODE_PUBLISH_NS);
}

void node_get_stats(struct node *n, uint16_t shard, struct shard_stats *stats)
{
    check(shard < n->options.slots->shards);
    struct node_shard *ns = &n->shards[shard];
    check(pthread_mutex_lock(&ns->stats_lock) == 0);
    *stats = ns->stats;
    check(pthread_mutex_unlock(&ns->stats_lock) == 0);
}

void node_get_streams(struct node *n, uint16_t shard, struct stream_stats *ret)
{
    check(shard < n->options.slots->shards);
    struct node_shard *ns = &n->shards[shard];
    check(pthread_mutex_lock(&ns->stats_lock) == 0);
    memcpy(ret, ns->streams, 2 * (size_t)n->options.slots->shards * sizeof *ret);
    check(pthread_mutex_unlock(&ns->stats_lock) == 0);
}

/* --- life ------------------------------------------------------------------------------------- */

/* A shard has one load under way. */
static uint16_t node_loaders(const struct node *n)
{
    const struct node_options *o = &n->options;
    return o->slots->shards < o->readers ? o->slots->shards : o->readers;
}

static enum err node_make_workers(struct node *n)
{
    enum err e = worker_start("journal", URGENCY_HIGH, &n->journal_worker);
    if (e == ERR_OK)
        e = worker_start("views", URGENCY_LOW, &n->views_worker);
    for (uint16_t i = 0; i < n->options.readers && e == ERR_OK; i++)
        e = worker_start("reader", URGENCY_USUAL, &n->read_workers[i]);
    for (uint16_t i = 0; i < node_loaders(n) && e == ERR_OK; i++)
        e = worker_start("loader", URGENCY_USUAL, &n->load_workers[i]);
    return e;
}

static enum err node_make_loops(struct node *n)
{
    enum err e = ERR_OK;
    for (uint16_t i = 0; i < n->options.loops && e == ERR_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "loop-%u", i);
        struct loop_options options = {
            .name = name, .cpu = n->options.pin_cpus ? i : -1, .log = n->options.log};
        n->loops[i].node = n;
        n->loops[i].publish.fire = node_publish;
        e = loop_new(&options, &n->loops[i].loop);
    }
    return e;
}

static struct shard_set *node_make_shard_set(struct node *n)
{
    const struct node_options *o = &n->options;
    struct env *envs[NODE_LOOPS_MAX];
    for (uint16_t i = 0; i < o->loops; i++)
        envs[i] = loop_env(n->loops[i].loop);
    return shard_set_new(&(struct shard_set_options){
        .domain = o->domain,
        .journal_store = o->journal_store,
        .view_store = o->view_store,
        .slots = o->slots,
        .envs = envs,
        .env_count = o->loops,
        .journal_worker = n->journal_worker,
        .views_worker = n->views_worker,
        .read_workers = n->read_workers,
        .reader_count = o->readers,
        .load_workers = n->load_workers,
        .loader_count = node_loaders(n),
        .owner = o->owner,
        .resident_max = o->resident_max,
        .dedup_entries_max = o->dedup_entries_max,
        .filter_bytes = o->filter_bytes,
        .journal_quota = o->journal_quota,
        .state_changed = node_state_changed,
        .quiet = node_shard_quiet,
        .context = n,
    });
}

static void node_init_shard(struct node *n, uint16_t number)
{
    struct node_shard *ns = &n->shards[number];
    ns->node = n;
    ns->number = number;
    ns->loop = n->loops[number % n->options.loops].loop;
    ns->pass.run = node_shard_pass;
    ns->answers.run = node_shard_answer;
    ns->streams = memory_take_zeroed(2 * (size_t)n->options.slots->shards, sizeof *ns->streams);
    ns->scratch = memory_take_zeroed(2 * (size_t)n->options.slots->shards, sizeof *ns->scratch);
    ns->stopped_item.deliver = node_on_stopped;
    ns->quiet_item.deliver = node_on_quiet;
    atomic_init(&ns->state, SHARD_OPENING);
    check(pthread_mutex_init(&ns->stats_lock, NULL) == 0);
}

static enum err node_make_shards(struct node *n)
{
    for (uint16_t i = 0; i < n->options.slots->shards; i++)
        node_init_shard(n, i);
    n->shard_set = node_make_shard_set(n);
    for (uint16_t i = 0; i < n->options.slots->shards; i++) {
        loop_add_pass(n->shards[i].loop, &n->shards[i].pass);
        loop_add_after_pass(n->shards[i].loop, &n->shards[i].answers);
        node_publish_shard(&n->shards[i]);
    }
    return ERR_OK;
}

/* Loops and workers, as far as they were made. */
static void node_free_threads(struct node *n)
{
    worker_stop(n->journal_worker);
    worker_stop(n->views_worker);
    for (uint16_t i = 0; i < n->options.readers; i++)
        worker_stop(n->read_workers[i]);
    for (uint16_t i = 0; i < NODE_READERS_MAX; i++)
        worker_stop(n->load_workers[i]);
    for (uint16_t i = 0; i < n->options.loops; i++)
        loop_free(n->loops[i].loop);
}

static void node_free_all(struct node *n)
{
    node_free_threads(n); /* mail of the shard set may still lie there */
    n->shard_set = shard_set_free(n->shard_set);
    for (uint16_t i = 0; i < n->options.slots->shards; i++) {
        free(n->shards[i].streams);
        free(n->shards[i].scratch);
    }
    free(n->shards);
    free(n);
}

enum err node_new(const struct node_options *options, struct node **ret)
{
    check(options->slots->shards >= 1 && options->slots->shards <= NODE_SHARDS_MAX);
    check(options->loops >= 1 && options->loops <= NODE_LOOPS_MAX);
    check(options->readers >= 1 && options->readers <= NODE_READERS_MAX);
    struct node *n = memory_take_zeroed(1, sizeof *n);
    n->options = *options;
    n->shards = memory_take_zeroed(options->slots->shards, sizeof *n->shards);
    enum err e = node_make_loops(n);
    if (e == ERR_OK)
        e = node_make_workers(n);
    if (e == ERR_OK)
        e = node_make_shards(n);
    if (e != ERR_OK) {
        node_free_all(n);
        return e;
    }
    *ret = n;
    return ERR_OK;
}

enum err node_start(struct node *n)
{
    enum err e = ERR_OK;
    for (uint16_t i = 0; i < n->options.loops && e == ERR_OK; i++) {
        struct env *env = loop_env(n->loops[i].loop);
        env_alarm_set(env, &n->loops[i].publish, env_mono_ns(env) + NODE_PUBLISH_NS);
        if (i > 0)
            e = loop_start(n->loops[i].loop);
    }
    return e;
}

bool node_run(struct node *n)
{
    loop_run(n->loops[0].loop);
    for (uint16_t i = 1; i < n->options.loops; i++)
        loop_stop(n->loops[i].loop);
    for (uint16_t i = 1; i < n->options.loops; i++)
        loop_join(n->loops[i].loop);
    return n->drained;
}

static void node_on_deadline(struct alarm *a)
{
    struct node *n = container_of(a, struct node, deadline);
    LOG_ERROR(n->options.log, "node_stop_timed_out",
              log_uint("shards_left", n->options.slots->shards - n->quiet_count));
    loop_stop(n->loops[0].loop);
}

void node_stop(struct node *n, uint64_t deadline_ns)
{
    check(!n->stopping);
    n->stopping = true;
    n->deadline.fire = node_on_deadline;
    env_alarm_set(node_env_0(n), &n->deadline, deadline_ns);
    shard_set_close(n->shard_set);
    node_finish_if_quiet(n);
}

struct node *node_free(struct node *n)
{
    if (n == NULL)
        return NULL;
    check(n->drained);
    for (uint16_t i = 0; i < n->options.slots->shards; i++)
        pthread_mutex_destroy(&n->shards[i].stats_lock);
    node_free_all(n);
    return NULL;
}

/* --- what it is made of ----------------------------------------------------------------------- */

const char *node_failure(const struct node *n)
{
    for (uint16_t i = 0; i < n->options.slots->shards; i++)
        if (atomic_load(&n->shards[i].state) == SHARD_STOPPED && n->shards[i].reason[0] != '\0')
            return n->shards[i].reason;
    return NULL;
}

bool node_ready(struct node *n, const char **reason)
{
    for (uint16_t i = 0; i < n->options.slots->shards; i++) {
        switch ((enum shard_state)atomic_load(&n->shards[i].state)) {
        case SHARD_RUNNING:
            continue;
        case SHARD_OPENING:
        case SHARD_RECOVERING:
            *reason = "a shard is recovering from its journal";
            return false;
        case SHARD_STOPPED:
            *reason = n->shards[i].reason[0] != '\0' ? n->shards[i].reason : "a shard was closed";
            return false;
        }
    }
    for (uint16_t i = 0; i < n->options.slots->shards; i++) {
        struct shard_stats stats;
        node_get_stats(n, i, &stats);
        if (stats.clock_ahead_ns + stats.clock_behind_ns > CLOCK_STEP_NS)
            *reason =
                "the wall clock was set: times go on from what it was at the start, by elapsed "
                "time; a restart takes the new one, from the journal's last time on";
        if (stats.streams_shut != 0)
            *reason = "a shard is far behind with what others sent it, or out of reach: payctl "
                      "shards names it";
        if (stats.parked != 0)
            *reason = "sends between shards are parked: payctl parked list says why";
        if (stats.state == SHARD_RUNNING && !stats.writable)
            *reason = "the store has no space left: nothing can be changed, and lists may lack the "
                      "newest changes";
        if (stats.damaged_seq != 0) {
            *reason = "a batch of the journal is damaged: payctl store status names it";
            return true;
        }
        if (stats.verify_failed != 0)
            *reason = "the last verification of the journal failed: payctl ledger verify says why";
    }
    return true;
}

uint16_t node_loops(const struct node *n)
{
    return n->options.loops;
}

struct loop *node_loop(const struct node *n, uint16_t number)
{
    check(number < n->options.loops);
    return n->loops[number].loop;
}

struct shard_set *node_shard_set(const struct node *n)
{
    return n->shard_set;
}
