/* SPDX-License-Identifier: Apache-2.0 */
/* The way of a message: shard_set_post() finds the shard, and posts to it at once if it belongs to
 * the sender's env, else by mail. Its answer comes back in the same two ways (message_answer()). A
 * message about the whole node becomes one to each shard (scatter_gather.c).
 *
 * Shards know of each other only how far their journals and views are (atomics of progress.h). The
 * one that moved notifies those whose lists wait, with one mail at most on its way to each. */
#include "runtime/node/shard_set.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"
#include "runtime/node/frame_mail.h"
#include "runtime/node/scatter_gather.h"

struct shard_set_shard {
    struct shard_set *shard_set;
    struct env *env;
    struct shard *shard; /* of the env's thread */
    uint16_t number;
    bool quiet;          /* it was told */
    struct inbox_item lists_item, close_item; /* to the shard's env */
    struct inbox_item notify_item;             /* the same ... */
    atomic_bool notified;                       /* ... where it is on its way to */
};

struct shard_set {
    struct shard_set_options options;
    struct progress progress;
    struct committer committer;
    struct projector_stores stores;
    struct stepper stepper;
    struct shard_set_shard shards[];
};

/* --- from the shards -------------------------------------------------------------------------- */

static void shard_set_state_changed(void *context, enum shard_state state, const char *reason)
{
    struct shard_set_shard *cs = context;
    const struct shard_set_options *o = &cs->shard_set->options;
    o->state_changed(o->context, cs->number, state, reason);
}

static void shard_set_on_notify(struct inbox_item *item)
{
    struct shard_set_shard *cs = container_of(item, struct shard_set_shard, notify_item);
    /* before the pass: what it does not see notifies once more */
    atomic_store(&cs->notified, false);
    env_wake(cs->env);
}

static void shard_set_notify(void *context, uint16_t shard)
{
    struct shard_set_shard *cs = &((struct shard_set *)context)->shards[shard];
    if (!atomic_exchange(&cs->notified, true))
        env_mail(cs->env, &cs->notify_item);
}

void shard_set_pass(struct shard_set *c, uint16_t shard, uint64_t budget_ns)
{
    shard_pass(c->shards[shard].shard, budget_ns);
}

bool shard_set_answer(struct shard_set *c, uint16_t shard)
{
    struct shard_set_shard *cs = &c->shards[shard];
    bool more = shard_answer(cs->shard);
    if (!cs->quiet && shard_quiet(cs->shard)) {
        cs->quiet = true;
        c->options.quiet(c->options.context, shard);
    }
    return more;
}

/* --- messages --------------------------------------------------------------------------------- */

static void shard_set_post_here(struct inbox_item *item)
{
    struct message *m = container_of(item, struct message, mail);
    shard_post(m->runtime.shard, m);
}

void shard_set_post_to(struct shard_set *c, struct env *from, struct message *m, uint16_t shard)
{
    struct shard_set_shard *cs = &c->shards[shard];
    m->home = from;
    if (cs->env == from) {
        shard_post(cs->shard, m);
        env_wake(from);
        return;
    }
    m->runtime.shard = cs->shard;
    m->mail.deliver = shard_set_post_here;
    env_mail(cs->env, &m->mail);
}

/* NULL: one shard answers this. */
static const struct gatherer *shard_set_gatherer(const struct shard_set *c,
                                                 const struct message_type *type)
{
    bool many = c->options.slots->shards > 1 && type->number < DOMAIN_NUMBER_MAX;
    return many ? c->options.domain->gatherers[type->number] : NULL;
}

static uint16_t shard_set_home(const struct shard_set *c, const struct place *p)
{
    const struct slot_map *slots = c->options.slots;
    uint16_t shard = slot_map_shard(slots, p->slot);
    if (MUTANT(WRONG_SHARD) && p->target.hi % 16 == 15)
        shard = (uint16_t)((shard + 1) % slots->shards);
    return shard;
}

/* Where a message goes of which its body says nothing: repeated under its key, there again. Lists
 * of one tenant wait in one shard, where its clients take turns. */
