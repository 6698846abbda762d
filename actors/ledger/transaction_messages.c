/* SPDX-License-Identifier: Apache-2.0 */
/* All legs are found first, which may wait; then they are made one after the other, each checked
 * against what the ones before it left. The first refusal rolls back to the beginning, and the
 * answer names the leg. Reversing makes the opposite legs in the opposite order, because a later
 * leg may have used what an earlier one brought. A transaction has no actor: its event is found by
 * its id, as are those of its transfers, and "reversed by" by a key derived from the id. Repeated
 * with the same id and content it shows the first one, a reversal too. */
#include "actors/ledger/transaction_messages.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "actors/ledger/reversal_crossing.h"
#include "actors/ledger/told_transfer.h"
#include "actors/ledger/transaction.h"
#include "actors/ledger/transaction_crossing.h"
#include "actors/ledger/transfer_messages.h"
#include "actors/ledger/transfer_row.h"
#include "runtime/base/time.h"
#include "schemas/common.h"
#include "schemas/result.h"

static struct posting posting_of(struct turn *t, const struct message *m,
                                 const struct transaction_leg *leg, struct id128 transaction_id)
{
    const struct transaction_create *c = m->body;
    struct posting p = {
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
        .adjusts = m->who.adjusts,
        .transaction_id = transaction_id,
    };
    transfer_spec_from_transaction_leg(&p.transfer, leg);
    p.transfer.id = turn_new_id(t, turn_slot_of(t, leg->debit_account_id));
    p.transfer.code = leg->has_code ? leg->code : TRANSACTION_CODE_DEFAULT;
    p.transfer.has_effective_time = c->has_effective_time;
    p.transfer.effective_time = c->effective_time;
    p.transfer.has_reason = c->has_reason;
    p.transfer.reason = c->reason;
    return p;
}

struct legs {
    struct posting *postings;
    struct transaction_info info;
    bool failed; /* refused by this leg */
    uint32_t failed_leg;
    bool managed; /* because this manages what it would change */
    struct managed_refusal manager;
};

static void refused_by(struct legs *legs, uint32_t leg)
{
    check(!legs->failed);
    legs->failed = true;
    legs->failed_leg = leg;
}

static void transaction_answer(struct turn *t, uint16_t code, const struct legs *legs)
{
    struct leg_refusal refusal = {.failed_leg = legs->failed_leg};
    check(code != RESULT_OK || !legs->failed);
    check(!legs->managed || (legs->failed && code == RESULT_MANAGED));
    if (legs->managed)
        MANAGER_TELL(&refusal, legs->manager);
    if (code == RESULT_OK)
        turn_reply(t, code, &transaction_info_type, &legs->info, 0);
    else if (legs->failed)
        turn_reply(t, code, &leg_refusal_type, &refusal, 0);
    else
        turn_refuse(t, code);
}

/* May the caller see nothing of what any leg names? */
static bool legs_unseen(const struct turn *t, uint32_t count, const struct legs *legs,
                        uint16_t code)
{
    check(code != RESULT_OK);
    check(!legs->failed || legs->failed_leg < count);
    for (uint32_t i = 0; i < count; i++) {
        if (!posting_unseen(t, &legs->postings[i], code))
            return false;
    }
    return true;
}

/* Makes the legs; on a refusal undoes them and notes which leg it was. */
static uint16_t make_legs(struct turn *t, uint32_t count, struct legs *legs)
{
    struct turn_savepoint start = turn_savepoint(t);
    for (uint32_t i = 0; i < count; i++) {
        struct posting *p = &legs->postings[i];
        uint16_t code = posting_check(t, p);
        if (code != RESULT_OK) {
            legs->managed = code == RESULT_MANAGED;
            if (legs->managed)
                legs->manager = manager_refusal_of_posting(t, p);
            turn_rollback(t, start);
            refused_by(legs, i);
            return code;
        }
        const struct transfer_note note = {.has_reason = p->transfer.has_reason,
                                           .reason = p->transfer.reason};
        legs->info.transfers[i] = transfer_info_of_posting(t, p, &note);
        posting_emit(t, p);
        transfer_note_emit(t, p->debit->tenant_id, p->transfer.id, &note);
        if (!id128_is_zero(p->reverses_id))
            transfer_reversal_emit(t, p->reverses_id, p->transfer.id);
    }
    check(count > 0);
    check(!legs->failed);
    legs->info.transfers_count = count;
    return RESULT_OK;
}

