/* SPDX-License-Identifier: Apache-2.0 */
/* A shard is touched by its loop's thread alone; what others see of it is copied: its state in
 * atomics, its statistics under a mutex, its end as mail to loop 0. */
#include "runtime/actor/node.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/actor/gathering.h"
#include "runtime/actor/lane.h"
#include "runtime/observe/log.h"

struct node_shard {
    struct node *node;
    struct loop *loop;
    struct shard *shard; /* of the loop's thread */
    uint16_t number;
    struct loop_hook hook;
    bool quiet;          /* quiet_item was sent */
    struct inbox_item lists_item, close_item; /* to the shard's loop */
    struct inbox_item stopped_item, quiet_item; /* to loop 0 */
    struct inbox_item nudge_item;            /* to the shard's loop ... */
    atomic_bool nudged;                      /* ... where it is on its way to */
    char reason[SHARD_REASON_MAX];           /* written before stopped_item is sent */
    atomic_int state;                        /* enum shard_state */
    pthread_mutex_t stats_lock;
    struct shard_stats stats; /* guarded by stats_lock */
};

struct node_loop {
    struct node *node;
    struct loop *loop;
    struct alarm publish;
};

struct node {
    struct node_options options;
    struct lane *journal_lane, *views_lane, *read_lanes[NODE_READERS_MAX];
    struct node_loop loops[NODE_LOOPS_MAX];
    struct node_shard *shards;
    struct progress progress;

    /* Loop 0's thread. */
    uint16_t quiet_count;
    bool stopping, drained;
    struct alarm deadline;
};

static struct env *env_of_loop_0(const struct node *n)
{
    return loop_env(n->loops[0].loop);
}

/* --- what the shard tells --- */

static void answer(void *context, struct message *m)
{
    struct node_shard *ns = context;
    loop_answer(ns->loop, m);
}

static const char *state_name(enum shard_state state)
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

static void state_changed(void *context, enum shard_state state, const char *reason)
{
    struct node_shard *ns = context;
    struct node *n = ns->node;
    atomic_store(&ns->state, state);
    if (reason != NULL && reason[0] != '\0')
        LOG_INFO(n->options.log, "shard_state", log_uint("shard", ns->number),
                 log_text("state", state_name(state)), log_text("reason", reason));
    else
        LOG_INFO(n->options.log, "shard_state", log_uint("shard", ns->number),
                 log_text("state", state_name(state)));
    if (state != SHARD_STOPPED)
        return;
    snprintf(ns->reason, sizeof ns->reason, "%s", reason);
    loop_mail(n->loops[0].loop, &ns->stopped_item);
}

static void on_nudge(struct inbox_item *item)
{
    struct node_shard *ns = container_of(item, struct node_shard, nudge_item);
    atomic_store(&ns->nudged, false); /* before the pass: what it does not see nudges once more */
    env_wake(loop_env(ns->loop));
}

static void nudge(void *context, uint16_t shard)
{
    struct node_shard *ns = &((struct node *)context)->shards[shard];
    if (!atomic_exchange(&ns->nudged, true))
        loop_mail(ns->loop, &ns->nudge_item);
}

static void on_stopped(struct inbox_item *item)
{
    struct node_shard *ns = container_of(item, struct node_shard, stopped_item);
    struct node *n = ns->node;
    if (n->options.shard_stopped != NULL)
        n->options.shard_stopped(n->options.context, ns->number, ns->reason);
}

static void finish_if_quiet(struct node *n)
{
    if (!n->stopping || n->drained || n->quiet_count < n->options.shards)
        return;
    n->drained = true;
    env_alarm_stop(env_of_loop_0(n), &n->deadline);
    loop_stop(n->loops[0].loop);
}

static void on_quiet(struct inbox_item *item)
{
    struct node *n = container_of(item, struct node_shard, quiet_item)->node;
    n->quiet_count++;
    finish_if_quiet(n);
}

static bool shard_step(struct loop_hook *h)
{
    struct node_shard *ns = container_of(h, struct node_shard, hook);
    bool more = shard_pass(ns->shard, LOOP_PASS_NS);
    if (!ns->quiet && shard_quiet(ns->shard)) {
        ns->quiet = true;
        loop_mail(ns->node->loops[0].loop, &ns->quiet_item);
    }
    return more;
}

/* --- statistics --- */

static void publish_shard(struct node_shard *ns)
{
    struct shard_stats stats;
    shard_get_stats(ns->shard, &stats);
    check(pthread_mutex_lock(&ns->stats_lock) == 0);
    ns->stats = stats;
    check(pthread_mutex_unlock(&ns->stats_lock) == 0);
}

