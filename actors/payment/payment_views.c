/* SPDX-License-Identifier: Apache-2.0 */
/* Each event rewrites the payment's row and adds one to its history; the payer's wallet is written
 * too when the number of its open holds changed. */
#include "actors/payment/payment_views.h"

#include "actors/common/attributions.h"
#include "actors/common/owned_text.h"
#include "actors/payment/payment.h"
#include "actors/wallet/wallet_views.h"
#include "schemas/payment_states.h"

static void put_payment(struct projection *to, struct id128 id, const struct payment *p)
{
    struct wire_writer metadata;
    owned_metadata_encode(&metadata, &p->metadata);
    struct payments_row row = {
        .payment_id = id,
        .tenant_id = p->tenant_id,
        .payer_id = p->payer_id,
        .payee_id = p->payee_id,
        .from_account = p->from_account,
        .to_account = p->to_account,
        .amount = p->amount,
        .currency = p->currency,
        .status = payment_status(p),
        .capture = p->capture,
        .captured_amount = p->captured,
        .refunded_amount = p->refunded,
        .has_description = p->description.len != 0,
        .description = p->description,
        .has_customer_id = p->customer_id.len != 0,
        .customer_id = p->customer_id,
        .metadata = wire_written(&metadata),
        .has_expires_at = p->has_expires_at,
        .expires_at = p->expires_at,
        .created_at = p->created_at,
        .updated_at = p->updated_at,
        .version = p->version,
        .has_last_transfer_id = !id128_is_zero(p->last_transfer_id),
        .last_transfer_id = p->last_transfer_id,
        .has_failure = p->failure != 0,
        .failure = p->failure,
    };
    struct value values[PAYMENTS_COLUMNS];
    payments_row_to_values(&row, values);
    projection_put(to, &payments_view, values);
    wire_writer_done(&metadata);
}

/* The payment's row and one of its history; *event says what happened, the rest is filled in. */
static void payment_project(struct projection *to, struct id128 id, uint64_t time_ns,
                            struct payment_events_row *event)
{
    const struct payment *p = registry_payment(projection_registry(to), id);
    put_payment(to, id, p);
    event->payment_id = id;
    event->sequence = p->version;
    event->status = payment_status(p);
    event->currency = p->currency;
    event->timestamp = time_ns;
    event->position = projection_position(to);
    event->has_transfer_id = !id128_is_zero(event->transfer_id);
    struct value values[PAYMENT_EVENTS_COLUMNS];
    payment_events_row_to_values(event, values);
    projection_put(to, &payment_events_view, values);
}

/* As payment_project(), for events that change how many holds the payer's wallet has open. */
static void project_with_wallet(struct projection *to, struct id128 id, uint64_t time_ns,
                                struct payment_events_row *event)
{
    payment_project(to, id, time_ns, event);
    const struct payment *p = registry_payment(projection_registry(to), id);
    wallet_project(to, p->from_account);
}

void payment_project_created(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_created *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_CREATED,
        .shard = projection_shard(to),
        .amount = e->amount,
        .transfer_id = e->payment_id,
        .has_expires_at = e->has_expires_at,
        .expires_at = e->expires_at,
    };
    if (e->capture == PAYMENT_CAPTURE_MODE_MANUAL)
        project_with_wallet(to, e->payment_id, time_ns, &row);
    else
        payment_project(to, e->payment_id, time_ns, &row);
}

/* --- of one whose payee is in another shard --------------------------------------------------- */

void payment_project_started(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_started *e = event;
    struct payment_events_row row = {.type = PAYMENT_EVENT_KIND_STARTED,
                                     .amount = e->amount,
                                     .shard = projection_shard(to)};
    project_with_wallet(to, e->payment_id, time_ns, &row);
}

void payment_project_accepted(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_accepted *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_CREATED,
        .amount = registry_payment(projection_registry(to), e->payment_id)->amount,
        .transfer_id = e->payment_id,
        .has_expires_at = e->has_expires_at,
        .expires_at = e->expires_at,
        .shard = e->shard,
    };
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_refused(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_refused *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_DECLINED,
        .amount = registry_payment(projection_registry(to), e->payment_id)->amount,
        .shard = e->shard,
    };
    project_with_wallet(to, e->payment_id, time_ns, &row);
}