static void legs_alloc(struct turn *t, uint32_t count, struct legs *legs)
{
    legs->postings = turn_alloc(t, (count + 1) * sizeof *legs->postings);
    legs->info.transfers = turn_alloc(t, (count + 1) * sizeof *legs->info.transfers);
}

/* One that is pending, or was, and at home elsewhere, as that has told. */
static enum presence find_told(struct turn *t, struct id128 transfer_id, struct transfer_info *info)
{
    struct transfers_row row;
    struct transfer_info note = {.transfer_id = transfer_id};
    enum presence there = told_transfer_find(t, transfer_id, &row);
    enum presence noted = transfer_info_find_note(t, &note);
    if (there != PRESENCE_THERE)
        return there;
    if (noted == PRESENCE_WAITING)
        return noted;
    *info = transfer_row_info(&row, turn_alloc(t, MANAGER_TEXT_MAX));
    transfer_info_take_note(info, &note);
    return there;
}

/* Fills the transfers of a recorded transaction. */
static enum presence find_parts(struct turn *t, const struct transaction_recorded *e,
                                struct transaction_info *info)
{
    enum presence all = PRESENCE_THERE;
    check(e->transfers_count > 0);
    info->transfers = turn_alloc(t, (e->transfers_count + 1) * sizeof *info->transfers);
    for (uint32_t i = 0; i < e->transfers_count; i++) {
        struct id128 tenant_id;
        enum presence there = transfer_info_find(t, e->transfers[i].transfer_id,
                                                 &info->transfers[i], &tenant_id);
        if (there == PRESENCE_ABSENT)
            there = find_told(t, e->transfers[i].transfer_id, &info->transfers[i]);
        if (there != PRESENCE_THERE)
            all = there;
    }
    info->transfers_count = e->transfers_count;
    return all;
}

static enum presence attribute_parts(struct turn *t, struct transaction_info *info)
{
    enum presence all = PRESENCE_THERE;
    for (uint32_t i = 0; i < info->transfers_count; i++) {
        enum presence there = transfer_info_attribute(t, &info->transfers[i]);
        if (there != PRESENCE_THERE)
            all = there;
    }
    return all;
}

/* A recorded transaction, whole. *e is its event; ABSENT also if the caller must not see it, and of
 * one that is not decided yet. */
static enum presence find_whole(struct turn *t, struct id128 id,
                                const struct transaction_recorded **e,
                                struct transaction_info *info)
{
    struct stored_event stored = {.number = 0};
    struct id128 reversed_by_id = ID128_ZERO;
    enum presence there = turn_find_decision(t, id, &stored);
    enum presence reversed = transfer_find_reversal(t, id, &reversed_by_id);
    if (there == PRESENCE_WAITING || reversed == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    *e = stored.event;
    if (there == PRESENCE_ABSENT || stored.number != TRANSACTION_RECORDED_NUMBER ||
        !turn_may_see(t, (*e)->tenant_id, ID128_ZERO))
        return PRESENCE_ABSENT;
    check(id128_equal((*e)->transaction_id, id));
    *info = (struct transaction_info){
        .transaction_id = id,
        .has_recorded_time = true,
        .recorded_time = stored.time_ns,
        .has_description = (*e)->has_description,
        .description = (*e)->description,
        .metadata = (*e)->metadata,
        .has_reverses_id = (*e)->has_reverses_id,
        .reverses_id = (*e)->reverses_id,
        .has_reversed_by_id = reversed == PRESENCE_THERE,
        .reversed_by_id = reversed_by_id,
    };
    return PRESENCE_THERE;
}

/* There is none with this id here, or it is under way. */
static enum turn_result transaction_absent(struct turn *t, struct id128 id)
{
    struct stored_event stored;
    enum presence there = turn_find_decision(t, id, &stored);
    if (there == PRESENCE_THERE && stored.number == TRANSACTION_BEGUN_NUMBER) {
        const struct transaction_begun *begun = stored.event;
        there = turn_may_see(t, begun->tenant_id, ID128_ZERO) ? transaction_find_open(t, begun)
                                                              : PRESENCE_ABSENT;
    } else if (there == PRESENCE_THERE) {
        there = PRESENCE_ABSENT;
    }
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    turn_refuse(t, there == PRESENCE_THERE ? RESULT_OUTCOME_PENDING : RESULT_NOT_FOUND);
    return TURN_DONE;
}

enum turn_result transaction_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    const struct transaction_recorded *e;
    struct transaction_info info;
    enum presence there = find_whole(t, self, &e, &info);
    if (there == PRESENCE_ABSENT)
        return transaction_absent(t, self);
    if (there == PRESENCE_THERE)
        there = find_parts(t, e, &info);
    if (there == PRESENCE_THERE)
        there = attribute_parts(t, &info);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a transaction without its transfers");
    turn_reply(t, RESULT_OK, &transaction_info_type, &info, 0);
    return TURN_DONE;
}

