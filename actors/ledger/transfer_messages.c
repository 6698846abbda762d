/* SPDX-License-Identifier: Apache-2.0 */
/* Every handler fills a posting, finds what it needs (or waits), checks it, and ends in
 * transfer_conclude(): emit and show it, show the earlier transfer of the same id, or refuse. A
 * transient refusal of an id that the client chose is recorded, so that the id keeps its first
 * answer. A post or void is addressed to the pending transfer, a reversal to the transfer that it
 * reverses; a reversal is an ordinary posting with both accounts exchanged, and a second event says
 * what it reverses. */
#include "actors/ledger/transfer_messages.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/reversal_crossing.h"
#include "actors/ledger/token.h"
#include "actors/ledger/transfer_conclusion.h"
#include "actors/ledger/transfer_crossing.h"
#include "runtime/base/mutant.h"
#include "runtime/base/slot_map.h"
#include "schemas/currency.h"
#include "schemas/result.h"

enum turn_result transfer_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    enum presence there = transfer_info_find(t, self, &info, &tenant_id);
    if (there == PRESENCE_THERE)
        there = transfer_info_attribute(t, &info);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    bool found = there == PRESENCE_THERE, half = found && transfer_half(t, self);
    if (!found)
        there = transfer_find_open(t, self, &tenant_id);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT || !turn_may_see(t, tenant_id, ID128_ZERO))
        turn_refuse(t, RESULT_NOT_FOUND);
    else if (found && (!half || m->part_suffices))
        turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
    else
        turn_refuse(t, RESULT_OUTCOME_PENDING);
    return TURN_DONE;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A post that another shard is asked for is open until that has decided. */
static enum turn_result transfer_end(struct turn *t, const struct message *m, struct posting *p,
                                     uint16_t code, const struct transfer_note *note,
                                     bool id_chosen)
{
    bool posts = posting_has(p, TRANSFER_FLAGS_POST_PENDING);
    if (code == RESULT_OUTCOME_PENDING)
        return crossing_repeat(t, &p->reservation->kept, note);
    if (code == RESULT_OK && posts && p->pending->crosses)
        return post_cross(t, m, p, note, id_chosen);
    return transfer_conclude(t, p, code, note, id_chosen);
}

/* By its debit account a message finds the home of what it posts or voids. One that leaves that out
 * comes anywhere: then a half is no pending transfer. */
uint16_t transfer_created_check(struct turn *t, struct posting *p)
{
    if (posting_has(p, TRANSFER_FLAGS_LINKED))
        return RESULT_LINKED_EVENT_CHAIN_OPEN;
    bool half = posting_has(p, POSTING_RESOLVES) && p->pending != NULL &&
                pending_transfer_is_half(p->pending);
    return half ? RESULT_PENDING_TRANSFER_NOT_FOUND : posting_check(t, p);
}

enum turn_result transfer_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transfer_create *c = m->body;
    if (transfer_crosses(t, c))
        return transfer_cross(t, m);
    struct posting p = {.transfer = transfer_asked_for(t, c),
                        .tenant_id = m->who.tenant_id,
                        .any_tenant = m->who.operator,
                        .adjusts = m->who.adjusts,
                        .over_shards = true};
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(c);
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return TURN_WAIT;
    return transfer_end(t, m, &p, transfer_created_check(t, &p), &note, c->has_transfer_id);
}

/* --- post, void, reverse ---------------------------------------------------------------------- */

/* The part of `post` that needs the pending transfer's currency. */
static uint16_t posted_amount(const struct transfer_post *c, struct posting *p)
{
    check(p->pending != NULL);
    if (c->has_currency && c->currency != p->pending->currency)
        return RESULT_CURRENCY_MISMATCH;
    if (!c->has_amount)
        return RESULT_OK;
    const struct currency *currency = currency_by_number(p->pending->currency);
    check(currency != NULL);
    p->transfer.has_amount = true;
    switch (currency_minor(c->amount, currency, &p->transfer.amount)) {
    case CURRENCY_FITS:
        return p->transfer.amount == 0 ? RESULT_AMOUNT_MUST_NOT_BE_ZERO : RESULT_OK;
    case CURRENCY_TOO_PRECISE:
        return RESULT_AMOUNT_TOO_PRECISE;
    default:
        return RESULT_AMOUNT_OUT_OF_RANGE;
    }
}