void payment_project_capturing(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_capturing *e = event;
    struct payment_events_row row = {.type = PAYMENT_EVENT_KIND_CAPTURE_STARTED,
                                     .amount = e->amount,
                                     .shard = projection_shard(to)};
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_capture_refused(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_capture_refused *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_CAPTURE_REFUSED, .amount = e->amount, .shard = e->shard};
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_refunding(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_refunding *e = event;
    struct payment_events_row row = {.type = PAYMENT_EVENT_KIND_REFUND_STARTED,
                                     .amount = e->amount,
                                     .shard = projection_shard(to)};
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_refund_refused(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_refund_refused *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_REFUND_REFUSED, .amount = e->amount, .shard = e->shard};
    payment_project(to, e->payment_id, time_ns, &row);
}

/* --- of all ----------------------------------------------------------------------------------- */

void payment_project_captured(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_captured *e = event;
    struct wire_writer metadata;
    owned_metadata_encode(&metadata, &e->metadata);
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_CAPTURED,
        .shard = e->has_shard ? e->shard : projection_shard(to),
        .amount = e->amount,
        .transfer_id = e->transfer_id,
        .has_metadata = e->metadata.count > 0,
        .metadata = wire_written(&metadata),
    };
    project_with_wallet(to, e->payment_id, time_ns, &row);
    wire_writer_done(&metadata);
}

void payment_project_refunded(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_refunded *e = event;
    struct wire_writer metadata;
    owned_metadata_encode(&metadata, &e->metadata);
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_REFUNDED,
        .shard = e->has_shard ? e->shard : projection_shard(to),
        .amount = e->amount,
        .transfer_id = e->transfer_id,
        .has_reason = e->has_reason,
        .reason = e->reason,
        .has_metadata = e->metadata.count > 0,
        .metadata = wire_written(&metadata),
    };
    payment_project(to, e->payment_id, time_ns, &row);
    wire_writer_done(&metadata);
}

void payment_project_cancelled(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_cancelled *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_CANCELLED,
        .shard = projection_shard(to),
        .amount = e->released,
        .transfer_id = e->transfer_id,
        .has_reason = e->has_reason,
        .reason = e->reason,
    };
    project_with_wallet(to, e->payment_id, time_ns, &row);
}

void payment_project_expired(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_expired *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_EXPIRED,
        .shard = projection_shard(to),
        .amount = e->released,
        .transfer_id = e->transfer_id,
    };
    project_with_wallet(to, e->payment_id, time_ns, &row);
}

void payment_project_declined(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_declined *e = event;
    struct payment_events_row row = {.type = PAYMENT_EVENT_KIND_DECLINED,
                                     .shard = projection_shard(to),
                                     .amount = e->amount};
    payment_project(to, e->payment_id, time_ns, &row);
}

struct forgetting {
    struct projection *to;
    bool manual;     /* it was to be authorised */
    bool kept_aside; /* ... and was, until another shard refused it: the ledger shows by whom */
};

static bool forget_of_payment(void *context, const struct value *values)
{
    struct forgetting *f = context;
    struct payments_row row;
    f->manual =
        payments_row_from_values(values, &row) && row.capture == PAYMENT_CAPTURE_MODE_MANUAL;
    return false;
}

static bool forget_of_step(void *context, const struct value *values)
{
    struct forgetting *f = context;
    struct payment_events_row row;
    if (!payment_events_row_from_values(values, &row))
        return false;
    f->kept_aside |= f->manual && row.type == PAYMENT_EVENT_KIND_STARTED;
    if (!f->kept_aside || row.type == PAYMENT_EVENT_KIND_UPDATED)
        attributions_forget(f->to, row.position);
    return false;
}

void payment_project_forgotten(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_forgotten *e = event;
    (void)time_ns;
    struct forgetting f = {.to = to};
    struct value key[] = {{VALUE_ID, .id = e->payment_id}, {VALUE_UINT, .number = 0}};
    projection_get(to, &payments_view, key, forget_of_payment, &f);
    projection_delete(to, &payments_view, key);
    for (uint64_t step = 1; step <= e->steps; step++) {
        key[1].number = step;
        projection_get(to, &payment_events_view, key, forget_of_step, &f);
        projection_delete(to, &payment_events_view, key);
    }
}

void payment_project_updated(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_updated *e = event;
    struct payment_events_row row = {.type = PAYMENT_EVENT_KIND_UPDATED,
                                     .shard = projection_shard(to)};
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_extended(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_extended *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_EXTENDED,
        .shard = projection_shard(to),
        .has_expires_at = true,
        .expires_at = e->expires_at,
    };
    payment_project(to, e->payment_id, time_ns, &row);
}

void payment_project_increased(struct projection *to, const void *event, uint64_t time_ns)
{
    const struct payment_increased *e = event;
    struct payment_events_row row = {
        .type = PAYMENT_EVENT_KIND_INCREASED,
        .shard = projection_shard(to),
        .amount = e->amount,
        .transfer_id = e->transfer_id,
    };
    payment_project(to, e->payment_id, time_ns, &row);
}
