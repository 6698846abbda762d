/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/group_share.h"

#include "runtime/actor/turn.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"

struct id128 group_share_id(struct id128 group_id, uint16_t slot)
{
    uint8_t id[16];
    check(!id128_is_zero(group_id));
    id128_store(group_id, id);
    const struct slice pieces[] = {slice_of("group share"), {(const char *)id, sizeof id}};
    return id128_derive(sha256_id(pieces, array_len(pieces)), slot);
}

enum presence group_share_find(struct turn *t, struct id128 share_id,
                               const struct group_share **share, const struct group_reserved **made)
{
    struct stored_event stored;
    enum presence there = turn_find_group_share(t, share_id, share);
    if (there != PRESENCE_THERE)
        return there;
    there = turn_find_decision(t, share_id, &stored);
    if (there == PRESENCE_WAITING)
        return there;
    check(there == PRESENCE_THERE && stored.number == GROUP_RESERVED_NUMBER);
    *made = stored.event;
    check(id128_equal((*made)->share_id, share_id));
    return PRESENCE_THERE;
}

enum presence group_share_find_leg(struct turn *t, struct id128 share_id, struct id128 transfer_id,
                                   struct group_memo *memo, const struct group_leg **leg,
                                   struct id128 *tenant_id)
{
    const struct group_share *share;
    struct group_memo read = {.made = NULL};
    struct group_memo *known = memo != NULL ? memo : &read;
    if (known->made == NULL || !id128_equal(known->share_id, share_id)) {
        enum presence there = group_share_find(t, share_id, &share, &known->made);
        if (there != PRESENCE_THERE) {
            known->made = NULL;
            return there;
        }
        known->share_id = share_id;
    }
    const struct group *g = &known->made->group;
    *tenant_id = g->tenant_id;
    for (uint32_t i = 0; i < g->legs_count; i++) {
        *leg = &g->legs[i];
        if (id128_equal(g->legs[i].id, transfer_id))
            return PRESENCE_THERE;
    }
    return PRESENCE_ABSENT;
}
