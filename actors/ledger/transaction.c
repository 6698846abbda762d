/* SPDX-License-Identifier: Apache-2.0 */
/* All legs are found, then made one after the other; the first refusal undoes those before it. */
#include "actors/ledger/transaction.h"

#include "actors/ledger/account.h"
#include "actors/ledger/transfer.h"
#include "schemas/common.h"
#include "schemas/result.h"

#define CODE_DEFAULT 1
#define LEG_FLAGS                                                                                  \
    (TRANSFER_FLAGS_PENDING | TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT)
#define BALANCES (TRANSFER_FLAGS_BALANCING_DEBIT | TRANSFER_FLAGS_BALANCING_CREDIT)

static struct posting posting_of(struct turn *t, const struct message *m,
                                 const struct transaction_leg *leg, struct id128 transaction_id)
{
    const struct transaction_create *c = m->body;
    bool all = leg->amount == 0 && (leg->flags & BALANCES) != 0;
    return (struct posting){
        .transfer =
            {
                .id = turn_new_id(t),
                .debit_account_id = leg->debit_account_id,
                .credit_account_id = leg->credit_account_id,
                .amount = all ? POSTING_AMOUNT_ALL : leg->amount,
                .currency = leg->currency,
                .code = leg->has_code ? leg->code : CODE_DEFAULT,
                .flags = leg->flags,
                .timeout_s = leg->timeout_s,
                .effective_time = c->effective_time,
                .user_data_128 = leg->user_data_128,
                .user_data_64 = leg->user_data_64,
                .user_data_32 = leg->user_data_32,
            },
        .tenant_id = m->who.tenant_id,
        .any_tenant = m->who.operator,
        .transaction_id = transaction_id,
    };
}

/* The whole as it is checked before any leg. */
static uint16_t whole_check(struct turn *t, const struct transaction_create *c,
                            struct id128 transaction_id, enum presence earlier)
{
    uint16_t code = account_id_check(t, transaction_id);
    if (code != RESULT_OK)
        return code;
    if (earlier == PRESENCE_THERE)
        return RESULT_TRANSACTION_EXISTS;
    if (c->legs_count == 0)
        return RESULT_LEGS_MISSING;
    for (uint32_t i = 0; i < c->legs_count; i++) {
        if ((c->legs[i].flags & ~(uint32_t)LEG_FLAGS) != 0)
            return RESULT_FLAGS_ARE_MUTUALLY_EXCLUSIVE;
    }
    return RESULT_OK;
}

struct legs {
    struct posting *postings;
    struct transaction_info info;
    struct transaction_part *parts;
};

static void leg_info(struct turn *t, const struct posting *p, struct transfer_info *info)
{
    const struct transfer_spec *s = &p->transfer;
    bool pending = (s->flags & TRANSFER_FLAGS_PENDING) != 0;
    uint64_t now = turn_time(t);
    *info = (struct transfer_info){
        .transfer_id = s->id,
        .debit_account_id = p->debit_id,
        .credit_account_id = p->credit_id,
        .amount = p->amount,
        .currency = s->currency,
        .code = s->code,
        .status = pending ? TRANSFER_STATUS_PENDING : TRANSFER_STATUS_POSTED,
        .flags = s->flags,
        .has_posted_amount = pending,
        .has_remaining_amount = pending,
        .remaining_amount = p->amount,
        .has_expires_time = s->timeout_s != 0,
        .expires_time = now + (uint64_t)s->timeout_s * 1000000000u,
        .has_transaction_id = true,
        .transaction_id = p->transaction_id,
        .user_data_128 = s->user_data_128,
        .user_data_64 = s->user_data_64,
        .user_data_32 = s->user_data_32,
        .effective_time = s->effective_time != 0 ? s->effective_time : now,
        .recorded_time = now,
    };
}

/* Makes the legs; on a refusal undoes them and tells which leg it was. */
static uint16_t make_legs(struct turn *t, uint32_t count, struct legs *legs)
{
    struct turn_savepoint start = turn_savepoint(t);
    for (uint32_t i = 0; i < count; i++) {
        struct posting *p = &legs->postings[i];
        uint16_t code = posting_check(t, p);
        if (code != RESULT_OK) {
            turn_rollback(t, start);
            legs->info.has_failed_leg = true;
            legs->info.failed_leg = i;
            return code;
        }
        leg_info(t, p, &legs->info.transfers[i]);
        legs->parts[i].transfer_id = p->transfer.id;
        posting_emit(t, p);
    }
    legs->info.transfers_count = count;
    return RESULT_OK;
}

