/* SPDX-License-Identifier: Apache-2.0 */
/* Ref payments: what the reference knows of payments. What another shard is asked, where the payee
 * lives in one, is decided once, and nothing but the decision ends it: a payment that was started
 * is accepted or refused; of a capture that is under way nothing is captured, cancelled or expires;
 * what refunds that are under way ask for together is never more than was captured. */
#ifndef SIMULATION_REF_PAYMENTS_H
#define SIMULATION_REF_PAYMENTS_H

#include "runtime/actor/message.h"
#include "schemas/payment.h"
#include "tests/simulation/model/reference.h"

/* One event; of another service's it knows nothing. */
void ref_payments_event(struct reference *r, const struct message_type *type, const void *event,
                        uint64_t time_ns, struct ref_effects *f);

/* Is another shard asked about any of them? */
bool ref_payments_open(const struct reference *r);

#endif
