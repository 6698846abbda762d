/* SPDX-License-Identifier: Apache-2.0 */
/* The list of an owner's wallets is never changed in place: a change makes a new one, so that the
 * turn can still be undone. */
#include "actors/wallet/owner.h"

#include "actors/wallet/owner_messages.h"
#include "schemas/common.h"
#include "schemas/result.h"
#include "schemas/wallet_states.h"

struct id128 owner_key(struct id128 owner_id)
{
    return id128_derive(owner_id, id128_slot(owner_id));
}

struct id128 owner_wallet_of(const struct owner *o, uint16_t currency)
{
    for (uint32_t i = 0; o != NULL && i < o->wallets_count; i++)
        if (o->wallets[i].currency == currency)
            return o->wallets[i].wallet_id;
    return ID128_ZERO;
}

static void owner_replace_list(struct registry *r, struct owner *o, struct owner_wallet *wallets,
                         uint32_t count)
{
    registry_free(r, o->wallets);
    o->wallets = wallets;
    o->wallets_count = count;
}

void owner_wallet_add(struct registry *r, struct id128 key, struct owner_wallet w)
{
    struct owner *o = registry_state_if(r, KIND_OWNER, key);
    if (o == NULL)
        o = registry_create(r, KIND_OWNER, key);
    check(o->wallets_count < OWNER_WALLETS_MAX);
    check(id128_is_zero(owner_wallet_of(o, w.currency)));
    struct owner_wallet *wallets = registry_alloc(r, (o->wallets_count + 1) * sizeof *wallets);
    if (o->wallets_count != 0)
        memcpy(wallets, o->wallets, o->wallets_count * sizeof *wallets);
    wallets[o->wallets_count] = w;
    owner_replace_list(r, o, wallets, o->wallets_count + 1);
}

void owner_wallet_drop(struct registry *r, struct id128 key, struct id128 wallet_id)
{
    struct owner *o = registry_owner(r, key);
    check(o->wallets_count > 0);
    struct owner_wallet *wallets = NULL;
    uint32_t kept = 0;
    if (o->wallets_count > 1)
        wallets = registry_alloc(r, (o->wallets_count - 1) * sizeof *wallets);
    for (uint32_t i = 0; i < o->wallets_count; i++) {
        if (id128_equal(o->wallets[i].wallet_id, wallet_id))
            continue;
        check(kept < o->wallets_count - 1);
        wallets[kept++] = o->wallets[i];
    }
    check(kept == o->wallets_count - 1);
    owner_replace_list(r, o, wallets, kept);
}

static const struct handler handlers[] = {
    {&wallet_open_type, owner_on_wallet_open},
};

const struct actor_kind owner_kind = {
    .name = "owner",
    .number = KIND_OWNER,
    .state_size = sizeof(struct owner),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &owner_codec,
};
