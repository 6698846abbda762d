/* SPDX-License-Identifier: Apache-2.0 */
/* An id is the hash of all that tells one house account from another, with a slot of its shard: the
 * first one, for it stays with the shard if others of the range are given away. */
#include "actors/ledger/house.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_directory.h"
#include "actors/ledger/ledger_totals.h"
#include "runtime/base/sha256.h"
#include "schemas/ledger_states.h"

struct house_rule {
    const char *purpose; /* in the hash */
    const char *name;
};

static const struct house_rule rules[] = {
    [MANAGED_CLEARING] = {"clearing", "External clearing"},
};

static const struct house_rule *house_rule(const struct house *h)
{
    check(h->purpose < array_len(rules) && rules[h->purpose].purpose != NULL);
    return &rules[h->purpose];
}

struct id128 house_id(const struct slot_map *slots, const struct house *h)
{
    uint8_t tenant[16];
    id128_store(h->tenant_id, tenant);
    const uint8_t numbers[] = {(uint8_t)(h->shard >> 8), (uint8_t)h->shard,
                               (uint8_t)(h->currency >> 8), (uint8_t)h->currency};
    const struct slice pieces[] = {
        slice_of(house_rule(h)->purpose),
        {(const char *)tenant, sizeof tenant},
        {(const char *)numbers, sizeof numbers},
    };
    check(h->shard < slots->shards);
    return id128_reserve(sha256_id(pieces, array_len(pieces)), slots->ranges[h->shard].first);
}

struct house house_of(struct turn *t, enum managed_account purpose, struct id128 tenant_id,
                      uint16_t currency)
{
    return (struct house){
        .purpose = purpose,
        .shard = turn_shard(t),
        .tenant_id = tenant_id,
        .currency = currency,
    };
}

struct id128 house_own_id(struct turn *t, enum managed_account purpose, struct id128 tenant_id,
                          uint16_t currency)
{
    const struct house h = house_of(t, purpose, tenant_id, currency);
    return house_id(turn_slots(t), &h);
}

enum presence house_find(struct turn *t, const struct house *h)
{
    const struct account *account;
    check(h->shard == turn_shard(t));
    enum presence there = turn_find_account(t, house_id(turn_slots(t), h), &account);
    enum presence totals = ledger_totals_find(t, h->tenant_id, h->currency);
    return totals == PRESENCE_WAITING ? PRESENCE_WAITING : there;
}

void house_open(struct turn *t, const struct house *h)
{
    struct account_opened opened = {
        .account_id = house_id(turn_slots(t), h),
        .tenant_id = h->tenant_id,
        .currency = h->currency,
        .code = (uint16_t)h->purpose,
        .shard = h->shard,
        .flags = ACCOUNT_FLAGS_MANAGED,
        .has_name = true,
        .name = slice_of(house_rule(h)->name),
    };
    turn_emit(t, &account_opened_type, &opened);
}
