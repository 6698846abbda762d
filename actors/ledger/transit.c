/* SPDX-License-Identifier: Apache-2.0 */
/* The id is reserved, as that of any account that no client opened: no client may choose it. */
#include "actors/ledger/transit.h"

#include "actors/ledger/account.h"
#include "runtime/base/sha256.h"
#include "runtime/base/slot_map.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

#define TRANSIT_CODE 1

uint16_t transit_slot(struct turn *t)
{
    uint16_t slot = turn_slots(t)->ranges[turn_shard(t)].first;
    check(slot_map_shard(turn_slots(t), slot) == turn_shard(t));
    return slot;
}

/* Who an account of money in transit is for. */
struct transit_pair {
    struct id128 tenant_id;
    uint16_t slot, peer, currency;
};

/* Ids that the thread has worked out: each step of what crosses needs one of a few, and hashing
 * took a fifth of the time of a list between two shards. What stands there is what would come out
 * anew; currency 0 is a free place. */
#define TRANSIT_KNOWN 64
static _Thread_local struct {
    struct transit_pair pair;
    struct id128 id;
} known[TRANSIT_KNOWN];

static struct id128 transit_hash(uint16_t slot, uint16_t peer, struct id128 tenant_id,
                                 uint16_t currency)
{
    uint8_t bytes[16 + 6];
    check(currency != 0);
    check(!id128_is_zero(tenant_id));
    const uint16_t numbers[] = {slot, peer, currency};
    id128_store(tenant_id, bytes);
    for (size_t i = 0; i < array_len(numbers); i++) {
        bytes[16 + 2 * i] = (uint8_t)(numbers[i] >> 8);
        bytes[17 + 2 * i] = (uint8_t)numbers[i];
    }
    const struct slice pieces[] = {slice_of("transit"), {(const char *)bytes, sizeof bytes}};
    return id128_reserve(sha256_id(pieces, array_len(pieces)), slot);
}

struct id128 transit_id(uint16_t slot, uint16_t peer, struct id128 tenant_id, uint16_t currency)
{
    uint64_t mixed =
        tenant_id.hi ^ tenant_id.lo ^ ((uint64_t)slot << 7) ^ ((uint64_t)peer << 3) ^ currency;
    size_t place = (size_t)((mixed * 0x9e3779b97f4a7c15u) >> 58);
    static_assert(TRANSIT_KNOWN == 1 << (64 - 58), "the place is of the first six bits");
    const struct transit_pair *p = &known[place].pair;
    if (p->currency != currency || p->slot != slot || p->peer != peer ||
        !id128_equal(p->tenant_id, tenant_id)) {
        known[place].id = transit_hash(slot, peer, tenant_id, currency);
        known[place].pair = (struct transit_pair){tenant_id, slot, peer, currency};
    }
    return known[place].id;
}

enum presence transit_find(struct turn *t, const struct account *own, uint16_t peer)
{
    const struct account *transit;
    check(peer != turn_shard(t));
    struct id128 id = transit_id(transit_slot(t), peer, own->tenant_id, own->currency);
    return turn_find_account(t, id, &transit);
}

bool transit_is(const struct account *a, struct id128 id)
{
    return a->opened_time == 0 && id128_is_reserved(id);
}

uint16_t transit_peer(struct turn *t, const struct account *a, struct id128 id)
{
    uint16_t peer = 0, slot = transit_slot(t);
    check(transit_is(a, id));
    while (!id128_equal(transit_id(slot, peer, a->tenant_id, a->currency), id))
        check(++peer < turn_slots(t)->shards);
    return peer;
}

struct account *transit_state(struct registry *r, struct id128 id, struct id128 tenant_id,
                              uint16_t currency)
{
    struct account *a = registry_state_if(r, KIND_ACCOUNT, id);
    if (a == NULL) {
        a = registry_create(r, KIND_ACCOUNT, id);
        a->tenant_id = tenant_id;
        a->currency = currency;
        a->code = TRANSIT_CODE;
        a->version = 1;
    }
    check(transit_is(a, id));
    check(a->currency == currency);
    check(id128_equal(a->tenant_id, tenant_id));
    return a;
}
