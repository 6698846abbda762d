/* SPDX-License-Identifier: Apache-2.0 */
/* When accounts and transfers count: the reference's opinion. broken() where nothing may count. */
#ifndef SIMULATION_REF_TIMES_H
#define SIMULATION_REF_TIMES_H

#include "schemas/ledger.h"
#include "tests/simulation/model/reference.h"

/* When the account was opened; it is not in the reference yet. */
uint64_t times_of_account(const struct reference *r, const struct account_opened *e,
                          uint64_t time_ns);

/* What an event says about its transfer, which is not in the reference yet. */
struct times_claim {
    bool given; /* else it counts from when it is recorded */
    uint64_t effective_ns;
    uint32_t flags;
    const struct ref_account *debit, *credit;
    const struct ref_transfer *resolves; /* the pending transfer, or NULL */
};

/* When the transfer counts. */
uint64_t times_of_transfer(const struct reference *r, const struct times_claim *c,
                           uint64_t time_ns);

/* A reversal does not count before what it moves back. */
void times_of_reversal(const struct ref_transfer *original, const struct ref_transfer *back);

#endif
