/* SPDX-License-Identifier: Apache-2.0 */
/* What is known when the list comes stands in the event that began it, what follows in the state:
 * the answer is both. */
#include "actors/ledger/bulk_request.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/manager.h"
#include "runtime/base/mutant.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define BULK_CONTENT_MAX ((size_t)64 << 20)

struct id128 bulk_content(bool whole, const struct transfer_spec *specs, uint32_t count)
{
    struct wire_writer w;
    check(count > 0);
    wire_writer_init(&w, BULK_CONTENT_MAX);
    for (uint32_t i = 0; i < count; i++)
        transfer_spec_write(&w, &specs[i]);
    check(!w.failed); /* it came in a message */
    const struct slice pieces[] = {slice_of(whole ? "whole list" : "list"), wire_written(&w)};
    struct id128 content = sha256_id(pieces, array_len(pieces));
    wire_writer_done(&w);
    return content;
}

/* --- the answer ------------------------------------------------------------------------------- */

static void bulk_answer_whole(const struct batch_result *results, uint32_t count,
                              struct bulk_answer *a)
{
    a->whole =
        (struct batch_results){.results = (struct batch_result *)results, .results_count = count};
    for (uint32_t i = 0; i < count; i++) {
        check(results[i].index == i);
        bool done = results[i].result == RESULT_OK || results[i].result == RESULT_EXISTS;
        a->whole.succeeded += done;
        a->whole.failed += !done;
    }
    a->type = &batch_results_type;
    a->body = &a->whole;
}

void bulk_answer_make(struct turn *t, bool whole, const struct batch_result *results,
                      uint32_t count, struct bulk_answer *a)
{
    *a = (struct bulk_answer){.type = &item_results_type, .body = &a->refused};
    if (whole) {
        bulk_answer_whole(results, count, a);
        return;
    }
    a->refused.results = turn_alloc(t, (count + 1) * sizeof *a->refused.results);
    for (uint32_t i = 0; i < count; i++) {
        const struct batch_result *r = &results[i];
        check(r->result != RESULT_OK);
        check(i == 0 || results[i - 1].index < r->index);
        a->refused.results[i] = (struct item_result){
            .index = r->index,
            .result = r->result,
            .has_managed_by = r->has_managed_by,
            .managed_by = r->managed_by,
            .has_use = r->has_use,
            .use = r->use,
        };
    }
    a->refused.results_count = count;
}

/* --- under way -------------------------------------------------------------------------------- */

enum presence bulk_request_of(struct turn *t, struct id128 transfer_id,
                              const struct bulk_request **b, struct id128 *bulk_id)
{
    struct stored_event stored;
    const struct group_share *share;
    enum presence there = turn_find_decision(t, transfer_id, &stored);
    if (there != PRESENCE_THERE || stored.number != LEG_RESERVED_NUMBER)
        return there == PRESENCE_WAITING ? there : PRESENCE_ABSENT;
    const struct leg_reserved *e = stored.event;
    check(id128_equal(e->id, transfer_id));
    there = turn_find_group_share(t, e->share_id, &share);
    if (there != PRESENCE_THERE || id128_is_zero(share->ask))
        return there == PRESENCE_WAITING ? there : PRESENCE_ABSENT;
    *bulk_id = share->ask;
    return turn_find_bulk_request(t, *bulk_id, b);
}

void bulk_request_open(struct turn *t, struct bulk_begun *e)
{
    check(e->groups > 0);
    check(!e->whole || e->results_count == e->count);
    e->ask = turn_open(t, e->bulk_id);
    turn_emit(t, &bulk_begun_type, e);
}

void bulk_begun_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct bulk_begun *e = event;
    struct bulk_request *b = registry_create(r, KIND_BULK_REQUEST, e->bulk_id);
    check(b->groups == 0);
    check(e->groups > 0);
    check(!id128_is_zero(e->ask));
    b->ask = e->ask;
    b->content = e->content;
    b->groups = e->groups;
    if (e->items_count == 0)
        return;
    check(e->items_count <= e->groups);
    b->items = registry_alloc(r, e->items_count * sizeof *b->items);
    memcpy(b->items, e->items, e->items_count * sizeof *b->items);
    b->items_count = e->items_count;
}

/* --- decided ---------------------------------------------------------------------------------- */

