/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_total.h. */
#include "tests/simulation/model/ref_total.h"

static void add_counters(struct ref_total *total, const struct ref_account *a)
{
    struct ref_counters *c = &total->counters;
    c->debits_pending = reference_sum(c->debits_pending, a->now.debits_pending);
    c->debits_posted = reference_sum(c->debits_posted, a->now.debits_posted);
    c->credits_pending = reference_sum(c->credits_pending, a->now.credits_pending);
    c->credits_posted = reference_sum(c->credits_posted, a->now.credits_posted);
}

struct ref_total ref_total_of(const struct reference *r, struct id128 tenant, uint16_t currency,
                              uint16_t shard)
{
    struct ref_total total = {.accounts = 0};
    for (uint32_t i = 0; i < r->account_count; i++) {
        const struct ref_account *a = &r->accounts[i];
        bool other_tenant = !id128_is_zero(tenant) && !id128_equal(a->tenant, tenant);
        bool other_shard = shard < r->slots->shards && reference_home(r, a->id) != shard;
        if (a->currency != currency || other_tenant || other_shard)
            continue;
        total.accounts++;
        add_counters(&total, a);
    }
    return total;
}

struct ref_total ref_total_books(const struct reference *r, uint16_t currency, uint16_t shard)
{
    struct ref_total total = ref_total_of(r, ID128_ZERO, currency, shard);
    for (uint32_t i = 0; i < r->transit_count; i++) {
        const struct ref_account *a = &r->transits[i];
        if (a->currency == currency &&
            (shard >= r->slots->shards || reference_home(r, a->id) == shard))
            add_counters(&total, a);
    }
    return total;
}
