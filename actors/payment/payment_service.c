/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of constants, and the audit: each payment in memory by itself, not compared with the
 * pending transfer in the ledger. */
#include "actors/payment/payment_service.h"

#include "actors/payment/payment.h"
#include "actors/payment/payment_queries.h"
#include "actors/payment/payment_views.h"
#include "schemas/common.h"

static const struct actor_kind *const kinds[] = {
    &payment_kind,
};

static const struct event_rule rules[] = {
    {&payment_created_type, MESSAGE_NO_OFFSET, payment_apply_created, payment_project_created},
    {&payment_started_type, MESSAGE_NO_OFFSET, payment_apply_started, payment_project_started},
    {&payment_accepted_type, MESSAGE_NO_OFFSET, payment_apply_accepted, payment_project_accepted},
    {&payment_refused_type, MESSAGE_NO_OFFSET, payment_apply_refused, payment_project_refused},
    {&payment_capturing_type, (uint16_t)offsetof(struct payment_capturing, transfer_id),
     payment_apply_capturing, payment_project_capturing},
    {&payment_capture_refused_type, MESSAGE_NO_OFFSET, payment_apply_capture_refused,
     payment_project_capture_refused},
    {&payment_refunding_type, MESSAGE_NO_OFFSET, payment_apply_refunding,
     payment_project_refunding},
    {&payment_refund_refused_type, MESSAGE_NO_OFFSET, payment_apply_refund_refused,
     payment_project_refund_refused},
    {&payment_captured_type, MESSAGE_NO_OFFSET, payment_apply_captured, payment_project_captured},
    {&payment_refunded_type, MESSAGE_NO_OFFSET, payment_apply_refunded, payment_project_refunded},
    {&payment_cancelled_type, MESSAGE_NO_OFFSET, payment_apply_cancelled,
     payment_project_cancelled},
    {&payment_expired_type, MESSAGE_NO_OFFSET, payment_apply_expired, payment_project_expired},
    {&payment_declined_type, MESSAGE_NO_OFFSET, payment_apply_declined, payment_project_declined},
    {&payment_forgotten_type, MESSAGE_NO_OFFSET, payment_apply_forgotten,
     payment_project_forgotten},
    {&payment_updated_type, MESSAGE_NO_OFFSET, payment_apply_updated, payment_project_updated},
    {&payment_extended_type, MESSAGE_NO_OFFSET, payment_apply_extended, payment_project_extended},
    {&payment_increased_type, MESSAGE_NO_OFFSET, payment_apply_increased,
     payment_project_increased},
};

static const struct query queries[] = {
    {&payment_list_type, payment_query_list},
    {&payment_event_list_type, payment_query_events},
    {&payment_refund_list_type, payment_query_refunds},
    {&payment_adapter_list_type, payment_query_adapters},
};

static const struct view_table *const views[] = {
    &payments_view,
    &payment_events_view,
};

static bool audit_payment(void *context, struct id128 id, const void *state)
{
    (void)id;
    const char **broken = context;
    const struct payment *p = state;
    if (p->captured > p->amount)
        *broken = "a payment captured more than its amount";
    else if (p->refunded > p->captured || p->refunding > p->captured - p->refunded)
        *broken = "a payment refunded more than was captured";
    else if (p->has_capturing && p->capturing > payment_remaining(p))
        *broken = "more of a payment is being captured than is authorised";
    else if (p->status == PAYMENT_STATUS_NONE)
        *broken = "a payment has no status";
    else if ((p->status == PAYMENT_STATUS_FAILED) != (p->failure != 0))
        *broken = "a payment failed without a reason, or has one and did not";
    else if (!payment_knows_payee(p) && p->captured != 0)
        *broken = "a payment reached nobody";
    return *broken == NULL;
}

static const char *payment_service_audit(struct registry *r)
{
    const char *broken = NULL;
    registry_each(r, KIND_PAYMENT, audit_payment, &broken);
    return broken;
}

const struct service payment_service = {
    .name = "payment",
    .kinds = kinds,
    .kind_count = array_len(kinds),
    .rules = rules,
    .rule_count = array_len(rules),
    .queries = queries,
    .query_count = array_len(queries),
    .views = views,
    .view_count = array_len(views),
    .audit = payment_service_audit,
};
