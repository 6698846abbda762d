/* SPDX-License-Identifier: Apache-2.0 */
/* The generated copies take over what has the same name on both sides (`copies` in
 * schemas/ledger.toml); here is what differs. */
#include "actors/ledger/transfer_row.h"

struct transfers_row transfer_row_of_posted(const struct transfer_posted *e, uint64_t time_ns)
{
    check(time_ns != 0);
    struct transfers_row row = {.transfer_id = e->id, .status = TRANSFER_STATUS_POSTED};
    transfers_row_from_transfer_posted(&row, e);
    row.effective_time = e->has_effective_time ? e->effective_time : time_ns;
    row.recorded_time = time_ns;
    return row;
}

struct transfers_row transfer_row_of_resolved(const struct transfer_resolved *e, uint64_t time_ns)
{
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    check(time_ns != 0 && (!voids || e->amount == 0));
    struct transfers_row row = {
        .transfer_id = e->id,
        .status = voids ? TRANSFER_STATUS_VOIDED : TRANSFER_STATUS_POSTED,
    };
    transfers_row_from_transfer_resolved(&row, e);
    row.amount = voids ? e->released : e->amount;
    row.recorded_time = e->has_decided_time ? e->decided_time : time_ns;
    row.effective_time = e->has_effective_time ? e->effective_time : row.recorded_time;
    return row;
}

/* Times are those of the decision, in both shards. */
struct transfers_row transfer_row_of_crossed(const struct transfer_crossed *e, uint64_t time_ns)
{
    check(time_ns != 0);
    struct transfers_row row = {.transfer_id = e->id, .status = TRANSFER_STATUS_POSTED};
    transfers_row_from_transfer_crossed(&row, e);
    row.recorded_time = e->has_decided_time ? e->decided_time : time_ns;
    row.effective_time = e->has_effective_time ? e->effective_time : row.recorded_time;
    return row;
}

struct transfers_row transfer_row_of_leg(const struct leg_posted *e)
{
    check(e->decided_time != 0);
    struct transfers_row row = {.transfer_id = e->id, .status = TRANSFER_STATUS_POSTED};
    transfers_row_from_leg_posted(&row, e);
    row.recorded_time = e->decided_time;
    row.effective_time = e->has_effective_time ? e->effective_time : e->decided_time;
    row.shard = e->home;
    return row;
}

struct transfers_row transfer_row_of_held(const struct leg_held *e)
{
    check(e->decided_time != 0);
    struct transfers_row row = {.transfer_id = e->id, .status = TRANSFER_STATUS_PENDING};
    transfers_row_from_leg_held(&row, e);
    row.has_posted_amount = row.has_remaining_amount = true;
    row.remaining_amount = e->amount;
    row.has_expires_time = e->has_timeout_s;
    row.expires_time = e->decided_time + (uint64_t)e->timeout_s * NS_PER_S;
    row.recorded_time = e->decided_time;
    row.effective_time = e->has_effective_time ? e->effective_time : e->decided_time;
    return row;
}

struct transfers_row transfer_row_of_pending(struct id128 id, const struct pending_transfer *h)
{
    check(h->posted <= h->amount);
    check(h->held <= h->amount - h->posted);
    return (struct transfers_row){
        .tenant_id = h->tenant_id,
        .transfer_id = id,
        .debit_account_id = h->debit_account_id,
        .credit_account_id = h->credit_account_id,
        .amount = h->amount,
        .currency = h->currency,
        .code = h->code,
        .flags = h->flags,
        .status = h->status,
        .has_posted_amount = true,
        .posted_amount = h->posted,
        .has_remaining_amount = true,
        .remaining_amount = h->held,
        .has_expires_time = h->has_timeout_s,
        .expires_time = h->recorded_time + (uint64_t)h->timeout_s * NS_PER_S,
        .has_reverses_id = !id128_is_zero(h->reverses_id),
        .reverses_id = h->reverses_id,
        .has_transaction_id = !id128_is_zero(h->transaction_id),
        .transaction_id = h->transaction_id,
        .user_data_128 = h->user_data_128,
        .user_data_64 = h->user_data_64,
        .user_data_32 = h->user_data_32,
        .effective_time = h->effective_time,
        .recorded_time = h->recorded_time,
    };
}

struct transfer_info transfer_row_info(const struct transfers_row *row,
                                       char memory[MANAGER_TEXT_MAX])
{
    check(row->status != 0);
    check(row->recorded_time != 0);
    struct transfer_info info = {.amount = 0};
    transfer_info_from_transfers_row(&info, row);
    info.has_managed_by = (row->flags & TRANSFER_FLAGS_MANAGED) != 0;
    if (info.has_managed_by) {
        const struct manager m = MANAGER_OF_TRANSFER(row);
        info.managed_by = manager_text(&m, memory);
    }
    return info;
}
