/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_rates.h. Rates of the workload have few digits, so that 128 bits hold every product. */
#include "tests/simulation/model/ref_rates.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/actor/turn.h"
#include "runtime/base/array.h"
#include "schemas/currency.h"
#include "tests/simulation/model/history.h"
#include "tests/simulation/verdict.h"

#define SCALE_MAX 6
#define JUMP_PARTS 50000
#define AGREE_PARTS 5000
#define PARTS 1000000

void ref_rates_init(struct ref_rates *r, const uint64_t *now_ns)
{
    *r = (struct ref_rates){.now_ns = now_ns};
}

void ref_rates_done(struct ref_rates *r)
{
    for (uint32_t i = 0; i < r->count; i++)
        free(r->pairs[i].rates);
}

const struct ref_pair *ref_rates_pair(const struct ref_rates *r, uint16_t from, uint16_t to)
{
    for (uint32_t i = 0; i < r->count; i++)
        if (r->pairs[i].from == from && r->pairs[i].to == to)
            return &r->pairs[i];
    return NULL;
}

static struct ref_pair *rates_pair(struct ref_rates *r, uint16_t from, uint16_t to)
{
    const struct ref_pair *known = ref_rates_pair(r, from, to);
    if (known != NULL)
        return &r->pairs[known - r->pairs];
    check(r->count < REF_PAIRS);
    r->pairs[r->count] = (struct ref_pair){.from = from, .to = to};
    return &r->pairs[r->count++];
}

static u128 rates_unit(uint64_t digits, uint8_t scale)
{
    u128 unit = digits;
    check(scale <= SCALE_MAX);
    for (; scale < SCALE_MAX; scale++)
        unit *= 10;
    return unit;
}

static bool rates_far(u128 before, u128 after, uint32_t parts)
{
    u128 between = before > after ? before - after : after - before;
    return between * PARTS > before * parts;
}

static bool rates_manual(const struct rate_core *c, uint64_t time_ns)
{
    return c->manual_digits != 0 && (c->manual_until == 0 || time_ns < c->manual_until);
}

/* --- what is decided -------------------------------------------------------------------------- */

/* A newer one, and one that is no jump, or is said by a second source. */
static void rates_observed(const struct ref_pair *p, const struct rate_core *before,
                           const struct rate_core *now, uint64_t time_ns)
{
    if (before->digits == 0)
        return;
    if (now->observed_at <= before->observed_at)
        broken("an older observation replaced a newer one");
    u128 old = rates_unit(before->digits, before->scale), new = rates_unit(now->digits, now->scale);
    if (time_ns > before->stale_after || !rates_far(old, new, JUMP_PARTS))
        return;
    if (p->aside_digits == 0 || p->aside_source == history_hash(now->source) ||
        rates_far(rates_unit(p->aside_digits, p->aside_scale), new, AGREE_PARTS))
        broken("a rate jumped, and nobody else said so");
}

static void rates_fixed(const struct ref_pair *p, const struct rate_core *before,
                        const struct rate_core *now, uint64_t by, uint64_t time_ns)
{
    bool manual = rates_manual(before, time_ns);
    u128 old = manual ? rates_unit(before->manual_digits, before->manual_scale)
                      : rates_unit(before->digits, before->scale);
    u128 new = rates_unit(now->manual_digits, now->manual_scale);
    if (old == 0 || (!manual && time_ns > before->stale_after) || !rates_far(old, new, JUMP_PARTS))
        return;
    if (p->proposed_digits != now->manual_digits || p->proposed_scale != now->manual_scale ||
        p->proposer == by)
        broken("one person alone let a rate jump");
}

static void rates_changed(struct ref_rates *r, uint16_t shard, const struct rate_changed *e,
                          uint64_t time_ns)
{
    static const struct rate_core nothing;
    struct ref_pair *p = rates_pair(r, e->from_currency, e->to_currency);
    const struct rate_core *before = p->version > 0 ? &p->rates[p->version - 1].core : &nothing;
    if (shard != 0 || e->version != p->version + 1)
        broken("change %llu of a pair comes after %u, in shard %u", (unsigned long long)e->version,
               p->version, shard);
    if (e->change == RATE_CHANGE_OBSERVED)
        rates_observed(p, before, &e->core, time_ns);
    else if (e->change == RATE_CHANGE_FIXED)
        rates_fixed(p, before, &e->core, r->by, time_ns);
    if (e->change == RATE_CHANGE_OBSERVED ? e->core.manual_digits != before->manual_digits
                                          : e->core.digits != before->digits)
        broken("a person and a provider changed a rate at once");
    array_reserve(p->rates, p->cap, p->version + 1);
    p->rates[p->version] = (struct ref_rate){e->core, history_hash(e->core.source), *r->now_ns};
    p->rates[p->version++].core.source = (struct slice){0};
    if (e->change == RATE_CHANGE_OBSERVED)
        p->aside_digits = 0;
    else
        p->proposed_digits = 0;
}