/* A longer copy: the old list must survive an undo of the turn. */
static void bulk_request_refuse(struct registry *r, struct bulk_request *b,
                                const struct bulk_refusal *refused, uint32_t count)
{
    struct bulk_refusal *old = b->refused;
    size_t before = b->refused_count * sizeof *old;
    check(count > 0);
    check((old == NULL) == (b->refused_count == 0));
    b->refused = registry_alloc(r, before + count * sizeof *old);
    if (before > 0)
        memcpy(b->refused, old, before);
    memcpy(b->refused + b->refused_count, refused, count * sizeof *old);
    b->refused_count += count;
    if (old != NULL)
        registry_free(r, old);
}

static uint32_t bulk_item_at(const struct bulk_request *b, uint32_t place)
{
    uint32_t i = 0;
    while (i < b->items_count && b->items[i].place != place)
        i++;
    return i;
}

/* Its outcome is known. A copy, as above; the last one takes its place. */
static void bulk_request_strike(struct registry *r, struct bulk_request *b, uint32_t place)
{
    struct bulk_item *old = b->items, *left = NULL;
    uint32_t at = bulk_item_at(b, place), count = b->items_count - 1;
    check(at <= count);
    if (count > 0) {
        left = registry_alloc(r, count * sizeof *left);
        memcpy(left, old, count * sizeof *left);
    }
    if (at < count)
        left[at] = old[count];
    b->items = left;
    b->items_count = count;
    registry_free(r, old);
}

void bulk_followed_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct bulk_followed *e = event;
    struct bulk_request *b = registry_state(r, KIND_BULK_REQUEST, e->bulk_id);
    check(b->groups > 0);
    b->groups--;
    if (b->groups == 0) {
        registry_remove(r, KIND_BULK_REQUEST, e->bulk_id);
        return;
    }
    if (e->has_place)
        bulk_request_strike(r, b, e->place);
    if (e->refused_count > 0)
        bulk_request_refuse(r, b, e->refused, e->refused_count);
}

static bool bulk_ends(const struct bulk_request *b)
{
    check(b->groups > 0);
    return b->groups == 1 || MUTANT(ANSWER_LIST_EARLY);
}

enum presence bulk_outcome_find(struct turn *t, struct id128 bulk_id,
                                const struct bulk_begun **begun)
{
    const struct bulk_request *b;
    struct stored_event stored;
    *begun = NULL;
    enum presence there = turn_find_bulk_request(t, bulk_id, &b);
    if (there == PRESENCE_WAITING)
        return there;
    check(there == PRESENCE_THERE);
    if (!bulk_ends(b))
        return there;
    there = turn_find_decision(t, bulk_id, &stored);
    if (there == PRESENCE_WAITING)
        return there;
    check(there == PRESENCE_THERE && stored.number == BULK_BEGUN_NUMBER);
    *begun = stored.event;
    return there;
}

/* Of legs apart each that is not made, for its own cause; else all of a group that is refused, one
 * leg for a cause of its own. */
static struct bulk_followed group_refusals(struct turn *t, const struct group *g,
                                           struct id128 bulk_id, const struct group_follow *f)
{
    struct bulk_followed e = {.bulk_id = bulk_id};
    uint32_t shift = MUTANT(CODE_TO_NEIGHBOUR) ? 1 : 0;
    e.refused = turn_alloc(t, g->legs_count * sizeof *e.refused);
    for (uint32_t i = 0; i < f->refused_count; i++) {
        uint32_t leg = (f->refused[i].leg + shift) % g->legs_count;
        e.refused[i] =
            (struct bulk_refusal){.place = g->legs[leg].place, .result = f->refused[i].result};
    }
    e.refused_count = f->refused_count;
    if (g->apart || f->result == RESULT_OK)
        return e;
    check(f->failed_leg < g->legs_count);
    e.refused_count = g->legs_count;
    for (uint32_t i = 0; i < g->legs_count; i++) {
        bool cause = i == f->failed_leg;
        e.refused[i] = (struct bulk_refusal){
            .place = g->legs[i].place, .result = cause ? f->result : RESULT_LINKED_EVENT_FAILED};
    }
    return e;
}

static int by_index(const void *a, const void *b)
{
    uint32_t x = ((const struct batch_result *)a)->index;
    uint32_t y = ((const struct batch_result *)b)->index;
    return (x > y) - (x < y);
}

