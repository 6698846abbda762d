/* SPDX-License-Identifier: Apache-2.0 */
/* An event of a wallet rewrites its row; one of a hold the hold's, and the wallet's if the number
 * of its open holds changed. Each adds one to the wallet's history, but for movements of money,
 * which are entries of its account. */
#include "actors/wallet/wallet_views.h"

#include "actors/common/owned_text.h"
#include "actors/wallet/hold.h"
#include "actors/wallet/wallet.h"
#include "schemas/wallet_states.h"

/* --- wallets ---------------------------------------------------------------------------------- */

void wallet_project(struct projection *p, struct id128 id)
{
    const struct wallet *w = registry_wallet(projection_registry(p), id);
    struct wire_writer metadata;
    owned_metadata_encode(&metadata, &w->metadata);
    struct wallets_row row = {
        .wallet_id = id,
        .tenant_id = w->tenant_id,
        .owner_id = w->owner_id,
        .user_id = w->user_id,
        .currency = w->currency,
        .status = w->status,
        .has_freeze_scope = w->status == WALLET_STATUS_FROZEN,
        .freeze_scope = wallet_freeze_scope(w),
        .has_per_transaction = w->limit.has_per_transaction,
        .per_transaction = w->limit.per_transaction,
        .has_per_day = w->limit.has_per_day,
        .per_day = w->limit.per_day,
        .open_holds = w->open_holds,
        .metadata = wire_written(&metadata),
        .created_at = w->created_at,
        .version = w->version,
    };
    struct value values[WALLETS_COLUMNS];
    wallets_row_to_values(&row, values);
    projection_put(p, &wallets_view, values);
    wire_writer_done(&metadata);
}

/* Of what happened to a wallet; *row says what, the rest is filled in. */
static void wallet_put_event(struct projection *p, struct id128 wallet_id, uint64_t time_ns,
                             struct wallet_events_row *row)
{
    check(row->type != 0);
    row->wallet_id = wallet_id;
    row->position = projection_position(p);
    row->timestamp = time_ns;
    struct value values[WALLET_EVENTS_COLUMNS];
    wallet_events_row_to_values(row, values);
    projection_put(p, &wallet_events_view, values);
}

/* The wallet's row, and what happened to it. */
static void wallet_put_change(struct projection *p, struct id128 id, uint64_t time_ns,
                              struct wallet_events_row *row)
{
    wallet_project(p, id);
    row->currency = registry_wallet(projection_registry(p), id)->currency;
    wallet_put_event(p, id, time_ns, row);
}

void wallet_project_opened(struct projection *p, const void *event, uint64_t time_ns)
{
    struct id128 id = ((const struct wallet_opened *)event)->wallet_id;
    wallet_put_change(p, id, time_ns,
                      &(struct wallet_events_row){.type = WALLET_EVENT_KIND_OPENED});
}

void wallet_project_status_changed(struct projection *p, const void *event, uint64_t time_ns)
{
    static const uint8_t types[] = {
        [WALLET_STATUS_ACTIVE] = WALLET_EVENT_KIND_UNFROZEN,
        [WALLET_STATUS_FROZEN] = WALLET_EVENT_KIND_FROZEN,
        [WALLET_STATUS_CLOSED] = WALLET_EVENT_KIND_CLOSED,
    };
    const struct wallet_status_changed *e = event;
    check(e->status < array_len(types));
    struct wallet_events_row row = {
        .type = types[e->status],
        .has_freeze_scope = e->has_freeze_scope,
        .freeze_scope = e->freeze_scope,
        .has_reason = e->has_reason,
        .reason = e->reason,
    };
    wallet_put_change(p, e->wallet_id, time_ns, &row);
}

void wallet_project_limits_changed(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_limits_changed *e = event;
    struct wallet_events_row row = {
        .type = WALLET_EVENT_KIND_LIMITS_SET,
        .has_per_transaction = e->has_per_transaction,
        .per_transaction = e->per_transaction,
        .has_per_day = e->has_per_day,
        .per_day = e->per_day,
    };
    wallet_put_change(p, e->wallet_id, time_ns, &row);
}

void wallet_project_updated(struct projection *p, const void *event, uint64_t time_ns)
{
    struct id128 id = ((const struct wallet_updated *)event)->wallet_id;
    wallet_put_change(p, id, time_ns,
                      &(struct wallet_events_row){.type = WALLET_EVENT_KIND_UPDATED});
}

/* --- holds ------------------------------------------------------------------------------------ */

/* The hold's row; the wallet's, if how many are open changed; and what happened, as *event says. */
static void hold_project(struct projection *p, struct id128 id, uint64_t time_ns,
                         struct wallet_events_row *event)
{
    const struct hold *h = registry_hold(projection_registry(p), id);
    struct wire_writer metadata;
    owned_metadata_encode(&metadata, &h->metadata);
    struct wallet_holds_row row = hold_row(id, h);
    row.metadata = wire_written(&metadata);
    struct value values[WALLET_HOLDS_COLUMNS];
    wallet_holds_row_to_values(&row, values);
    projection_put(p, &wallet_holds_view, values);
    wire_writer_done(&metadata);
    /* Nothing else changes the wallet: it need not be there, and a projection loads nothing. */
    if (event->type == WALLET_EVENT_KIND_HOLD || !hold_open(h))
        wallet_project(p, h->wallet_id);
    event->has_hold_id = true;
    event->hold_id = id;
    event->currency = h->currency;
    wallet_put_event(p, h->wallet_id, time_ns, event);
}

/* What an ended hold gave back is what of it was never captured. */
static void hold_project_ended(struct projection *p, struct id128 id, uint64_t time_ns,
                               uint8_t type)
{
    const struct hold *h = registry_hold(projection_registry(p), id);
    check(h->captured <= h->amount);
    struct wallet_events_row row = {
        .type = type, .has_amount = true, .amount = h->amount - h->captured};
    hold_project(p, id, time_ns, &row);
}

void hold_project_placed(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_placed *e = event;
    struct wallet_events_row row = {
        .type = WALLET_EVENT_KIND_HOLD,
        .has_amount = true,
        .amount = e->amount,
        .has_expires_at = true,
        .expires_at = e->expires_at,
    };
    hold_project(p, e->hold_id, time_ns, &row);
}

void hold_project_captured(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_captured *e = event;
    struct wallet_events_row row = {
        .type = WALLET_EVENT_KIND_HOLD_CAPTURED, .has_amount = true, .amount = e->amount};
    hold_project(p, e->hold_id, time_ns, &row);
}

void hold_project_released(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_released *e = event;
    hold_project_ended(p, e->hold_id, time_ns, WALLET_EVENT_KIND_HOLD_RELEASED);
}

void hold_project_expired(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_expired *e = event;
    hold_project_ended(p, e->hold_id, time_ns, WALLET_EVENT_KIND_HOLD_EXPIRED);
}

void hold_project_extended(struct projection *p, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_extended *e = event;
    struct wallet_events_row row = {.type = WALLET_EVENT_KIND_HOLD_EXTENDED,
                                    .has_expires_at = true,
                                    .expires_at = e->expires_at};
    hold_project(p, e->hold_id, time_ns, &row);
}