/* Finds what a post or void names. OK, or why there is nothing to resolve. */
static uint16_t pending_seen(struct turn *t, const struct posting *p)
{
    if (p->pending != NULL)
        return turn_may_see(t, p->pending->tenant_id, ID128_ZERO) ? RESULT_OK : RESULT_NOT_FOUND;
    return p->pending_was_final ? RESULT_PENDING_TRANSFER_NOT_PENDING : RESULT_NOT_FOUND;
}

/* Nothing of this id is here that could be posted, voided or reversed: is it still to come? */
static enum turn_result transfer_absent(struct turn *t, struct id128 id)
{
    struct id128 tenant_id = ID128_ZERO;
    enum presence there = transfer_find_open(t, id, &tenant_id);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_THERE && turn_may_see(t, tenant_id, ID128_ZERO))
        turn_refuse_unmade(t);
    else
        turn_refuse(t, RESULT_NOT_FOUND);
    return TURN_DONE;
}

/* Of what is at home elsewhere this shard has a half. */
static bool pending_referred(struct turn *t, const struct posting *p)
{
    bool half = pending_transfer_is_half(p->pending);
    if (half)
        turn_refer(t, p->pending->peer);
    return half;
}

/* post: NULL of a void. */
static enum turn_result transfer_resolve(struct turn *t, const struct message *m, struct posting *p,
                                         const struct transfer_post *post,
                                         const struct transfer_note *note, bool id_chosen)
{
    check(posting_has(p, POSTING_RESOLVES));
    if (posting_find(t, p) == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = pending_seen(t, p);
    if (code == RESULT_NOT_FOUND)
        return transfer_absent(t, p->transfer.pending_id);
    if (code == RESULT_OK && pending_referred(t, p))
        return TURN_DONE;
    if (code == RESULT_OK && post != NULL)
        code = posted_amount(post, p);
    if (code == RESULT_OK)
        code = posting_check(t, p);
    return transfer_end(t, m, p, code, note, id_chosen);
}

enum turn_result transfer_on_post(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_post *c = m->body;
    struct posting p = {
        .transfer =
            {
                .id = c->has_posting_id ? c->posting_id : turn_new_id(t, turn_slot_of(t, self)),
                .pending_id = self,
                .flags = TRANSFER_FLAGS_POST_PENDING |
                         (c->keep_remainder ? TRANSFER_FLAGS_KEEP_REMAINDER : 0u),
                .has_effective_time = c->has_effective_time,
                .effective_time = c->effective_time,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
        .over_shards = true };
    const struct transfer_note note = TRANSFER_NOTE_OF(c);
    return transfer_resolve(t, m, &p, c, &note, c->has_posting_id);
}

enum turn_result transfer_on_void(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transfer_void *c = m->body;
    struct posting p = {
        .transfer =
            {
                .id = c->has_posting_id ? c->posting_id : turn_new_id(t, turn_slot_of(t, self)),
                .pending_id = self,
                .flags = TRANSFER_FLAGS_VOID_PENDING,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator};
    const struct transfer_note note = TRANSFER_NOTE_OF(c);
    return transfer_resolve(t, m, &p, NULL, &note, c->has_posting_id);
}

uint16_t transfer_reversible(const struct transfer_info *info)
{
    if (info->has_reversed_by_id)
        return RESULT_ALREADY_REVERSED;
    /* What a pending transfer moved was moved by the transfers that posted it. */
    if (info->status != TRANSFER_STATUS_POSTED || (info->flags & TRANSFER_FLAGS_PENDING) != 0)
        return RESULT_TRANSFER_NOT_POSTED;
    return info->has_managed_by && !MUTANT(REVERSE_MANAGED) ? RESULT_MANAGED : RESULT_OK;
}

static enum turn_result refuse_managed_reversal(struct turn *t, const struct transfer_info *info)
{
    const struct manager manager = MANAGER_OF_TRANSFER(info);
    manager_refuse(t, &manager, MANAGER_REVERSE);
    return TURN_DONE;
}

struct posting transfer_reversal_of(const struct transfer_info *info, struct id128 reversal_id,
                                    struct id128 tenant_id)
{
    return (struct posting){
        .transfer =
            {
                .id = reversal_id,
                .debit_account_id = info->credit_account_id,
                .credit_account_id = info->debit_account_id,
                .has_amount = true,
                .amount = info->amount,
                .currency = info->currency,
                .code = info->code,
                .has_user_data_128 = true,
                .user_data_128 = info->user_data_128,
                .has_user_data_64 = true,
                .user_data_64 = info->user_data_64,
                .has_user_data_32 = true,
                .user_data_32 = info->user_data_32,
            },
        .tenant_id = tenant_id,
        .reverses_id = info->transfer_id,
        .original_time = info->effective_time,
    };
}

/* As asked for with *c. */
static struct posting asked_reversal(struct turn *t, const struct message *m,
                                     const struct transfer_info *info, struct id128 tenant_id)
{
    const struct transfer_reverse *c = m->body;
    check(m->type == &transfer_reverse_type);
    check(id128_equal(info->transfer_id, c->transfer_id));
    struct id128 id = c->has_reversal_id ? c->reversal_id : transfer_reversal_id(t, info);
    struct posting p = transfer_reversal_of(info, id, tenant_id);
    p.adjusts = m->who.adjusts;
    p.transfer.has_reason = c->has_reason;
    p.transfer.reason = c->reason;
    p.transfer.has_effective_time = c->has_effective_time;
    p.transfer.effective_time = c->effective_time;
    return p;
}

/* Nothing is known against it: made here, or over shards by a group. */
static enum turn_result reversal_end(struct turn *t, const struct message *m,
                                     const struct transfer_info *info, struct posting *p,
                                     uint16_t code)
{
    const struct transfer_reverse *c = m->body;
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(c);
    if (code == RESULT_OUTCOME_PENDING && p->earlier_in_group)
        return reversal_repeat_one(t, p->transfer.id, &note);
    return code == RESULT_OK && p->grouped
               ? reversal_cross_one(t, m, info, p, &note)
               : transfer_conclude(t, p, code, &note, c->has_reversal_id);
}

/* `open`: is a group moving it back? */
static enum turn_result reverse_here(struct turn *t, const struct message *m,
                                     const struct transfer_info *info, struct posting *p,
                                     enum presence open)
{
    const struct transfer_reverse *c = m->body;
    if (posting_find(t, p) == PRESENCE_WAITING || open == PRESENCE_WAITING)
        return TURN_WAIT;
    uint16_t code = transfer_reversible(info);
    if (code == RESULT_MANAGED)
        return refuse_managed_reversal(t, info);
    bool retried = code == RESULT_ALREADY_REVERSED && c->has_reversal_id &&
                   id128_equal(info->reversed_by_id, c->reversal_id);
    if (code == RESULT_OK && open == PRESENCE_THERE && !p->earlier_in_group)
        code = RESULT_REVERSAL_UNDER_WAY;
    if (code == RESULT_OK || retried)
        code = posting_check(t, p);
    return reversal_end(t, m, info, p, code);
}

/* One that a group made is moved back where that was asked for, which knows whether it was reversed
 * before. */
static enum turn_result reverse_of_group(struct turn *t, const struct message *m,
                                         const struct transfer_info *info, struct posting *p,
                                         uint16_t home)
{
    if (home != turn_shard(t)) {
        turn_refer(t, home);
        return TURN_DONE;
    }
    p->debit_away = !turn_at_home(t, p->transfer.debit_account_id);
    p->credit_away = !turn_at_home(t, p->transfer.credit_account_id);
    p->grouped = p->debit_away || p->credit_away;
    return reverse_here(t, m, info, p, transfer_find_reversing(t, info->transfer_id));
}

/* Of one between two shards the one where it is at home decides whether it was reversed before. */
static enum turn_result reverse_over_shards(struct turn *t, const struct message *m,
                                            const struct transfer_info *info,
                                            const struct posting *p)
{
    const struct transfer_reverse *c = m->body;
    uint16_t code = transfer_reversible(info);
    check(p->transfer.amount == info->amount);
    if (code == RESULT_MANAGED)
        return refuse_managed_reversal(t, info);
    if (code != RESULT_OK && code != RESULT_ALREADY_REVERSED) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    if (turn_at_home(t, p->transfer.debit_account_id))
        return reversal_cross(t, m, p, c->has_reversal_id);
    turn_refer(t, slot_map_home(turn_slots(t), p->transfer.debit_account_id));
    return TURN_DONE;
}

enum turn_result transfer_on_reverse(struct turn *t, struct id128 self, const struct message *m)
{
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    enum presence there = transfer_info_find(t, self, &info, &tenant_id);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT || !turn_may_see(t, tenant_id, ID128_ZERO))
        return transfer_absent(t, self);
    struct posting p = asked_reversal(t, m, &info, tenant_id);
    uint16_t home;
    if (transfer_in_group(t, self, &home))
        return reverse_of_group(t, m, &info, &p, home);
    return token_crosses(t, p.transfer.debit_account_id, p.transfer.credit_account_id)
               ? reverse_over_shards(t, m, &info, &p)
               : reverse_here(t, m, &info, &p, PRESENCE_ABSENT);
}
