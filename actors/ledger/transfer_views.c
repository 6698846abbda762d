/* SPDX-License-Identifier: Apache-2.0 */
/* Each event of a transfer puts an entry for both accounts and the transfer's row. A pending
 * transfer has one row, put anew from its actor's state by each event that changes it. */
#include "actors/ledger/transfer_views.h"

#include "actors/ledger/account.h"
#include "actors/ledger/account_views.h"
#include "actors/ledger/ended_half.h"
#include "actors/ledger/entry.h"
#include "actors/ledger/kept_aside.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/reservation.h"
#include "actors/ledger/transfer_row.h"
#include "actors/ledger/transit.h"
#include "schemas/common.h"

/* --- transfers -------------------------------------------------------------------------------- */

/* Where in the journals it stands. */
static void transfer_place(struct projection *p, struct transfers_row *row)
{
    row->shard = projection_shard(p);
    row->position = projection_position(p);
}

static void put_row(struct projection *p, const struct transfers_row *row)
{
    struct value values[TRANSFERS_COLUMNS];
    check(!id128_is_zero(row->transfer_id));
    check(row->status != 0);
    check(row->shard == projection_shard(p));
    check(row->recorded_time != 0);
    check(row->effective_time <= row->recorded_time);
    transfers_row_to_values(row, values);
    projection_put(p, &transfers_view, values);
}

/* A closing transfer changes the account's status: its row must show it. */
static void put_accounts_if_closing(struct projection *p, const struct pending_transfer *h)
{
    if ((h->flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0 && !pending_transfer_is_half(h))
        account_put_row(p, h->debit_account_id);
    if ((h->flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0 && h->side != CROSSING_SIDE_DEBIT)
        account_put_row(p, h->credit_account_id);
}

static const struct pending_transfer *pending_of(struct projection *p, struct id128 id)
{
    return registry_state(projection_registry(p), KIND_TRANSFER, id);
}

static bool take_row(void *context, const struct value *values)
{
    bool read = transfers_row_from_values(values, context);
    check(read);
    return true;
}

/* The row of a pending transfer as it is stored. */
static bool pending_row_stored(struct projection *p, const struct pending_transfer *h,
                               struct id128 id, struct transfers_row *row)
{
    const struct value key[] = {{VALUE_ID, .id = h->tenant_id},
                                {VALUE_ID, .id = id},
                                {VALUE_UINT, .number = projection_shard(p)}};
    return projection_get(p, &transfers_view, key, take_row, row);
}

/* Its row as its actor is now, at the position where it began. */
static void put_pending(struct projection *p, struct id128 id, const struct pending_transfer *h)
{
    struct transfers_row row = transfer_row_of_pending(id, h), stored;
    transfer_place(p, &row);
    if (pending_row_stored(p, h, id, &stored))
        row.position = stored.position;
    put_row(p, &row);
}

void transfer_posted_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_posted *e = event;
    const struct account *debit =
        registry_state(projection_registry(p), KIND_ACCOUNT, e->debit_account_id);
    check(debit->currency == e->currency);
    struct transfers_row row = transfer_row_of_posted(e, time_ns);
    row.tenant_id = debit->tenant_id;
    transfer_place(p, &row);
    entry_put_transfer(p, ENTRY_KIND_POSTED, &row);
    put_row(p, &row);
}

void transfer_reserved_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_reserved *e = event;
    const struct pending_transfer *h = e->has_pending_id ? pending_of(p, e->pending_id) : NULL;
    bool keeps = (e->flags & TRANSFER_FLAGS_KEEP_REMAINDER) != 0;
    kept_aside_put(p, e, h == NULL ? 0 : keeps ? e->amount : h->held, time_ns);
    if (reservation_closes(e->flags, e->side))
        account_put_row(p, reservation_account(e));
}

void transfer_released_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_released *e = event;
    (void)time_ns;
    kept_aside_remove(p, e->account_id, e->id);
    if (e->has_reopens)
        account_put_row(p, e->account_id);
}

/* The entry of the account of this shard, where the other is in another one. A decision is never
 * recorded after it is followed, whatever the clocks of both say. */
static void put_own_entry(struct projection *p, enum entry_kind kind, struct transfers_row *row,
                          uint8_t side, uint16_t home, uint64_t time_ns)
{
    check(side != 0);
    row->shard = home;
    entry_put_end(p, kind, row, side == CROSSING_SIDE_DEBIT,
                  time_ns > row->recorded_time ? time_ns : row->recorded_time);
}

