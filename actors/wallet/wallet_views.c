/* SPDX-License-Identifier: Apache-2.0 */
/* An event of a wallet rewrites its row; one of a hold the hold's, and the wallet's if the number
 * of its open holds changed. */
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
        .has_per_transaction = w->limit.per_transaction != LIMIT_NONE,
        .per_transaction = w->limit.per_transaction,
        .has_per_day = w->limit.per_day != LIMIT_NONE,
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

void wallet_project_opened(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    wallet_project(p, ((const struct wallet_opened *)event)->wallet_id);
}

void wallet_project_status_changed(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    wallet_project(p, ((const struct wallet_status_changed *)event)->wallet_id);
}

void wallet_project_limits_changed(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    wallet_project(p, ((const struct wallet_limits_changed *)event)->wallet_id);
}

void wallet_project_updated(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    wallet_project(p, ((const struct wallet_updated *)event)->wallet_id);
}

/* --- holds ------------------------------------------------------------------------------------ */

/* The hold's row; and the wallet's, if how many are open changed. */
static void hold_project(struct projection *p, struct id128 id)
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
    if (h->status != HOLD_STATUS_PARTIALLY_CAPTURED)
        wallet_project(p, h->wallet_id);
}

void hold_project_placed(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_project(p, ((const struct wallet_hold_placed *)event)->hold_id);
}

void hold_project_captured(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_project(p, ((const struct wallet_hold_captured *)event)->hold_id);
}

void hold_project_released(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_project(p, ((const struct wallet_hold_released *)event)->hold_id);
}

void hold_project_expired(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_project(p, ((const struct wallet_hold_expired *)event)->hold_id);
}

void hold_project_extended(struct projection *p, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_project(p, ((const struct wallet_hold_extended *)event)->hold_id);
}
