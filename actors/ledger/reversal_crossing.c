/* SPDX-License-Identifier: Apache-2.0 */
/* The last transfer is moved back first, as it may have used what the first brought. */
#include "actors/ledger/reversal_crossing.h"

#include "actors/ledger/token.h"
#include "actors/ledger/transaction_crossing.h"
#include "actors/ledger/transfer_row.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

bool reversal_crosses(struct turn *t, const struct transaction_info *whole)
{
    check(whole->transfers_count > 0);
    for (uint32_t i = 0; i < whole->transfers_count; i++) {
        const struct transfer_info *part = &whole->transfers[i];
        if (group_crosses(t, part->debit_account_id, part->credit_account_id))
            return true;
    }
    return false;
}

enum presence reversal_find_open(struct turn *t, const struct transaction_info *whole)
{
    enum presence open = transfer_find_reversing(t, whole->transaction_id);
    check(whole->transfers_count > 0);
    for (uint32_t i = 0; i < whole->transfers_count; i++) {
        enum presence part = transfer_find_reversing(t, whole->transfers[i].transfer_id);
        if (open == PRESENCE_ABSENT || part == PRESENCE_WAITING)
            open = part;
    }
    return open;
}

/* --- asking ----------------------------------------------------------------------------------- */

/* How a reversal is asked for. */
struct reversal {
    struct id128 tenant_id;
    bool adjusts, id_chosen;
    bool has_effective_time;
    uint64_t effective_time;
    struct transfer_note note; /* of each transfer */
};

static uint32_t reversal_marks(const struct reversal *v)
{
    bool reasoned = v->note.has_reason && !fields_blank(v->note.reason);
    return (v->adjusts ? TOKEN_MARKS_ADJUSTS : 0u) | (v->id_chosen ? TOKEN_MARKS_ID_CHOSEN : 0u) |
           (reasoned ? TOKEN_MARKS_REASONED : 0u) |
           (transfer_note_any(&v->note) ? TOKEN_MARKS_NOTED : 0u);
}

static struct group_leg reversal_leg(const struct reversal *v, const struct transfer_info *info,
                                     struct id128 id)
{
    check(!id128_equal(id, info->transfer_id));
    return (struct group_leg){
        .id = id,
        .debit_account_id = info->credit_account_id,
        .credit_account_id = info->debit_account_id,
        .amount = info->amount,
        .currency = info->currency,
        .code = info->code,
        .user_data_128 = info->user_data_128,
        .user_data_64 = info->user_data_64,
        .user_data_32 = info->user_data_32,
        .marks = reversal_marks(v),
        .has_effective_time = v->has_effective_time,
        .effective_time = v->effective_time,
        .has_reverses_id = true,
        .reverses_id = info->transfer_id,
    };
}

/* All transfers of a transaction count from the same time on. */
static struct group reversal_group(struct turn *t, const struct reversal *v,
                                   const struct transfer_info *made, uint32_t count)
{
    check(count > 0 && count <= GROUP_LEGS_MAX);
    return (struct group){
        .group_id = turn_new_id(t, turn_any_slot(t)),
        .tenant_id = v->tenant_id,
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .legs = turn_alloc(t, count * sizeof(struct group_leg)),
        .legs_count = count,
        .has_original_time = true,
        .original_time = made->effective_time,
    };
}

/* No other begins as long as this one is under way. */
static void reversal_take_keys(struct turn *t, const struct group *g)
{
    check(g->legs_count > 0);
    if (MUTANT(REVERSE_MEANWHILE))
        return;
    for (uint32_t i = 0; i < g->legs_count; i++)
        transfer_reversal_begin(t, g->legs[i].reverses_id, group_home_share(g));
}