/* Each shard has the entry of its account, the one that was asked has the row. */
void transfer_crossed_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_crossed *e = event;
    const struct account *own =
        registry_state(projection_registry(p), KIND_ACCOUNT, transit_opposite(e));
    bool pending = (e->flags & TRANSFER_FLAGS_PENDING) != 0, home = e->has_decided_time;
    check(own->currency == e->currency);
    if (home)
        kept_aside_remove(p, transit_opposite(e), e->id);
    struct transfers_row row = pending ? transfer_row_of_pending(e->id, pending_of(p, e->id))
                                       : transfer_row_of_crossed(e, time_ns);
    row.tenant_id = own->tenant_id;
    transfer_place(p, &row);
    put_own_entry(p, pending ? ENTRY_KIND_PENDING : ENTRY_KIND_POSTED, &row, e->side,
                  home ? row.shard : e->peer, time_ns);
    if (home && pending)
        put_pending(p, e->id, pending_of(p, e->id));
    else if (home)
        put_row(p, &row);
    if (!home && reservation_closes(e->flags, e->side))
        account_put_row(p, transit_opposite(e));
}

void group_reserved_project(struct projection *p, const void *event, uint64_t time_ns)
{
    kept_aside_put_group(p, event, time_ns);
}

void group_released_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct group_released *e = event;
    (void)time_ns;
    for (uint32_t i = 0; i < e->accounts_count; i++)
        kept_aside_remove(p, e->accounts[i].account_id,
                          e->accounts[i].has_transfer_id ? e->accounts[i].transfer_id
                                                         : e->share_id);
}

void leg_posted_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct leg_posted *e = event;
    struct transfers_row row = transfer_row_of_leg(e);
    check((e->ends & LEG_ENDS_HOME) == 0 || e->home == projection_shard(p));
    uint64_t recorded_time = time_ns > row.recorded_time ? time_ns : row.recorded_time;
    row.position = projection_position(p);
    if ((e->ends & LEG_ENDS_DEBIT) != 0)
        entry_put_end(p, ENTRY_KIND_POSTED, &row, true, recorded_time);
    if ((e->ends & LEG_ENDS_CREDIT) != 0)
        entry_put_end(p, ENTRY_KIND_POSTED, &row, false, recorded_time);
    if ((e->ends & LEG_ENDS_HOME) != 0)
        put_row(p, &row);
}

/* An entry of each of its accounts that is here, the row at its home. */
void leg_held_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct leg_held *e = event;
    const struct pending_transfer *h = pending_of(p, e->id);
    struct transfers_row row = transfer_row_of_pending(e->id, h);
    bool debit = (e->ends & LEG_ENDS_DEBIT) != 0;
    check(row.recorded_time == e->decided_time);
    transfer_place(p, &row);
    if (!debit)
        row.shard = e->peer;
    uint64_t recorded_time = time_ns > row.recorded_time ? time_ns : row.recorded_time;
    if (debit)
        entry_put_end(p, ENTRY_KIND_PENDING, &row, true, recorded_time);
    if ((e->ends & LEG_ENDS_CREDIT) != 0)
        entry_put_end(p, ENTRY_KIND_PENDING, &row, false, recorded_time);
    if (debit)
        put_pending(p, e->id, h);
}

void transfer_pending_project(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_pending *e = event;
    const struct pending_transfer *h = pending_of(p, e->id);
    check(h->status == TRANSFER_STATUS_PENDING);
    check(h->held == e->amount);
    struct transfers_row row = transfer_row_of_pending(e->id, h);
    transfer_place(p, &row);
    entry_put_transfer(p, ENTRY_KIND_PENDING, &row);
    put_pending(p, e->id, h);
    put_accounts_if_closing(p, h);
}

/* Of both accounts, or of the one that is here. */
static void put_entries(struct projection *p, enum entry_kind kind, struct transfers_row *row,
                        const struct pending_transfer *h, uint64_t time_ns)
{
    if (!h->crosses)
        entry_put_transfer(p, kind, row);
    else
        put_own_entry(p, kind, row, h->side, pending_transfer_is_half(h) ? h->peer : row->shard,
                      time_ns);
}

void transfer_resolved_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_resolved *e = event;
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    const struct pending_transfer *h = pending_of(p, e->pending_id);
    check(h->held == e->remaining);
    check(h->currency == e->currency);
    check((h->status == TRANSFER_STATUS_PENDING) == (e->remaining > 0));
    struct transfers_row row = transfer_row_of_resolved(e, time_ns);
    row.tenant_id = h->tenant_id;
    transfer_place(p, &row);
    if (e->has_decided_time)
        kept_aside_remove(p, h->debit_account_id, e->id);
    put_entries(p, voids ? ENTRY_KIND_PENDING_VOIDED : ENTRY_KIND_PENDING_POSTED, &row, h, time_ns);
    if (pending_transfer_is_half(h))
        return;
    put_row(p, &row);
    put_pending(p, e->pending_id, h);
    if (!voids)
        return;
    put_accounts_if_closing(p, h);
    if (h->crosses)
        ended_half_put(p, h->credit_account_id, e->pending_id, &row);
}

