/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/transaction.h"

#include "actors/ledger/account.h"
#include "actors/ledger/posting.h"
#include "runtime/base/slot_map.h"
#include "runtime/base/time.h"
#include "schemas/result.h"

#define LEG_FLAGS (TRANSFER_FLAGS_PENDING | POSTING_BALANCES)

uint16_t transaction_check(const struct transaction_create *c, struct id128 transaction_id,
                           enum presence earlier)
{
    uint16_t code = account_id_check(transaction_id);
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

bool transaction_words_equal(const struct transfer_note *asked, const struct transaction_info *made)
{
    check(made->transfers_count > 0);
    if (asked->has_description != made->has_description ||
        (asked->has_description && !slice_equal(asked->description, made->description)) ||
        !fields_metadata_equal(&asked->metadata, &made->metadata))
        return false;
    const struct transfer_note of_each = {.has_reason = asked->has_reason, .reason = asked->reason};
    for (uint32_t i = 0; i < made->transfers_count; i++) {
        if (transfer_note_check(&made->transfers[i], &of_each) != RESULT_OK)
            return false;
    }
    return true;
}

bool transaction_times_equal(bool given, uint64_t time_ns, const struct transaction_info *made)
{
    check(made->transfers_count > 0);
    for (uint32_t i = 0; i < made->transfers_count; i++) {
        const struct transfer_info *part = &made->transfers[i];
        if (part->effective_time != (given ? time_ns : part->recorded_time))
            return false;
    }
    return true;
}

/* Was this leg asked for when the transfer was made? Balancing ones moved no more than asked. */
static bool leg_equal(const struct transaction_leg *leg, const struct transfer_info *made)
{
    bool balances = (leg->flags & POSTING_BALANCES) != 0;
    uint64_t timeout_ns = made->has_expires_time ? made->expires_time - made->recorded_time : 0;
    return id128_equal(leg->debit_account_id, made->debit_account_id) &&
           id128_equal(leg->credit_account_id, made->credit_account_id) &&
           (leg->amount == made->amount ||
            (balances && (!leg->has_amount || leg->amount > made->amount))) &&
           leg->currency == made->currency && leg->flags == made->flags &&
           (leg->has_code ? leg->code : TRANSACTION_CODE_DEFAULT) == made->code &&
           (uint64_t)leg->timeout_s * NS_PER_S == timeout_ns &&
           leg->user_data_128 == made->user_data_128 && leg->user_data_64 == made->user_data_64 &&
           leg->user_data_32 == made->user_data_32;
}

bool transaction_equal(const struct transaction_create *c, const struct transaction_info *made)
{
    struct transfer_note words = TRANSFER_NOTE_OF(c);
    words.has_reason = c->has_reason;
    words.reason = c->reason;
    if (c->legs_count != made->transfers_count || made->has_reverses_id ||
        !transaction_words_equal(&words, made) ||
        !transaction_times_equal(c->has_effective_time, c->effective_time, made))
        return false;
    for (uint32_t i = 0; i < c->legs_count; i++) {
        if (!leg_equal(&c->legs[i], &made->transfers[i]))
            return false;
    }
    return true;
}

void transaction_emit(struct turn *t, struct id128 tenant_id, bool has_metadata,
                      struct transaction_info *info)
{
    struct transaction_part *parts = turn_alloc(t, info->transfers_count * sizeof *parts);
    check(info->transfers_count > 0);
    for (uint32_t i = 0; i < info->transfers_count; i++) {
        const struct transfer_info *part = &info->transfers[i];
        bool away =
            (part->flags & TRANSFER_FLAGS_PENDING) != 0 && !turn_at_home(t, part->debit_account_id);
        parts[i] = (struct transaction_part){.transfer_id = part->transfer_id};
        parts[i].has_home = away;
        parts[i].home = away ? slot_map_home(turn_slots(t), part->debit_account_id) : 0;
    }
    info->has_recorded_time = true;
    info->recorded_time = turn_time(t);
    const struct transaction_recorded e = {
        .transaction_id = info->transaction_id,
        .tenant_id = tenant_id,
        .transfers = parts,
        .transfers_count = info->transfers_count,
        .has_description = info->has_description,
        .description = info->description,
        .has_metadata = has_metadata,
        .metadata = info->metadata,
        .has_reverses_id = info->has_reverses_id,
        .reverses_id = info->reverses_id,
    };
    turn_emit(t, &transaction_recorded_type, &e);
    if (info->has_reverses_id)
        transfer_reversal_emit(t, info->reverses_id, info->transaction_id);
}
