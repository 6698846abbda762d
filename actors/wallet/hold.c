/* SPDX-License-Identifier: Apache-2.0 */
/* What events do to a hold: its money is kept aside when it is placed; each capture, release or
 * expiry is one hold_move(), which also gives the wallet back what went back. */
#include "actors/wallet/hold.h"

#include "actors/common/owned_text.h"
#include "actors/wallet/hold_messages.h"
#include "actors/wallet/wallet_crossing.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/wallet_states.h"

bool hold_open(const struct hold *h)
{
    return h->status == HOLD_STATUS_HELD || h->status == HOLD_STATUS_PARTIALLY_CAPTURED;
}

struct wallet_holds_row hold_row(struct id128 id, const struct hold *h)
{
    return (struct wallet_holds_row){
        .hold_id = id,
        .wallet_id = h->wallet_id,
        .amount = h->amount,
        .currency = h->currency,
        .status = h->status,
        .captured_amount = h->captured,
        .remaining_amount = h->remaining,
        .created_at = h->created_at,
        .expires_at = h->expires_at,
        .has_description = h->description.len != 0,
        .description = h->description,
        .version = h->version,
    };
}

struct wallet_hold_info hold_shown(struct id128 id, const struct hold *h)
{
    const struct wallet_holds_row row = hold_row(id, h);
    struct wallet_hold_info info = {.metadata = h->metadata};
    wallet_hold_info_from_wallet_holds_row(&info, &row);
    return info;
}

/* --- apply ------------------------------------------------------------------------------------ */

void hold_apply_placed(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct wallet_hold_placed *e = event;
    check(e->amount != 0);
    wallet_count_debit(r, e->wallet_id, e->amount, time_ns, true);
    const struct wallet *w = registry_wallet(r, e->wallet_id);
    struct hold *h = registry_create(r, KIND_HOLD, e->hold_id);
    *h = (struct hold){
        .wallet_id = e->wallet_id,
        .amount = e->amount,
        .remaining = e->amount,
        .created_at = time_ns,
        .expires_at = e->expires_at,
        .metadata = owned_metadata_copy(r, &e->metadata),
        .version = 1,
        .currency = w->currency,
        .status = HOLD_STATUS_HELD,
    };
    if (e->has_description)
        h->description = owned_text_copy(r, e->description);
    registry_deadline(r, KIND_HOLD, e->hold_id, e->expires_at);
}

static void hold_capture_over(struct hold *h)
{
    h->has_capturing = h->capture_final = false;
    h->capturing = 0;
    h->capture_id = ID128_ZERO;
}

/* The one function that changes a hold: some is captured, some goes back, what is left stays. */
static void hold_move(struct registry *r, struct id128 id, u128 captured, u128 released,
                      uint8_t status)
{
    struct hold *h = registry_hold(r, id);
    check(hold_open(h) && (!h->has_capturing || captured == h->capturing));
    hold_capture_over(h);
    bool fits = u128_sub(h->remaining, captured, &h->remaining) &&
                u128_sub(h->remaining, released, &h->remaining) &&
                u128_add(h->captured, captured, &h->captured);
    check(fits);
    h->status = status;
    h->version++;
    check(hold_open(h) == (h->remaining != 0));
    if (hold_open(h))
        registry_deadline(r, KIND_HOLD, id, h->expires_at);
    else
        registry_no_deadline(r, KIND_HOLD, id);
    wallet_count_return(r, h->wallet_id, released, h->created_at, !hold_open(h));
}

void hold_apply_captured(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_hold_captured *e = event;
    const struct hold *h = registry_hold(r, e->hold_id);
    check(e->amount != 0 && e->amount <= h->remaining);
    bool all = h->remaining - e->amount == e->released;
    hold_move(r, e->hold_id, e->amount, e->released,
              all ? HOLD_STATUS_CAPTURED : HOLD_STATUS_PARTIALLY_CAPTURED);
}

/* Its time cannot end it until that is decided. What is shown of it stays, and so does its version.
 */
void hold_apply_capturing(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_hold_capturing *e = event;
    struct hold *h = registry_hold(r, e->hold_id);
    check(hold_open(h) && !h->has_capturing && e->amount != 0 && e->amount <= h->remaining);
    h->has_capturing = true;
    h->capturing = e->amount;
    h->capture_id = e->transfer_id;
    h->capture_final = e->final;
    if (!MUTANT(EXPIRE_CAPTURED))
        registry_no_deadline(r, KIND_HOLD, e->hold_id);
}

void hold_apply_capture_refused(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_hold_capture_refused *e = event;
    struct hold *h = registry_hold(r, e->hold_id);
    check(hold_open(h) && h->has_capturing);
    hold_capture_over(h);
    registry_deadline(r, KIND_HOLD, e->hold_id, h->expires_at);
}

static void hold_give_back(struct registry *r, struct id128 id, uint8_t status)
{
    const struct hold *h = registry_hold(r, id);
    hold_move(r, id, 0, h->remaining, status);
}

void hold_apply_released(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_give_back(r, ((const struct wallet_hold_released *)event)->hold_id, HOLD_STATUS_RELEASED);
}

void hold_apply_expired(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    hold_give_back(r, ((const struct wallet_hold_expired *)event)->hold_id, HOLD_STATUS_EXPIRED);
}

void hold_apply_extended(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)time_ns;
    const struct wallet_hold_extended *e = event;
    struct hold *h = registry_hold(r, e->hold_id);
    check(hold_open(h) && e->expires_at > h->expires_at);
    h->expires_at = e->expires_at;
    h->version++;
    registry_deadline(r, KIND_HOLD, e->hold_id, e->expires_at);
}

/* --- kind ------------------------------------------------------------------------------------- */

static const struct handler handlers[] = {
    {&wallet_hold_get_type, hold_on_get},         {&wallet_hold_capture_type, hold_on_capture},
    {&wallet_hold_release_type, hold_on_release}, {&wallet_hold_extend_type, hold_on_extend},
    {&hold_follow_type, hold_on_follow},
};

const struct actor_kind hold_kind = {
    .name = "hold",
    .number = KIND_HOLD,
    .state_size = sizeof(struct hold),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &hold_codec,
    .timeout = hold_on_timeout,
};
