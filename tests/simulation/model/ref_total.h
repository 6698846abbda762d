/* SPDX-License-Identifier: Apache-2.0 */
/* Ref total: what the reference's accounts of a currency hold together. */
#ifndef SIMULATION_REF_TOTAL_H
#define SIMULATION_REF_TOTAL_H

#include "tests/simulation/model/reference.h"

/* Of the accounts of one tenant or all, in one currency and one shard or all. */
struct ref_total {
    struct ref_counters counters;
    struct ref_counters transit; /* of the accounts of money in transit, which are not among them */
    uint64_t accounts;
};

/* Zero means all tenants, a shard that there is not all shards. */
struct ref_total ref_total_of(const struct reference *r, struct id128 tenant, uint16_t currency,
                              uint16_t shard);

/* Of all accounts, those of money in transit too: they balance in each shard. */
struct ref_total ref_total_books(const struct reference *r, uint16_t currency, uint16_t shard);

#endif