/* A whole answer has them already, at their place. */
static void results_refuse(struct turn *t, struct batch_result *results, uint32_t *count,
                           bool whole, const struct bulk_refusal *refused, uint32_t refused_count)
{
    for (uint32_t i = 0; i < refused_count; i++) {
        const struct bulk_refusal *r = &refused[i];
        check(!whole || (r->place < *count && results[r->place].result == RESULT_OK));
        struct batch_result *of = &results[whole ? r->place : (*count)++];
        if (!whole)
            *of = (struct batch_result){.index = r->place};
        of->result = r->result;
        if (r->manager_code != 0) {
            const struct managed_refusal managed = manager_refusal_told(t, r);
            MANAGER_TELL(of, managed);
        }
    }
}

/* All are decided: `last` is what came of the last group. */
static void bulk_answer_request(struct turn *t, const struct bulk_request *b,
                                const struct bulk_begun *begun, const struct bulk_followed *last)
{
    uint32_t count = begun->results_count;
    struct batch_result *results = turn_alloc(t, (begun->count + 1) * sizeof *results);
    struct bulk_answer *a = turn_alloc(t, sizeof *a);
    check(begun->count >= count);
    if (count > 0)
        memcpy(results, begun->results, count * sizeof *results);
    results_refuse(t, results, &count, begun->whole, b->refused, b->refused_count);
    results_refuse(t, results, &count, begun->whole, last->refused, last->refused_count);
    check(count <= begun->count);
    qsort(results, count, sizeof *results, by_index);
    bulk_answer_make(t, begun->whole, results, count, a);
    turn_close(t, b->ask, RESULT_OK, a->type, a->body, 0);
}

static void bulk_follow(struct turn *t, struct id128 bulk_id, const struct bulk_followed *e,
                        const struct bulk_begun *begun)
{
    const struct bulk_request *found;
    enum presence there = turn_find_bulk_request(t, bulk_id, &found);
    check(there == PRESENCE_THERE);
    struct bulk_request b = *found; /* what it refers to outlives it in this turn */
    turn_emit(t, &bulk_followed_type, e);
    if (begun != NULL)
        bulk_answer_request(t, &b, begun, e);
}

void bulk_conclude(struct turn *t, const struct group_way *w, struct id128 bulk_id,
                   const struct group_follow *f, const struct bulk_begun *begun)
{
    check(w->at == 0);
    const struct bulk_followed e = group_refusals(t, w->group, bulk_id, f);
    if (f->result != RESULT_OK || f->refused_count > 0)
        group_forget_notes(t, w->group, f);
    bulk_follow(t, bulk_id, &e, begun);
}

/* Why no home can have said so; NULL: it fits. */
static const char *outcome_fault(const struct turn *t, const struct bulk_request *b,
                                 const struct listed_outcome *c)
{
    const struct bulk_refusal *r = &c->outcome;
    uint32_t at = bulk_item_at(b, r->place);
    check(turn_origin(t) != NULL);
    if (at == b->items_count || b->items[at].shard != turn_origin(t)->shard)
        return "an outcome that this list does not wait for";
    bool known = r->result == RESULT_OK || result_info(r->result) != NULL;
    bool managed = r->result == RESULT_MANAGED ? manager_told(r) : r->manager_code == 0;
    return known && managed ? NULL : "an outcome with an unknown result";
}

static enum turn_result bulk_on_outcome(struct turn *t, struct id128 self, const struct message *m)
{
    const struct listed_outcome *c = m->body;
    const struct bulk_request *b;
    const struct bulk_begun *begun;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    enum presence there = turn_find_bulk_request(t, self, &b);
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "an outcome for a list that is not open");
    const char *fault = there == PRESENCE_THERE ? outcome_fault(t, b, c) : NULL;
    if (fault != NULL)
        return turn_fail(t, fault);
    if (there == PRESENCE_WAITING || bulk_outcome_find(t, self, &begun) == PRESENCE_WAITING)
        return TURN_WAIT;
    struct bulk_refusal refused = c->outcome;
    const struct bulk_followed e = {
        .bulk_id = self,
        .refused = &refused,
        .refused_count = refused.result != RESULT_OK,
        .has_place = true,
        .place = refused.place,
    };
    bulk_follow(t, self, &e, begun);
    return TURN_DONE;
}

static const struct handler handlers[] = {
    {&listed_outcome_type, bulk_on_outcome},
};

const struct actor_kind bulk_request_kind = {
    .name = "bulk_request",
    .number = KIND_BULK_REQUEST,
    .state_size = sizeof(struct bulk_request),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &bulk_request_codec,
};