enum turn_result reversal_cross_whole(struct turn *t, const struct message *m,
                                      const struct transaction_info *whole, struct id128 tenant_id,
                                      struct id128 reversal_id)
{
    const struct transaction_reverse *c = m->body;
    const struct reversal v = {
        .tenant_id = tenant_id,
        .adjusts = m->who.adjusts,
        .has_effective_time = c->has_effective_time,
        .effective_time = c->effective_time,
        .note = {.has_reason = c->has_reason, .reason = c->reason},
    };
    const uint32_t count = whole->transfers_count;
    struct group g = reversal_group(t, &v, whole->transfers, count);
    struct group_way w;
    g.has_transaction_id = true;
    g.transaction_id = reversal_id;
    for (uint32_t i = 0; i < count; i++) {
        const struct transfer_info *part = &whole->transfers[count - 1 - i];
        g.legs[i] = reversal_leg(&v, part, transfer_reversal_id(t, part));
    }
    group_begin(t, &g, &w);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = group_try(t, &w);
    if (code != RESULT_OK)
        return transaction_cross_refuse(t, &w, code);
    if (!group_may_open(t, &w)) {
        turn_refuse(t, ERR_SHARD_UNAVAILABLE);
        return TURN_DONE;
    }
    const struct transaction_begun begun = {
        .transaction_id = reversal_id,
        .tenant_id = tenant_id,
        .share_id = group_home_share(&g),
        .has_description = c->has_description,
        .description = c->description,
        .has_metadata = c->has_metadata,
        .metadata = c->metadata,
        .has_reverses_id = true,
        .reverses_id = whole->transaction_id,
    };
    transaction_begin(t, &w, &begun, &v.note);
    reversal_take_keys(t, &g);
    if (!MUTANT(REVERSE_MEANWHILE))
        transfer_reversal_begin(t, whole->transaction_id, begun.share_id);
    return TURN_DONE;
}

enum turn_result reversal_cross_one(struct turn *t, const struct message *m,
                                    const struct transfer_info *info, const struct posting *p,
                                    const struct transfer_note *note)
{
    const struct transfer_reverse *c = m->body;
    const struct reversal v = {
        .tenant_id = p->tenant_id,
        .adjusts = m->who.adjusts,
        .id_chosen = c->has_reversal_id,
        .has_effective_time = c->has_effective_time,
        .effective_time = c->effective_time,
        .note = *note,
    };
    struct group g = reversal_group(t, &v, info, 1);
    struct group_way w;
    g.legs[0] = reversal_leg(&v, info, p->transfer.id);
    group_begin(t, &g, &w);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = group_try(t, &w);
    if (code == RESULT_OK && !group_may_open(t, &w))
        code = ERR_SHARD_UNAVAILABLE;
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    struct id128 ask = turn_open(t, p->transfer.id);
    group_reserve(t, &w, ask);
    transfer_note_emit(t, g.tenant_id, p->transfer.id, note);
    reversal_take_keys(t, &g);
    return TURN_DONE;
}

enum turn_result reversal_repeat_one(struct turn *t, struct id128 reversal_id,
                                     const struct transfer_note *note)
{
    struct stored_event stored;
    const struct group_share *share;
    struct transfer_info begun = {.transfer_id = reversal_id};
    enum presence there = turn_find_decision(t, reversal_id, &stored);
    check(there == PRESENCE_THERE && stored.number == LEG_RESERVED_NUMBER);
    const struct leg_reserved *e = stored.event;
    there = turn_find_group_share(t, e->share_id, &share);
    if (there == PRESENCE_WAITING || transfer_info_find_note(t, &begun) == PRESENCE_WAITING)
        return TURN_WAIT;
    check(there == PRESENCE_THERE);
    uint16_t code = transfer_note_check(&begun, note);
    if (code == RESULT_OK)
        turn_attach(t, share->ask);
    else
        turn_refuse(t, code);
    return TURN_DONE;
}

/* --- decided ---------------------------------------------------------------------------------- */

enum presence reversal_outcome_find(struct turn *t, const struct group_way *w,
                                    const struct group_follow *f, struct transfer_info *info)
{
    const struct group *g = w->group;
    check(g->legs_count == 1);
    check(g->legs[0].has_reverses_id);
    if (f->result != RESULT_OK)
        return PRESENCE_THERE;
    const struct transfers_row row = leg_row(t, g, 0, w->between, f->decided_time);
    *info = transfer_row_info(&row, turn_alloc(t, MANAGER_TEXT_MAX));
    bool noted = (g->legs[0].marks & TOKEN_MARKS_NOTED) != 0;
    return noted ? transfer_info_find_note(t, info) : PRESENCE_THERE;
}

void reversal_conclude(struct turn *t, const struct group_way *w, struct id128 ask,
                       const struct group_follow *f, const struct transfer_info *info)
{
    const struct group *g = w->group;
    check(w->at == 0);
    check(g->legs_count == 1);
    if (f->result == RESULT_OK) {
        turn_close(t, ask, RESULT_OK, &transfer_info_type, info, 0);
        return;
    }
    if ((g->legs[0].marks & TOKEN_MARKS_NOTED) != 0)
        transfer_note_forget(t, g->tenant_id, g->legs[0].id);
    turn_close(t, ask, f->result, NULL, NULL, 0);
}