/* --- making ----------------------------------------------------------------------------------- */

/* A transaction and all its transfers. */
static enum presence find_made(struct turn *t, struct id128 id, struct transaction_info *made)
{
    const struct transaction_recorded *e;
    enum presence there = find_whole(t, id, &e, made);
    return there == PRESENCE_THERE ? find_parts(t, e, made) : there;
}

/* The id was used before: the same content shows what was made. */
static enum turn_result transaction_show_again(struct turn *t, bool same,
                                               const struct transaction_info *made)
{
    if (same)
        turn_reply(t, RESULT_OK, &transaction_info_type, made, 0);
    else
        turn_refuse(t, RESULT_TRANSACTION_EXISTS);
    return TURN_DONE;
}

static enum turn_result transaction_repeat(struct turn *t, const struct transaction_create *c)
{
    struct transaction_info made;
    enum presence there = find_made(t, c->transaction_id, &made);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT) { /* another tenant's */
        turn_refuse_unseen(t, RESULT_TRANSACTION_EXISTS);
        return TURN_DONE;
    }
    return transaction_show_again(t, transaction_equal(c, &made), &made);
}

/* The id is that of one that is under way. */
static enum turn_result transaction_meanwhile(struct turn *t, const struct transaction_create *c,
                                              const struct transaction_begun *begun)
{
    struct transaction_info info;
    struct id128 ask;
    if (!turn_may_see(t, begun->tenant_id, ID128_ZERO)) {
        turn_refuse_unseen(t, RESULT_TRANSACTION_EXISTS);
        return TURN_DONE;
    }
    if (transaction_find_begun(t, begun, &info, &ask) == PRESENCE_WAITING)
        return TURN_WAIT;
    return transaction_attach(t, ask, transaction_equal(c, &info));
}

/* At home where its first leg is. */
static struct id128 transaction_new_id(struct turn *t, const struct transaction_create *c)
{
    struct id128 first = c->legs_count > 0 ? c->legs[0].debit_account_id : ID128_ZERO;
    return turn_new_id(t, turn_slot_of(t, first));
}

/* All accounts of it are in this shard, or are said to be refused. */
static enum turn_result transaction_make(struct turn *t, const struct message *m,
                                         struct id128 transaction_id, enum presence earlier)
{
    const struct transaction_create *c = m->body;
    struct legs legs = {.info = {
                            .transaction_id = transaction_id,
                            .has_description = c->has_description,
                            .description = c->description,
                            .metadata = c->metadata,
                        }};
    bool waiting = false;
    legs_alloc(t, c->legs_count, &legs);
    for (uint32_t i = 0; i < c->legs_count; i++) {
        legs.postings[i] = posting_of(t, m, &c->legs[i], transaction_id);
        waiting |= posting_find(t, &legs.postings[i]) == PRESENCE_WAITING;
    }
    if (waiting)
        return TURN_WAIT;
    uint16_t code = transaction_check(c, transaction_id, earlier);
    if (code == RESULT_OK)
        code = make_legs(t, c->legs_count, &legs);
    if (code == RESULT_OK)
        transaction_emit(t, legs.postings[0].debit->tenant_id, c->has_metadata, &legs.info);
    transaction_answer(t, code, &legs);
    if (code != RESULT_OK && legs_unseen(t, c->legs_count, &legs, code))
        turn_unseen(t);
    return TURN_DONE;
}

