/* SPDX-License-Identifier: Apache-2.0 */
/* Owner: which wallets a person or company has. */
#include "actors/wallet/owner.h"

#include "actors/ledger/ledger_directory.h"
#include "actors/wallet/wallet.h"
#include "runtime/base/sha256.h"
#include "schemas/common.h"
#include "schemas/result.h"
#include "schemas/wallet_states.h"

struct id128 owner_key(struct id128 owner_id, uint16_t home)
{
    return id128_derive(owner_id, home);
}

struct id128 owner_id_of(const struct principal *who, struct slice user_id)
{
    const struct slice pieces[] = {who->tenant, {"", 1}, user_id};
    return sha256_id(pieces, array_len(pieces));
}

struct id128 owner_locate(const void *body, const struct principal *who, uint16_t shards)
{
    const struct wallet_open *open = body;
    struct id128 owner_id = open->has_user_id ? owner_id_of(who, open->user_id) : who->subject_id;
    return owner_key(owner_id, ledger_tenant_shard(who->tenant_id, shards));
}

struct id128 owner_wallet_of(const struct owner *o, uint16_t currency)
{
    for (uint32_t i = 0; o != NULL && i < o->wallets_count; i++)
        if (o->wallets[i].currency == currency)
            return o->wallets[i].wallet_id;
    return ID128_ZERO;
}

/* --- opening ---------------------------------------------------------------------------------- */

static uint16_t may_open(const struct owner *o, const struct principal *who,
                         const struct wallet_open *open)
{
    bool own = !open->has_user_id || slice_equal(open->user_id, who->subject);
    if (!own && !who->any_owner && !who->operator)
        return RESULT_FORBIDDEN;
    if (currency_by_number(open->currency) == NULL)
        return RESULT_CURRENCY_UNKNOWN;
    if (o != NULL && o->wallets_count == OWNER_WALLETS_MAX)
        return RESULT_OWNER_FULL;
    return RESULT_OK;
}

static enum turn_result on_open(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_open *open = m->body;
    const struct owner *o;
    enum presence found = turn_find_owner(t, self, &o);
    enum presence totals = funds_find(t, m->who.tenant_id, open->currency);
    if (found == PRESENCE_WAITING || totals == PRESENCE_WAITING)
        return TURN_WAIT;
    /* What does not exist yet has no version that If-Match could name. */
    if (!turn_version_matches(t, 0))
        return TURN_DONE;
    struct id128 existing = owner_wallet_of(o, open->currency);
    uint16_t code = may_open(o, &m->who, open);
    if (!id128_is_zero(existing) && code != RESULT_FORBIDDEN) {
        struct wallet_reference reference = {.wallet_id = existing};
        turn_reply(t, RESULT_WALLET_EXISTS, &wallet_reference_type, &reference, 0);
        return TURN_DONE;
    }
    if (code != RESULT_OK) {
        turn_refuse(t, code);
        return TURN_DONE;
    }
    struct slice user_id = open->has_user_id ? open->user_id : m->who.subject;
    struct wallet_opened opened = {
        .wallet_id = turn_new_id(t),
        .tenant_id = m->who.tenant_id,
        .owner_id = open->has_user_id ? owner_id_of(&m->who, user_id) : m->who.subject_id,
        .user_id = user_id,
        .currency = open->currency,
    };
    if (open->has_metadata)
        opened.metadata = open->metadata;
    return wallet_open_in_turn(t, &opened);
}

/* --- state ------------------------------------------------------------------------------------ */

static void replace_list(struct registry *r, struct owner *o, struct owner_wallet *wallets,
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
    struct owner_wallet *wallets = registry_alloc(r, (o->wallets_count + 1) * sizeof *wallets);
    if (o->wallets_count != 0)
        memcpy(wallets, o->wallets, o->wallets_count * sizeof *wallets);
    wallets[o->wallets_count] = w;
    replace_list(r, o, wallets, o->wallets_count + 1);
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
    replace_list(r, o, wallets, kept);
}

/* --- kind ------------------------------------------------------------------------------------- */

static const struct handler handlers[] = {
    {&wallet_open_type, on_open},
};

const struct actor_kind owner_kind = {
    .name = "owner",
    .number = KIND_OWNER,
    .state_size = sizeof(struct owner),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &owner_codec,
};
