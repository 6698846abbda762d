/* SPDX-License-Identifier: Apache-2.0 */
/* What is recorded with the parts that home keeps aside is all that the transaction says in the
 * end: its own words, and those of its transfers. */
#include "actors/ledger/transaction_crossing.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transaction.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transfer_row.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

static bool names_no_account(struct id128 id)
{
    return id128_is_zero(id) || id128_is_max(id);
}

bool transaction_crosses(struct turn *t, const struct transaction_create *c)
{
    bool crosses = false;
    for (uint32_t i = 0; i < c->legs_count; i++) {
        const struct transaction_leg *l = &c->legs[i];
        if (!leg_may_cross(l->flags) || names_no_account(l->debit_account_id) ||
            names_no_account(l->credit_account_id))
            return false;
        crosses |= group_crosses(t, l->debit_account_id, l->credit_account_id);
    }
    return crosses;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* An operator acts for the tenant of the first account. */
static enum presence asker_tenant(struct turn *t, const struct message *m, struct id128 *tenant_id)
{
    const struct transaction_create *c = m->body;
    const struct account *first = NULL;
    check(c->legs_count > 0);
    *tenant_id = m->who.tenant_id;
    if (!m->who.operator|| !turn_at_home(t, c->legs[0].debit_account_id))
        return PRESENCE_THERE;
    enum presence there = turn_find_account(t, c->legs[0].debit_account_id, &first);
    if (there == PRESENCE_THERE)
        *tenant_id = first->tenant_id;
    return there;
}

static struct group group_asked_for(struct turn *t, const struct message *m,
                                    struct id128 transaction_id)
{
    const struct transaction_create *c = m->body;
    bool reasoned = c->has_reason && !fields_blank(c->reason);
    struct group g = {
        .group_id = turn_new_id(t, turn_any_slot(t)),
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .legs = turn_alloc(t, c->legs_count * sizeof *g.legs),
        .legs_count = c->legs_count,
        .has_transaction_id = true,
        .transaction_id = transaction_id,
    };
    for (uint32_t i = 0; i < c->legs_count; i++) {
        const struct transaction_leg *asked = &c->legs[i];
        bool here = turn_at_home(t, asked->debit_account_id);
        bool holds = (asked->flags & TRANSFER_FLAGS_PENDING) != 0;
        g.legs[i] = (struct group_leg){
            .id = turn_new_id(t, here || holds ? id128_slot(asked->debit_account_id)
                                               : turn_any_slot(t)),
            .debit_account_id = asked->debit_account_id,
            .credit_account_id = asked->credit_account_id,
            .amount = asked->has_amount ? asked->amount : 0,
            .currency = asked->currency,
            .code = asked->has_code ? asked->code : TRANSACTION_CODE_DEFAULT,
            .user_data_128 = asked->user_data_128,
            .user_data_64 = asked->user_data_64,
            .user_data_32 = asked->user_data_32,
            .place = i,
            .flags = asked->flags,
            .has_timeout_s = asked->has_timeout_s,
            .timeout_s = asked->timeout_s,
            .marks = (m->who.adjusts ? TOKEN_MARKS_ADJUSTS : 0u) |
                     (reasoned ? TOKEN_MARKS_REASONED : 0u) |
                     (c->has_reason ? TOKEN_MARKS_NOTED : 0u),
            .has_effective_time = c->has_effective_time,
            .effective_time = c->effective_time,
        };
        if (holds && !here) {
            g.has_reason = c->has_reason;
            g.reason = c->reason;
        }
    }
    return g;
}

void transaction_begin(struct turn *t, struct group_way *w, const struct transaction_begun *begun,
                       const struct transfer_note *of_each)
{
    const struct group *g = w->group;
    check(w->at == 0);
    check(id128_equal(begun->share_id, group_home_share(g)));
    struct id128 ask = turn_open(t, g->transaction_id);
    group_reserve(t, w, ask);
    for (uint32_t i = 0; i < g->legs_count; i++)
        transfer_note_emit(t, g->tenant_id, g->legs[i].id, of_each);
    turn_emit(t, &transaction_begun_type, begun);
}

static struct leg_refusal transaction_refusal(const struct group *g, uint32_t leg)
{
    check(leg < g->legs_count);
    return (struct leg_refusal){.failed_leg =
                                    g->legs[0].has_reverses_id ? g->legs_count - 1 - leg : leg};
}

enum turn_result transaction_cross_refuse(struct turn *t, const struct group_way *w, uint16_t code)
{
    struct leg_refusal refusal = transaction_refusal(w->group, w->failed_leg);
    check(code != RESULT_OK);
    if (code == RESULT_MANAGED) {
        struct leg l = leg_of(t, w->group, w->failed_leg);
        enum presence there = posting_find(t, &l.posting);
        check(there == PRESENCE_THERE);
        const struct managed_refusal manager = manager_refusal_of_posting(t, &l.posting);
        MANAGER_TELL(&refusal, manager);
    }
    turn_reply(t, code, &leg_refusal_type, &refusal, 0);
    if (group_unseen(t, w, code))
        turn_unseen(t);
    return TURN_DONE;
}

enum turn_result transaction_cross(struct turn *t, const struct message *m, struct id128 id,
                                   enum presence earlier)
{
    const struct transaction_create *c = m->body;
    uint16_t code = transaction_check(c, id, earlier);
    if (code != RESULT_OK) {
        turn_refuse_unseen(t, code);
        return TURN_DONE;
    }
    struct group group = group_asked_for(t, m, id);
    struct group_way w;
    if (asker_tenant(t, m, &group.tenant_id) == PRESENCE_WAITING)
        return TURN_WAIT;
    group_begin(t, &group, &w);
    check(w.at == 0);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    code = group_try(t, &w);
    if (code != RESULT_OK)
        return transaction_cross_refuse(t, &w, code);
    if (!group_may_open(t, &w)) {
        turn_refuse(t, ERR_SHARD_UNAVAILABLE);
        return TURN_DONE;
    }
    const struct transfer_note of_each = {.has_reason = c->has_reason, .reason = c->reason};
    const struct transaction_begun begun = {
        .transaction_id = id,
        .tenant_id = group.tenant_id,
        .share_id = group_home_share(&group),
        .has_description = c->has_description,
        .description = c->description,
        .has_metadata = c->has_metadata,
        .metadata = c->metadata,
    };
    transaction_begin(t, &w, &begun, &of_each);
    return TURN_DONE;
}

/* --- under way -------------------------------------------------------------------------------- */

enum presence transaction_find_open(struct turn *t, const struct transaction_begun *begun)
{
    const struct group_share *share;
    check(!id128_is_zero(begun->share_id));
    return turn_find_group_share(t, begun->share_id, &share);
}

/* As it is shown if it is decided at that time. */
static enum presence transaction_info_find(struct turn *t, const struct transaction_begun *begun,
                                           const struct group *g, struct leg_between between,
                                           uint64_t decided_time, struct transaction_info *info)
{
    enum presence all = PRESENCE_THERE;
    *info = (struct transaction_info){
        .transaction_id = begun->transaction_id,
        .has_description = begun->has_description,
        .description = begun->description,
        .metadata = begun->metadata,
        .has_reverses_id = begun->has_reverses_id,
        .reverses_id = begun->reverses_id,
        .transfers = turn_alloc(t, g->legs_count * sizeof *info->transfers),
        .transfers_count = g->legs_count,
    };
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct transfers_row row = leg_row(t, g, i, between, decided_time);
        info->transfers[i] = transfer_row_info(&row, turn_alloc(t, MANAGER_TEXT_MAX));
        if ((g->legs[i].marks & TOKEN_MARKS_NOTED) != 0 &&
            transfer_info_find_note(t, &info->transfers[i]) == PRESENCE_WAITING)
            all = PRESENCE_WAITING;
    }
    return all;
}

