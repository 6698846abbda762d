/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a payment: itself and its history. For the table of rules; states are as after the
 * event. */
#ifndef PAYMENT_PAYMENT_VIEWS_H
#define PAYMENT_PAYMENT_VIEWS_H

#include "runtime/actor/domain.h"

void payment_project_created(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_started(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_accepted(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_refused(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_capturing(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_capture_refused(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_refunding(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_refund_refused(struct projection *to, const void *event, uint64_t time_ns);
void payment_project_captured(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_refunded(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_cancelled(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_expired(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_declined(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_forgotten(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_updated(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_extended(struct projection *p, const void *event, uint64_t time_ns);
void payment_project_increased(struct projection *p, const void *event, uint64_t time_ns);

#endif