static void rates_copied(struct ref_rates *r, uint16_t shard, const struct rate_copied *e)
{
    struct ref_pair *p = rates_pair(r, e->from_currency, e->to_currency);
    if (e->version != p->copied[shard] + 1 || e->version > p->version)
        broken("shard %u copies version %llu of a pair after %llu", shard,
               (unsigned long long)e->version, (unsigned long long)p->copied[shard]);
    const struct ref_rate *is = &p->rates[e->version - 1];
    struct rate_core copy = e->core;
    copy.source = is->core.source;
    if (memcmp(&copy, &is->core, sizeof copy) != 0 || history_hash(e->core.source) != is->source)
        broken("shard %u copies something else than what a pair is", shard);
    p->copied[shard] = e->version;
}

bool ref_rates_event(struct ref_rates *r, uint16_t shard, const struct message_type *type,
                     const void *event, uint64_t time_ns)
{
    const struct rate_kept_aside *aside = event;
    const struct rate_proposed *proposed = event;
    if (type == &rate_changed_type) {
        rates_changed(r, shard, event, time_ns);
    } else if (type == &rate_copied_type) {
        rates_copied(r, shard, event);
    } else if (type == &rate_kept_aside_type) {
        struct ref_pair *p = rates_pair(r, aside->from_currency, aside->to_currency);
        p->aside_digits = aside->digits;
        p->aside_scale = aside->scale;
        p->aside_source = history_hash(aside->source);
    } else if (type == &rate_proposed_type) {
        struct ref_pair *p = rates_pair(r, proposed->from_currency, proposed->to_currency);
        p->proposed_digits = proposed->digits;
        p->proposed_scale = proposed->scale;
        p->proposer = r->by;
    } else {
        return false;
    }
    return true;
}

/* --- what is answered ------------------------------------------------------------------------- */

static const struct ref_rate *rates_of(const struct ref_pair *p, uint64_t version)
{
    if (version == 0 || version > p->version)
        broken("version %llu of a pair is shown, which is not durable",
               (unsigned long long)version);
    return &p->rates[version - 1];
}

void ref_rates_shown(const struct ref_rates *r, const struct exchange_rate *shown)
{
    const struct ref_pair *p = ref_rates_pair(r, shown->from_currency, shown->to_currency);
    if (shown->derived != RATE_DERIVATION_DIRECT || p == NULL)
        return;
    const struct rate_core *c = &rates_of(p, shown->version)->core;
    if (c->manual_until == 0 && shown->manual != (c->manual_digits != 0))
        broken("a provider's rate is shown instead of a person's, or the other way");
    uint64_t digits = shown->manual ? c->manual_digits : c->digits;
    uint8_t scale = shown->manual ? c->manual_scale : c->scale;
    if (shown->rate.digits != digits || shown->rate.scale != scale)
        broken("another rate is shown than the one of its version");
}

/* Rounded down, by one of the two rates of its version. */
static bool rates_exact(const struct conversion *c, uint64_t digits, uint8_t scale)
{
    u128 product, below = 1;
    int32_t down = scale + currency_by_number(c->from_currency)->decimals -
                   currency_by_number(c->to_currency)->decimals;
    if (digits == 0)
        return false;
    if (!u128_mul(c->amount, digits, &product))
        return true; /* not to be worked out here */
    for (; down > 0; down--)
        below *= 10;
    for (; down < 0; down++)
        if (!u128_mul(product, 10, &product))
            return true;
    return product / below == c->converted_amount;
}

void ref_rates_converted(const struct ref_rates *r, const struct conversion *c, uint64_t sent_ns)
{
    const struct ref_pair *p = ref_rates_pair(r, c->from_currency, c->to_currency);
    if (p == NULL || p->version == 0 || c->from_currency == c->to_currency || c->version == 0)
        return;
    /* By way of other pairs, before this one was copied: the version is theirs. */
    if (c->version > p->version)
        return;
    const struct rate_core *core = &p->rates[c->version - 1].core;
    if (c->rate.digits != core->digits && c->rate.digits != core->manual_digits)
        return;
    if (!rates_exact(c, core->digits, core->scale) &&
        !rates_exact(c, core->manual_digits, core->manual_scale))
        broken("a conversion by version %llu is wrong", (unsigned long long)c->version);
    if (c->version < p->version && p->rates[c->version].seen_ns + EVERYWHERE_AGE_MAX_NS < sent_ns)
        broken("a conversion is by a copy that is too old");
}

void ref_rates_check_end(const struct ref_rates *r, uint16_t shards)
{
    for (uint32_t i = 0; i < r->count; i++)
        for (uint16_t s = 0; s < shards; s++)
            if (r->pairs[i].copied[s] != r->pairs[i].version)
                broken("the copy of a pair in shard %u has not come to its home's version", s);
}
