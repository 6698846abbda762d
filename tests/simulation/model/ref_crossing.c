/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_crossing.h. */
#include "tests/simulation/model/ref_crossing.h"

#include "tests/simulation/verdict.h"

struct ref_unit *ref_crossing_unit(struct ref_crossing *c, uint64_t name)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->units[i].name == name)
            return &c->units[i];
    check(c->count < REF_UNITS_MAX);
    c->units[c->count].name = name;
    return &c->units[c->count++];
}

static void check_balance(const struct ref_crossing *c, const struct ref_unit *u, uint16_t shard)
{
    ref_amount sum = u->own[shard];
    for (uint16_t i = 0; i < c->shards; i++)
        sum += u->transit[shard][i];
    if (sum != 0)
        broken("shard %u does not balance by itself: %lld", shard, (long long)sum);
}

/* Of a pair and its transit accounts. */
static void check_pair(const struct ref_unit *u, uint16_t one, uint16_t other)
{
    ref_amount held = u->transit[one][other], way = u->under_way[one][other];
    if (one != other) {
        held += u->transit[other][one];
        way += u->under_way[other][one];
    }
    if (held != way)
        broken("shards %u and %u hold %lld in transit, but %lld is on its way", one, other,
               (long long)held, (long long)way);
}

static void check_spendable(const struct ref_crossing *c, const struct ref_unit *u)
{
    ref_amount spendable = 0;
    for (uint16_t i = 0; i < c->shards; i++) {
        if (u->kept[i] < 0)
            broken("shard %u keeps aside less than nothing", i);
        spendable += u->own[i] - u->kept[i];
    }
    if (spendable > 0)
        broken("money is in two places: %lld too much can be spent", (long long)spendable);
}

void ref_crossing_check(const struct ref_crossing *c, uint16_t shard)
{
    for (uint32_t i = 0; i < c->count; i++) {
        check_balance(c, &c->units[i], shard);
        for (uint16_t other = 0; other < c->shards; other++)
            check_pair(&c->units[i], shard, other);
        check_spendable(c, &c->units[i]);
    }
}

void ref_crossing_check_end(const struct ref_crossing *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        ref_amount own = 0;
        for (uint16_t shard = 0; shard < c->shards; shard++) {
            own += c->units[i].own[shard];
            if (c->units[i].kept[shard] != 0)
                broken("shard %u keeps money aside for ever", shard);
        }
        if (own != 0)
            broken("%lld of a unit came into being", (long long)own);
    }
}
