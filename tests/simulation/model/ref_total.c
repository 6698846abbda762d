/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_total.h. */
#include "tests/simulation/model/ref_total.h"

static void add_counters(struct ref_counters *c, const struct ref_account *a)
{
    c->debits_pending = reference_sum(c->debits_pending, a->now.debits_pending);
    c->debits_posted = reference_sum(c->debits_posted, a->now.debits_posted);
    c->credits_pending = reference_sum(c->credits_pending, a->now.credits_pending);
    c->credits_posted = reference_sum(c->credits_posted, a->now.credits_posted);
}

static bool is_of(const struct reference *r, const struct ref_account *a, struct id128 tenant,
                  uint16_t currency, uint16_t shard)
{
    return a->currency == currency && (id128_is_zero(tenant) || id128_equal(a->tenant, tenant)) &&
           (shard >= r->slots->shards || reference_home(r, a->id) == shard);
}

struct ref_total ref_total_of(const struct reference *r, struct id128 tenant, uint16_t currency,
                              uint16_t shard)
{
    struct ref_total total = {.accounts = 0};
    for (uint32_t i = 0; i < r->account_count; i++) {
        if (!is_of(r, &r->accounts[i], tenant, currency, shard))
            continue;
        total.accounts++;
        add_counters(&total.counters, &r->accounts[i]);
    }
    for (uint32_t i = 0; i < r->transit_count; i++)
        if (is_of(r, &r->transits[i], tenant, currency, shard))
            add_counters(&total.transit, &r->transits[i]);
    return total;
}

struct ref_total ref_total_books(const struct reference *r, uint16_t currency, uint16_t shard)
{
    struct ref_total total = ref_total_of(r, ID128_ZERO, currency, shard);
    struct ref_counters *c = &total.counters;
    c->debits_pending = reference_sum(c->debits_pending, total.transit.debits_pending);
    c->debits_posted = reference_sum(c->debits_posted, total.transit.debits_posted);
    c->credits_pending = reference_sum(c->credits_pending, total.transit.credits_pending);
    c->credits_posted = reference_sum(c->credits_posted, total.transit.credits_posted);
    return total;
}