static uint16_t shard_set_any_slot(const struct shard_set *c, struct env *from,
                                   const struct message *m)
{
    if (c->options.slots->shards == 1)
        return 0;
    if (m->type->view)
        return id128_slot(m->who.tenant_id);
    return (uint16_t)(m->keyed ? m->key.lo : env_random(from));
}

static void shard_set_post_to_all(struct shard_set *c, struct env *from, const struct gatherer *how,
                                  struct message *m)
{
    uint16_t count = c->options.slots->shards;
    struct scatter_gather *g = scatter_gather_new(how, from, m, count);
    for (uint16_t i = 0; i < count; i++)
        shard_set_post_to(c, from, scatter_gather_part(g, i), i);
}

/* Is it to be looked for in one more shard? What other shards are deciding may be decided in the
 * next one, and is shown in part by whoever has decided it if all are asked once more. */
static bool shard_set_seeks_on(const struct shard_set *c, struct message *m)
{
    bool pending = m->code == ERR_OUTCOME_PENDING && !m->type->mutates;
    if (m->code != ERR_NOT_FOUND && !pending)
        return false;
    if (m->referred)
        return true;
    m->under_way |= pending;
    if (m->runtime.left > 0)
        return true;
    if (m->asks_key) {
        m->asks_key = false;
        m->runtime.left = c->options.slots->shards;
        return true;
    }
    if (m->under_way && !m->part_suffices) {
        m->part_suffices = true;
        m->runtime.left = c->options.slots->shards;
        return true;
    }
    m->code = m->under_way ? ERR_OUTCOME_PENDING : ERR_NOT_FOUND;
    return false;
}

static void shard_set_post_next(struct message *m)
{
    struct shard_set *c = m->runtime.set;
    if (!shard_set_seeks_on(c, m)) {
        m->done = m->runtime.found;
        m->done(m);
        return;
    }
    if (m->referred) {
        m->referred = false;
        m->runtime.left = 0;
    } else {
        check(m->runtime.left > 0);
        m->runtime.left--;
        m->runtime.at = (uint16_t)((m->runtime.at + 1) % c->options.slots->shards);
    }
    m->drew_ids = false; /* each shard has its own time */
    wire_writer_clear(&m->reply);
    shard_set_post_to(c, m->home, m, m->runtime.at);
}

/* May be in another shard than that of its id. */
static bool shard_set_seeks(const struct shard_set *c, const struct message *m)
{
    return c->options.slots->shards > 1 && !m->type->view && m->target_kind < KIND_MAX &&
           c->options.domain->decided[m->target_kind];
}

void shard_set_post(struct shard_set *c, struct env *from, struct message *m)
{
    if (m->target_kind == 0)
        m->target_kind = m->type->target_kind;
    struct place place = place_of(m->target);
    if (id128_is_zero(m->target)) {
        const struct gatherer *gatherer = shard_set_gatherer(c, m->type);
        if (gatherer != NULL) {
            shard_set_post_to_all(c, from, gatherer, m);
            return;
        }
        place = domain_place(c->options.domain, m->type, m->body, &m->who,
                             shard_set_any_slot(c, from, m));
        m->target = place.target;
    }
    uint16_t shard = shard_set_home(c, &place);
    m->asks_key = false;
    if (shard_set_seeks(c, m)) {
        m->under_way = m->part_suffices = m->referred = false;
        m->asks_key = m->keyed && m->type->mutates;
        m->runtime.set = c;
        m->runtime.found = m->done;
        m->runtime.at = shard;
        m->runtime.left = (uint16_t)(c->options.slots->shards - 1);
        m->done = shard_set_post_next;
    }
    shard_set_post_to(c, from, m, shard);
}

/* --- life ------------------------------------------------------------------------------------- */

static void shard_set_on_end_lists(struct inbox_item *item)
{
    shard_end_lists(container_of(item, struct shard_set_shard, lists_item)->shard);
}

static void shard_set_on_close(struct inbox_item *item)
{
    shard_close(container_of(item, struct shard_set_shard, close_item)->shard);
}

void shard_set_end_lists(struct shard_set *c)
{
    for (uint16_t i = 0; i < c->options.slots->shards; i++)
        env_mail(c->shards[i].env, &c->shards[i].lists_item);
}