enum turn_result transaction_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transaction_create *c = m->body;
    struct id128 id = c->has_transaction_id ? c->transaction_id : transaction_new_id(t, c);
    struct stored_event stored = {.number = 0};
    enum presence earlier = turn_find_decision(t, id, &stored);
    if (earlier == PRESENCE_THERE && stored.number == TRANSACTION_RECORDED_NUMBER)
        return transaction_repeat(t, c);
    if (earlier == PRESENCE_THERE && stored.number == TRANSACTION_BEGUN_NUMBER) {
        const struct transaction_begun *begun = stored.event;
        earlier = transaction_find_open(t, begun);
        if (earlier == PRESENCE_THERE)
            return transaction_meanwhile(t, c, begun);
    }
    if (earlier == PRESENCE_WAITING)
        return TURN_WAIT;
    return transaction_crosses(t, c) ? transaction_cross(t, m, id, earlier)
                                     : transaction_make(t, m, id, earlier);
}

/* --- reversing -------------------------------------------------------------------------------- */

/* The last transfer is moved back first, as it may have used what the first brought. */
static bool find_reversals(struct turn *t, const struct message *m,
                           const struct transaction_info *whole, struct id128 tenant_id,
                           struct legs *legs)
{
    const struct transaction_reverse *c = m->body;
    bool waiting = false;
    check(whole->transfers_count > 0);
    for (uint32_t i = 0; i < whole->transfers_count; i++) {
        struct posting *p = &legs->postings[whole->transfers_count - 1 - i];
        *p = transfer_reversal_of(&whole->transfers[i],
                                  transfer_reversal_id(t, &whole->transfers[i]), tenant_id);
        p->transfer.has_effective_time = c->has_effective_time;
        p->transfer.effective_time = c->effective_time;
        p->transaction_id = legs->info.transaction_id;
        p->adjusts = m->who.adjusts;
        p->transfer.has_reason = c->has_reason;
        p->transfer.reason = c->reason;
        waiting |= posting_find(t, p) == PRESENCE_WAITING;
    }
    return !waiting;
}

/* `open`: is something of it being moved back? */
static uint16_t reversal_check(const struct transaction_info *whole, enum presence open,
                               enum presence earlier, struct legs *legs)
{
    if (whole->has_reversed_by_id)
        return RESULT_ALREADY_REVERSED;
    if (open == PRESENCE_THERE)
        return RESULT_REVERSAL_UNDER_WAY;
    uint16_t code = account_id_check(legs->info.transaction_id);
    if (code != RESULT_OK)
        return code;
    if (earlier == PRESENCE_THERE)
        return RESULT_TRANSACTION_EXISTS;
    for (uint32_t i = 0; i < whole->transfers_count; i++) {
        code = transfer_reversible(&whole->transfers[i]);
        if (code != RESULT_OK) {
            refused_by(legs, i);
            return code;
        }
    }
    return RESULT_OK;
}

static bool reversal_equal(const struct transaction_reverse *c, const struct transaction_info *made)
{
    struct transfer_note words = TRANSFER_NOTE_OF(c);
    words.has_reason = c->has_reason;
    words.reason = c->reason;
    return transaction_words_equal(&words, made) &&
           transaction_times_equal(c->has_effective_time, c->effective_time, made);
}

