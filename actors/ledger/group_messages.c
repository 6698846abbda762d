/* SPDX-License-Identifier: Apache-2.0 */
/* Whose group it is, is looked at when home hears of the decision: what it shows then is found
 * before anything is carried out. */
#include "actors/ledger/group_messages.h"

#include "actors/ledger/bulk_request.h"
#include "actors/ledger/group.h"
#include "actors/ledger/reversal_crossing.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transaction_crossing.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

static bool group_leg_fits(struct turn *t, const struct group *g, uint32_t i)
{
    const struct group_leg *asked = &g->legs[i];
    if (id128_is_zero(asked->debit_account_id) || id128_is_zero(asked->credit_account_id))
        return false;
    const struct leg l = leg_of(t, g, i);
    return leg_may_cross(asked->flags) && posting_form_check(&l.posting) == RESULT_OK;
}

/* Why no shard can have sent this group here; NULL: it fits, and *w is its way. */
static const char *group_fault(struct turn *t, struct group *g, struct group_way *w)
{
    const struct send_origin *o = turn_origin(t);
    bool here = false;
    check(o != NULL);
    if (g->legs_count == 0 || g->legs_count > GROUP_LEGS_MAX || id128_is_zero(g->tenant_id) ||
        id128_is_zero(g->group_id))
        return "a group of nothing or nobody";
    for (uint32_t i = 0; i < g->legs_count; i++) {
        if (!group_leg_fits(t, g, i))
            return "a group with a transfer that cannot be asked for";
        here |= turn_at_home(t, g->legs[i].debit_account_id) ||
                turn_at_home(t, g->legs[i].credit_account_id);
    }
    if (!here || turn_at_home(t, g->group_id))
        return "a group that has nothing to do here";
    group_begin(t, g, w);
    return w->line[w->at - 1].shard == o->shard ? NULL : "a group out of its line";
}

/* Why it cannot be what was decided about this group; NULL: it fits. */
static const char *group_follow_fault(struct turn *t, const struct group_way *w,
                                      const struct group_follow *f)
{
    const struct send_origin *o = turn_origin(t);
    uint32_t at = w->at + 1;
    check(o != NULL);
    while (at < w->stops && w->line[at].shard != o->shard)
        at++;
    if (at == w->stops || (f->result == RESULT_OK && at + 1 < w->stops))
        return "a decision of a shard that does not decide";
    if (f->decided_time == 0 || f->decided_time > o->time_ns)
        return "a decision that was not made yet";
    if (f->result == RESULT_OK)
        return NULL;
    bool known = result_info(f->result) != NULL && f->failed_leg < w->group->legs_count;
    return known ? NULL : "a refusal of nothing, or for no known reason";
}

enum turn_result group_on_token(struct turn *t, struct id128 self, const struct message *m)
{
    const struct group_token *sent = m->body;
    (void)self;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    struct group group = sent->group;
    struct group_way w;
    const char *fault = group_fault(t, &group, &w);
    if (fault != NULL)
        return turn_fail(t, fault);
    check(w.at > 0);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint64_t now = turn_time(t);
    uint16_t code = group_visit(t, &w, now);
    if (code == RESULT_OK && !group_decides(&w)) {
        group_reserve(t, &w, ID128_ZERO);
        const struct group_follow posted = {
            .share_id = w.reserved.share_id, .result = RESULT_OK, .decided_time = now};
        if (MUTANT(MIDDLE_DECIDES) && w.at + 2 == w.stops)
            group_carry_out(t, &w, &posted);
        return TURN_DONE;
    }
    group_tell(t, &w, code, now);
    return TURN_DONE;
}

/* What home shows of it: of a transaction, of one transfer that is reversed alone, or of the list
 * that it is of. */
struct group_outcome {
    struct transaction_outcome transaction;
    struct transfer_info reversal;
    const struct bulk_begun *list;
};

static enum presence group_outcome_find(struct turn *t, const struct group_way *w, struct id128 ask,
                                        const struct group_follow *f, struct group_outcome *o)
{
    check(w->at == 0);
    if (w->group->has_transaction_id)
        return transaction_outcome_find(t, w, f, &o->transaction);
    if (w->group->legs[0].has_reverses_id)
        return reversal_outcome_find(t, w, f, &o->reversal);
    return bulk_outcome_find(t, ask, &o->list);
}

static void group_conclude(struct turn *t, const struct group_way *w, struct id128 ask,
                           const struct group_follow *f, struct group_outcome *o)
{
    check(!id128_is_zero(ask));
    if (w->group->has_transaction_id)
        transaction_conclude(t, w, ask, f, &o->transaction);
    else if (w->group->legs[0].has_reverses_id)
        reversal_conclude(t, w, ask, f, &o->reversal);
    else
        bulk_conclude(t, w, ask, f, o->list);
}

static enum turn_result group_on_follow(struct turn *t, struct id128 self, const struct message *m)
{
    const struct group_follow *f = m->body;
    const struct group_share *share;
    const struct group_reserved *made;
    struct group_way w;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return TURN_DONE;
    }
    enum presence there = group_share_find(t, self, &share, &made);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a decision about nothing that is kept aside");
    struct group group = made->group;
    struct id128 ask = share->ask;
    group_begin(t, &group, &w);
    check(!group_decides(&w));
    check((w.at == 0) == !id128_is_zero(ask));
    const char *fault = group_follow_fault(t, &w, f);
    if (fault != NULL || !id128_equal(f->share_id, self))
        return turn_fail(t, fault != NULL ? fault : "a decision about another group");
    w.reserved = *made;
    w.follows = true;
    struct group_outcome outcome;
    there = group_find(t, &w);
    if (w.at == 0 && group_outcome_find(t, &w, ask, f, &outcome) == PRESENCE_WAITING)
        there = PRESENCE_WAITING;
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    group_carry_out(t, &w, f);
    if (w.at == 0)
        group_conclude(t, &w, ask, f, &outcome);
    return TURN_DONE;
}

static const struct handler handlers[] = {
    {&group_follow_type, group_on_follow},
    {&leg_tell_type, told_transfer_on_tell},
};

const struct actor_kind group_share_kind = {
    .name = "group_share",
    .number = KIND_GROUP_SHARE,
    .state_size = sizeof(struct group_share),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &group_share_codec,
};
