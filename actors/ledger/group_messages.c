/* SPDX-License-Identifier: Apache-2.0 */
/* Whose group it is, is looked at when home hears of the decision: what it shows then is found
 * before anything is carried out. */
#include "actors/ledger/group_messages.h"

#include "actors/ledger/bulk_request.h"
#include "actors/ledger/group.h"
#include "actors/ledger/reversal_crossing.h"
#include "actors/ledger/transaction_crossing.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

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
    group_begin(t, &group, &w);
    check(w.at > 0);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint64_t now = turn_time(t);
    uint16_t code = group_visit(t, &w, now);
    if (code == RESULT_OK && !group_decides(&w)) {
        group_reserve(t, &w, ID128_ZERO);
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
    check(id128_equal(f->share_id, self));
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
    w.reserved = *made;
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
};

const struct actor_kind group_share_kind = {
    .name = "group_share",
    .number = KIND_GROUP_SHARE,
    .state_size = sizeof(struct group_share),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &group_share_codec,
};