void transfer_expired_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_expired *e = event;
    const struct pending_transfer *h = pending_of(p, e->pending_id);
    check(h->status == TRANSFER_STATUS_EXPIRED);
    check(h->held == 0);
    struct transfers_row row = transfer_row_of_pending(e->pending_id, h), stored;
    /* What was released: the row still shows what was held before. */
    row.amount = pending_row_stored(p, h, e->pending_id, &stored) ? stored.remaining_amount : 0;
    row.effective_time = time_ns;
    row.recorded_time = time_ns;
    transfer_place(p, &row);
    put_entries(p, ENTRY_KIND_PENDING_EXPIRED, &row, h, time_ns);
    put_pending(p, e->pending_id, h);
    put_accounts_if_closing(p, h);
    if (h->side == CROSSING_SIDE_DEBIT)
        ended_half_put(p, h->credit_account_id, e->pending_id, &row);
}

/* The times are those of the end at home. */
void transfer_half_ended_project(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct transfer_half_ended *e = event;
    const struct pending_transfer *h = pending_of(p, e->pending_id);
    struct transfers_row row = transfer_row_of_pending(e->pending_id, h);
    check(pending_transfer_is_half(h));
    row.transfer_id = e->has_ended_by_id ? e->ended_by_id : e->pending_id;
    row.amount = e->released;
    row.effective_time = e->effective_time;
    row.recorded_time = e->decided_time;
    put_own_entry(p, e->has_ended_by_id ? ENTRY_KIND_PENDING_VOIDED : ENTRY_KIND_PENDING_EXPIRED,
                  &row, h->side, h->peer, time_ns);
    put_accounts_if_closing(p, h);
    ended_half_follow(p, h->credit_account_id, e->pending_id, h->currency);
}

/* --- notes and transactions ------------------------------------------------------------------- */

static void put_note(struct projection *p, struct transfer_notes_row *row, const struct metadata *m)
{
    struct wire_writer w;
    wire_writer_init(&w, ACCOUNT_METADATA_MAX);
    row->shard = projection_shard(p);
    if (m->count > 0)
        fields_put_metadata(&w, m);
    check(!w.failed);
    row->has_metadata = m->count > 0;
    row->metadata = wire_written(&w);
    check(row->has_description || row->has_reason || row->has_metadata);
    struct value values[TRANSFER_NOTES_COLUMNS];
    transfer_notes_row_to_values(row, values);
    projection_put(p, &transfer_notes_view, values);
    wire_writer_done(&w);
}

void transfer_noted_project(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transfer_noted *e = event;
    check(!id128_is_zero(e->transfer_id));
    if (!e->has_description && !e->has_reason && e->metadata.count == 0) {
        const struct value key[] = {{VALUE_ID, .id = e->tenant_id},
                                    {VALUE_ID, .id = e->transfer_id},
                                    {VALUE_UINT, .number = projection_shard(p)}};
        projection_delete(p, &transfer_notes_view, key); /* of one that was refused */
        return;
    }
    struct transfer_notes_row row = {
        .tenant_id = e->tenant_id,
        .transfer_id = e->transfer_id,
        .has_description = e->has_description,
        .description = e->description,
        .has_reason = e->has_reason,
        .reason = e->reason,
    };
    put_note(p, &row, &e->metadata);
}

void transaction_recorded_project(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct transaction_recorded *e = event;
    check(e->transfers_count > 0);
    struct transfer_notes_row note = {
        .tenant_id = e->tenant_id,
        .transfer_id = e->transaction_id,
        .has_description = e->has_description,
        .description = e->description,
    };
    if (e->has_description || e->metadata.count > 0)
        put_note(p, &note, &e->metadata);
    for (uint32_t i = 0; i < e->transfers_count; i++) {
        const struct transaction_part *part = &e->transfers[i];
        struct transaction_transfers_row row = {
            e->tenant_id,        e->transaction_id,
            projection_shard(p), i,
            part->transfer_id,   part->has_home ? part->home : projection_shard(p)};
        struct value values[TRANSACTION_TRANSFERS_COLUMNS];
        transaction_transfers_row_to_values(&row, values);
        projection_put(p, &transaction_transfers_view, values);
    }
}