enum presence transaction_find_begun(struct turn *t, const struct transaction_begun *begun,
                                     struct transaction_info *info, struct id128 *ask)
{
    const struct group_share *share;
    const struct group_reserved *made;
    enum presence there = group_share_find(t, begun->share_id, &share, &made);
    if (there == PRESENCE_WAITING)
        return there;
    check(there == PRESENCE_THERE);
    const struct leg_between between = {made->home, made->decider};
    *ask = share->ask;
    return transaction_info_find(t, begun, &made->group, between, turn_now(t), info);
}

enum turn_result transaction_attach(struct turn *t, struct id128 ask, bool same)
{
    check(!id128_is_zero(ask));
    if (same)
        turn_attach(t, ask);
    else
        turn_refuse(t, RESULT_TRANSACTION_EXISTS);
    return TURN_DONE;
}

/* --- decided ---------------------------------------------------------------------------------- */

enum presence transaction_outcome_find(struct turn *t, const struct group_way *w,
                                       const struct group_follow *f, struct transaction_outcome *o)
{
    struct stored_event stored;
    check(w->group->has_transaction_id);
    if (f->result != RESULT_OK)
        return PRESENCE_THERE;
    enum presence there = turn_find_decision(t, w->group->transaction_id, &stored);
    if (there == PRESENCE_WAITING)
        return there;
    check(there == PRESENCE_THERE && stored.number == TRANSACTION_BEGUN_NUMBER);
    o->begun = stored.event;
    return transaction_info_find(t, o->begun, w->group, w->between, f->decided_time, &o->info);
}

void transaction_conclude(struct turn *t, const struct group_way *w, struct id128 ask,
                          const struct group_follow *f, struct transaction_outcome *o)
{
    struct transaction_info *info = &o->info;
    check(w->at == 0);
    check(!id128_is_zero(ask));
    if (f->result != RESULT_OK) {
        const struct leg_refusal refusal = transaction_refusal(w->group, f->failed_leg);
        group_forget_notes(t, w->group, f);
        turn_close(t, ask, f->result, &leg_refusal_type, &refusal, 0);
        return;
    }
    check(info->transfers_count > 0);
    check(o->begun != NULL);
    transaction_emit(t, o->begun->tenant_id, o->begun->has_metadata, info);
    turn_close(t, ask, RESULT_OK, &transaction_info_type, info, 0);
}