/* This reversal of this transaction was made before. */
static enum turn_result reversal_repeat(struct turn *t, const struct transaction_reverse *c)
{
    struct transaction_info made;
    check(c->has_reversal_id);
    enum presence there = find_made(t, c->reversal_id, &made);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    return transaction_show_again(t, there == PRESENCE_THERE && reversal_equal(c, &made), &made);
}

/* It is under way. */
static enum turn_result reversal_meanwhile(struct turn *t, const struct transaction_reverse *c,
                                           const struct transaction_begun *begun)
{
    struct transaction_info info;
    struct id128 ask;
    check(begun->has_reverses_id);
    if (transaction_find_begun(t, begun, &info, &ask) == PRESENCE_WAITING)
        return TURN_WAIT;
    return transaction_attach(t, ask, reversal_equal(c, &info));
}

/* Everything is found: makes all of it, or refuses with the first reason. */
static enum turn_result transaction_decide_reversal(struct turn *t,
                                                    const struct transaction_reverse *c,
                                                    const struct transaction_info *whole,
                                                    struct legs *legs)
{
    uint32_t count = whole->transfers_count;
    uint16_t code = make_legs(t, count, legs);
    check(legs->failed_leg < count);
    if (code != RESULT_OK) /* named as the reversed transaction counts them */
        legs->failed_leg = count - 1 - legs->failed_leg;
    else
        transaction_emit(t, legs->postings[0].debit->tenant_id, c->has_metadata, &legs->info);
    transaction_answer(t, code, legs);
    return TURN_DONE;
}

/* The transaction with its transfers is found, and what has used the id before. */
static enum turn_result reversal_make(struct turn *t, const struct message *m,
                                      const struct transaction_info *whole, struct id128 tenant_id,
                                      enum presence earlier, struct legs *legs)
{
    enum presence open = PRESENCE_ABSENT;
    bool crosses = reversal_crosses(t, whole);
    if (crosses)
        open = reversal_find_open(t, whole);
    legs_alloc(t, whole->transfers_count, legs);
    bool waiting = open == PRESENCE_WAITING;
    if (!crosses)
        waiting |= !find_reversals(t, m, whole, tenant_id, legs);
    if (waiting)
        return TURN_WAIT;
    uint16_t code = reversal_check(whole, open, earlier, legs);
    if (code != RESULT_OK) {
        transaction_answer(t, code, legs);
        return TURN_DONE;
    }
    return crosses ? reversal_cross_whole(t, m, whole, tenant_id, legs->info.transaction_id)
                   : transaction_decide_reversal(t, m->body, whole, legs);
}

enum turn_result transaction_on_reverse(struct turn *t, struct id128 self, const struct message *m)
{
    const struct transaction_reverse *c = m->body;
    const struct transaction_recorded *e;
    const struct transaction_begun *begun = NULL;
    struct transaction_info whole;
    struct legs legs = {.info = {
                            .transaction_id = c->has_reversal_id
                                                  ? c->reversal_id
                                                  : turn_new_id(t, turn_slot_of(t, self)),
                            .has_description = c->has_description,
                            .description = c->description,
                            .metadata = c->metadata,
                            .has_reverses_id = true,
                            .reverses_id = self,
                        }};
    struct stored_event stored = {.number = 0};
    enum presence earlier = turn_find_decision(t, legs.info.transaction_id, &stored);
    if (earlier == PRESENCE_THERE && stored.number == TRANSACTION_BEGUN_NUMBER) {
        begun = stored.event;
        earlier = transaction_find_open(t, begun);
    }
    enum presence there = find_whole(t, self, &e, &whole);
    if (earlier == PRESENCE_WAITING || there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return TURN_DONE;
    }
    if (whole.has_reversed_by_id && c->has_reversal_id &&
        id128_equal(whole.reversed_by_id, c->reversal_id))
        return reversal_repeat(t, c);
    if (earlier == PRESENCE_THERE && begun != NULL && begun->has_reverses_id &&
        id128_equal(begun->reverses_id, self))
        return reversal_meanwhile(t, c, begun);
    there = find_parts(t, e, &whole);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a transaction without its transfers");
    return reversal_make(t, m, &whole, e->tenant_id, earlier, &legs);
}