static void publish(struct alarm *a)
{
    struct node_loop *nl = container_of(a, struct node_loop, publish);
    struct node *n = nl->node;
    for (uint16_t i = 0; i < n->options.shards; i++)
        if (n->shards[i].loop == nl->loop)
            publish_shard(&n->shards[i]);
    env_alarm_set(a->env, a, env_mono_ns(a->env) + NODE_PUBLISH_NS);
}

void node_get_stats(struct node *n, uint16_t shard, struct shard_stats *stats)
{
    check(shard < n->options.shards);
    struct node_shard *ns = &n->shards[shard];
    check(pthread_mutex_lock(&ns->stats_lock) == 0);
    *stats = ns->stats;
    check(pthread_mutex_unlock(&ns->stats_lock) == 0);
}

/* --- messages --- */

static void post_here(struct inbox_item *item)
{
    struct message *m = container_of(item, struct message, mail);
    shard_post(m->runtime.shard, m);
}

void node_post_to(struct node *n, struct loop *from, struct message *m, uint16_t shard)
{
    struct node_shard *ns = &n->shards[shard];
    m->home = from;
    if (ns->loop == from) {
        shard_post(ns->shard, m);
        env_wake(loop_env(from));
        return;
    }
    m->runtime.shard = ns->shard;
    m->mail.deliver = post_here;
    loop_mail(ns->loop, &m->mail);
}

/* NULL: one shard answers this. */
static const struct gatherer *gatherer_of(const struct node *n, const struct message_type *type)
{
    bool many = n->options.shards > 1 && type->number < DOMAIN_NUMBER_MAX;
    return many ? n->options.domain->gatherers[type->number] : NULL;
}

void node_post(struct node *n, struct loop *from, struct message *m)
{
    if (m->target_kind == 0)
        m->target_kind = m->type->target_kind;
    if (id128_is_zero(m->target)) {
        const struct gatherer *gatherer = gatherer_of(n, m->type);
        if (gatherer != NULL) {
            gathering_start(n, from, gatherer, m);
            return;
        }
        m->target = domain_target(n->options.domain, m->type, m->body, &m->who,
                                  n->options.shards);
    }
    node_post_to(n, from, m, id128_home(m->target) % n->options.shards);
}

/* --- life --- */

static enum err make_lanes(struct node *n)
{
    enum err e = lane_start("journal", URGENCY_HIGH, &n->journal_lane);
    if (e == ERR_OK)
        e = lane_start("views", URGENCY_LOW, &n->views_lane);
    for (uint16_t i = 0; i < n->options.readers && e == ERR_OK; i++)
        e = lane_start("reader", URGENCY_USUAL, &n->read_lanes[i]);
    return e;
}

static enum err make_loops(struct node *n)
{
    enum err e = ERR_OK;
    for (uint16_t i = 0; i < n->options.loops && e == ERR_OK; i++) {
        char name[16];
        snprintf(name, sizeof name, "loop-%u", i);
        struct loop_options options = {
            .name = name, .cpu = n->options.pin_cpus ? i : -1, .log = n->options.log};
        n->loops[i].node = n;
        n->loops[i].publish.fire = publish;
        e = loop_new(&options, &n->loops[i].loop);
    }
    return e;
}

static void open_shard(struct node *n, uint16_t number)
{
    const struct node_options *o = &n->options;
    struct node_shard *ns = &n->shards[number];
    ns->shard = shard_new(&(struct shard_options){
        .env = loop_env(ns->loop),
        .domain = o->domain,
        .store = o->store,
        .journal_lane = n->journal_lane,
        .views_lane = n->views_lane,
        .read_lane = n->read_lanes[number % o->readers],
        .number = number,
        .shards = o->shards,
        .progress = &n->progress,
        .owner = o->owner,
        .resident_max = o->resident_max,
        .outcomes_max = o->outcomes_max,
        .filter_bytes = o->filter_bytes,
        .merge_keys = o->merge_keys,
        .answer = answer,
        .state_changed = state_changed,
        .context = ns,
    });
    loop_add_pass(ns->loop, &ns->hook);
    publish_shard(ns);
}

static void on_end_lists(struct inbox_item *item)
{
    shard_end_lists(container_of(item, struct node_shard, lists_item)->shard);
}

static void on_close(struct inbox_item *item)
{
    shard_close(container_of(item, struct node_shard, close_item)->shard);
}