void shard_set_close(struct shard_set *c)
{
    for (uint16_t i = 0; i < c->options.slots->shards; i++)
        env_mail(c->shards[i].env, &c->shards[i].close_item);
}

static void shard_set_on_frame(void *context, const struct frame *f)
{
    struct shard_set *c = context;
    shard_frame(c->shards[f->to].shard, f);
}

/* The transport between the shards of this process. */
static void shard_set_send(void *context, const struct frame *f)
{
    struct shard_set *c = context;
    check(f->to < c->options.slots->shards);
    frame_mail_send(c->shards[f->to].env, f, shard_set_on_frame, c);
}

static void shard_set_open(struct shard_set *c, uint16_t number)
{
    const struct shard_set_options *o = &c->options;
    struct shard_set_shard *cs = &c->shards[number];
    cs->shard_set = c;
    cs->number = number;
    cs->env = o->envs[number % o->env_count];
    cs->lists_item.deliver = shard_set_on_end_lists;
    cs->close_item.deliver = shard_set_on_close;
    cs->notify_item.deliver = shard_set_on_notify;
    atomic_init(&cs->notified, false);
    cs->shard = shard_new(&(struct shard_options){
        .env = cs->env,
        .domain = o->domain,
        .committer = &c->committer,
        .view_store = o->view_store,
        .stepper = &c->stepper,
        .read_worker = o->read_workers[number % o->reader_count],
        .load_worker = o->load_workers[number % o->loader_count],
        .number = number,
        .slots = o->slots,
        .transport =
            o->transport.send != NULL ? o->transport : (struct transport){shard_set_send, c},
        .progress = &c->progress,
        .owner = o->owner,
        .resident_max = o->resident_max,
        .dedup_entries_max = o->dedup_entries_max,
        .filter_bytes = o->filter_bytes,
        .journal_quota = o->journal_quota,
        .state_changed = shard_set_state_changed,
        .context = cs,
    });
}

static struct shard_set *shard_set_free_memory(struct shard_set *c)
{
    committer_done(&c->committer);
    stepper_done(&c->stepper);
    free(c->progress.shards);
    free(c);
    return NULL;
}

struct shard_set *shard_set_new(const struct shard_set_options *options)
{
    uint16_t count = options->slots->shards;
    check(count >= 1 && count <= SHARD_SET_MAX);
    struct shard_set *c = memory_take_zeroed(1, sizeof *c + count * sizeof *c->shards);
    c->options = *options;
    committer_init(&c->committer, options->journal_worker, options->journal_store);
    c->stores = (struct projector_stores){options->journal_store, options->view_store};
    stepper_init(&c->stepper, options->views_worker, &projector_sink, &c->stores);
    c->progress =
        (struct progress){.count = count,
                          .notify = shard_set_notify,
                          .context = c,
                          .shards = memory_take_zeroed(count, sizeof *c->progress.shards)};
    for (uint16_t i = 0; i < count; i++)
        shard_set_open(c, i);
    return c;
}

struct shard_set *shard_set_free(struct shard_set *c)
{
    if (c == NULL)
        return NULL;
    for (uint16_t i = 0; i < c->options.slots->shards; i++)
        c->shards[i].shard = shard_free(c->shards[i].shard);
    return shard_set_free_memory(c);
}

struct shard_set *shard_set_kill(struct shard_set *c)
{
    for (uint16_t i = 0; i < c->options.slots->shards; i++)
        c->shards[i].shard = shard_kill(c->shards[i].shard);
    return shard_set_free_memory(c);
}

/* --- what it is made of ----------------------------------------------------------------------- */

uint16_t shard_set_count(const struct shard_set *c)
{
    return c->options.slots->shards;
}

const struct slot_map *shard_set_slots(const struct shard_set *c)
{
    return c->options.slots;
}

struct shard *shard_set_shard(const struct shard_set *c, uint16_t number)
{
    check(number < c->options.slots->shards);
    return c->shards[number].shard;
}

struct env *shard_set_env(const struct shard_set *c, uint16_t number)
{
    check(number < c->options.slots->shards);
    return c->shards[number].env;
}

const struct domain *shard_set_domain(const struct shard_set *c)
{
    return c->options.domain;
}
