/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: what lists and the trial balance may show. Whatever was durable in any shard when the
 * request was sent must be there; what is there must be durable. */
#ifndef SIMULATION_PAGES_H
#define SIMULATION_PAGES_H

#include "tests/simulation/run.h"

/* The request is about to be sent: notes what is known now. */
void pages_note(struct run *run, struct request *q);

void pages_check_statement(struct run *run, const struct request *q, const void *reply);
void pages_check_accounts(struct run *run, const struct request *q, const void *reply);
void pages_check_transfers(struct run *run, const struct request *q, const void *reply);
void pages_check_wallets(struct run *run, const struct request *q, const void *reply);
void pages_check_payments(struct run *run, const struct request *q, const void *reply);
void pages_check_past_books(struct run *run, const struct request *q, const void *reply);
void pages_check_books(struct run *run, const struct request *q, const void *reply);

#endif