static void init_shard(struct node *n, uint16_t number)
{
    struct node_shard *ns = &n->shards[number];
    ns->node = n;
    ns->number = number;
    ns->loop = n->loops[number % n->options.loops].loop;
    ns->hook.run = shard_step;
    ns->lists_item.deliver = on_end_lists;
    ns->close_item.deliver = on_close;
    ns->stopped_item.deliver = on_stopped;
    ns->quiet_item.deliver = on_quiet;
    ns->nudge_item.deliver = on_nudge;
    atomic_init(&ns->nudged, false);
    atomic_init(&ns->state, SHARD_OPENING);
    check(pthread_mutex_init(&ns->stats_lock, NULL) == 0);
}

/* Loops and lanes, as far as they were made. */
static void free_threads(struct node *n)
{
    lane_stop(n->journal_lane);
    lane_stop(n->views_lane);
    for (uint16_t i = 0; i < n->options.readers; i++)
        lane_stop(n->read_lanes[i]);
    for (uint16_t i = 0; i < n->options.loops; i++)
        loop_free(n->loops[i].loop);
}

static void free_node(struct node *n)
{
    free_threads(n);
    free(n->progress.shards);
    free(n->shards);
    free(n);
}

enum err node_new(const struct node_options *options, struct node **ret)
{
    check(options->shards >= 1 && options->shards <= NODE_SHARDS_MAX);
    check(options->loops >= 1 && options->loops <= NODE_LOOPS_MAX);
    check(options->readers >= 1 && options->readers <= NODE_READERS_MAX);
    struct node *n = calloc(1, sizeof *n);
    if (n == NULL)
        return ERR_NO_MEMORY;
    n->options = *options;
    n->shards = calloc(options->shards, sizeof *n->shards);
    n->progress = (struct progress){
        .count = options->shards, .nudge = nudge, .context = n,
        .shards = calloc(options->shards, sizeof *n->progress.shards)};
    bool memory = n->shards != NULL && n->progress.shards != NULL;
    enum err e = memory ? make_loops(n) : ERR_NO_MEMORY;
    if (e == ERR_OK)
        e = make_lanes(n);
    if (e != ERR_OK) {
        free_node(n);
        return e;
    }
    for (uint16_t i = 0; i < options->shards; i++) {
        init_shard(n, i);
        open_shard(n, i);
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

static void on_deadline(struct alarm *a)
{
    struct node *n = container_of(a, struct node, deadline);
    LOG_ERROR(n->options.log, "node_stop_timed_out",
              log_uint("shards_left", n->options.shards - n->quiet_count));
    loop_stop(n->loops[0].loop);
}

void node_end_lists(struct node *n)
{
    for (uint16_t i = 0; i < n->options.shards; i++)
        loop_mail(n->shards[i].loop, &n->shards[i].lists_item);
}

void node_stop(struct node *n, uint64_t deadline_ns)
{
    check(!n->stopping);
    n->stopping = true;
    n->deadline.fire = on_deadline;
    env_alarm_set(env_of_loop_0(n), &n->deadline, deadline_ns);
    for (uint16_t i = 0; i < n->options.shards; i++)
        loop_mail(n->shards[i].loop, &n->shards[i].close_item);
    finish_if_quiet(n);
}

struct node *node_free(struct node *n)
{
    if (n == NULL)
        return NULL;
    check(n->drained);
    for (uint16_t i = 0; i < n->options.shards; i++) {
        n->shards[i].shard = shard_free(n->shards[i].shard);
        pthread_mutex_destroy(&n->shards[i].stats_lock);
    }
    free_node(n);
    return NULL;
}

/* --- what it is made of --- */

bool node_ready(struct node *n, const char **reason)
{
    for (uint16_t i = 0; i < n->options.shards; i++) {
        switch ((enum shard_state)atomic_load(&n->shards[i].state)) {
        case SHARD_RUNNING:
            continue;
        case SHARD_OPENING:
        case SHARD_RECOVERING:
            *reason = "a shard is recovering from its journal";
            return false;
        case SHARD_STOPPED:
            *reason = "a shard has stopped";
            return false;
        }
    }
    for (uint16_t i = 0; i < n->options.shards; i++) {
        struct shard_stats stats;
        node_get_stats(n, i, &stats);
        if (stats.damaged_seq != 0)
            *reason = "a batch of the journal is damaged: payctl store status names it";
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

uint16_t node_shards(const struct node *n)
{
    return n->options.shards;
}

struct shard *node_shard(const struct node *n, uint16_t number)
{
    check(number < n->options.shards);
    return n->shards[number].shard;
}

struct loop *node_shard_loop(const struct node *n, uint16_t number)
{
    check(number < n->options.shards);
    return n->shards[number].loop;
}

const struct domain *node_domain(const struct node *n)
{
    return n->options.domain;
}