static void record(struct turn *t, const struct transaction_create *c, struct legs *legs)
{
    legs->info.has_recorded_time = true;
    legs->info.recorded_time = turn_time(t);
    struct transaction_recorded e = {
        .transaction_id = legs->info.transaction_id,
        .tenant_id = legs->postings[0].debit->tenant_id,
        .transfers = legs->parts,
        .transfers_count = c->legs_count,
        .has_description = c->has_description,
        .description = c->description,
        .has_metadata = c->has_metadata,
        .metadata = c->metadata,
    };
    turn_emit(t, &transaction_recorded_type, &e);
}

static bool legs_alloc(struct turn *t, uint32_t count, struct legs *legs)
{
    legs->postings = turn_alloc(t, (count + 1) * sizeof *legs->postings);
    legs->info.transfers = turn_alloc(t, (count + 1) * sizeof *legs->info.transfers);
    legs->parts = turn_alloc(t, (count + 1) * sizeof *legs->parts);
    return legs->postings != NULL && legs->info.transfers != NULL && legs->parts != NULL;
}

enum turn_result transaction_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    const struct transaction_create *c = m->body;
    struct legs legs = {.info = {
                            .transaction_id = c->has_transaction_id ? c->transaction_id
                                                                    : turn_new_id(t),
                            .has_description = c->has_description,
                            .description = c->description,
                            .metadata = c->metadata,
                        }};
    if (!legs_alloc(t, c->legs_count, &legs)) {
        turn_refuse(t, RESULT_NO_MEMORY);
        return TURN_DONE;
    }
    struct stored_event stored = {.number = 0};
    enum presence earlier = turn_outcome(t, legs.info.transaction_id, &stored);
    bool waiting = earlier == PRESENCE_WAITING;
    for (uint32_t i = 0; i < c->legs_count; i++) {
        legs.postings[i] = posting_of(t, m, &c->legs[i], legs.info.transaction_id);
        waiting |= posting_find(t, &legs.postings[i]) == PRESENCE_WAITING;
    }
    if (waiting)
        return TURN_WAIT;
    uint16_t code = whole_check(t, c, legs.info.transaction_id, earlier);
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    code = make_legs(t, c->legs_count, &legs);
    if (code == RESULT_OK)
        record(t, c, &legs);
    turn_reply(t, code, &transaction_info_type, &legs.info, 0);
    return TURN_DONE;
}

/* Fills the transfers of a recorded transaction. */
static enum presence find_parts(struct turn *t, const struct transaction_recorded *e,
                                struct transaction_info *info)
{
    enum presence all = PRESENCE_THERE;
    info->transfers = turn_alloc(t, (e->transfers_count + 1) * sizeof *info->transfers);
    if (info->transfers == NULL)
        return PRESENCE_ABSENT;
    for (uint32_t i = 0; i < e->transfers_count; i++) {
        struct id128 tenant_id;
        enum presence there = transfer_info_find(t, e->transfers[i].transfer_id,
                                                 &info->transfers[i], &tenant_id);
        if (there != PRESENCE_THERE)
            all = there;
    }
    info->transfers_count = e->transfers_count;
    return all;
}

enum turn_result transaction_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    struct stored_event stored = {.number = 0};
    enum presence there = turn_outcome(t, self, &stored);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    const struct transaction_recorded *e = stored.event;
    if (there == PRESENCE_ABSENT || stored.number != TRANSACTION_RECORDED_NUMBER ||
        !turn_may_see(t, e->tenant_id, ID128_ZERO)) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return TURN_DONE;
    }
    struct transaction_info info = {
        .transaction_id = self,
        .has_recorded_time = true,
        .recorded_time = stored.time_ns,
        .has_description = e->has_description,
        .description = e->description,
        .metadata = e->metadata,
    };
    there = find_parts(t, e, &info);
    if (there == PRESENCE_WAITING)
        return TURN_WAIT;
    if (there == PRESENCE_ABSENT)
        return turn_fail(t, "a transaction without its transfers");
    turn_reply(t, RESULT_OK, &transaction_info_type, &info, 0);
    return TURN_DONE;
}
