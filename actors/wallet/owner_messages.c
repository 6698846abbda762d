/* SPDX-License-Identifier: Apache-2.0 */
/* The owner's actor decides, so that two requests at once cannot open two wallets of one currency:
 * its turns run one after the other, and the wallet is opened in the same turn. If the wallet
 * exists, the refusal names it, but only to a caller who may open it. */
#include "actors/wallet/owner_messages.h"

#include "actors/common/owner_id.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/wallet/owner.h"
#include "actors/wallet/wallet_messages.h"
#include "schemas/common.h"
#include "schemas/result.h"
#include "schemas/wallet_states.h"

struct place owner_locate(const void *body, const struct principal *who, uint16_t any)
{
    (void)any;
    const struct wallet_open *open = body;
    struct id128 owner_id = open->has_user_id ? owner_id_of(who, open->user_id) : who->subject_id;
    return place_of(owner_key(owner_id));
}

static uint16_t may_open(const struct owner *o, const struct principal *who,
                         const struct wallet_open *open)
{
    bool own = !open->has_user_id || slice_equal(open->user_id, who->subject);
    if (!own && !who->any_owner && !who->operator)
        return RESULT_INSUFFICIENT_SCOPE;
    if (currency_by_number(open->currency) == NULL)
        return RESULT_CURRENCY_UNKNOWN;
    if (o != NULL && o->wallets_count == OWNER_WALLETS_MAX)
        return RESULT_OWNER_FULL;
    return RESULT_OK;
}

enum turn_result owner_on_wallet_open(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_open *open = m->body;
    const struct owner *o;
    enum presence found = turn_find_owner(t, self, &o);
    enum presence totals = ledger_totals_find(t, m->who.tenant_id, open->currency);
    if (found == PRESENCE_WAITING || totals == PRESENCE_WAITING)
        return TURN_WAIT;
    /* What does not exist yet has no version that If-Match could name. */
    if (!turn_version_matches(t, 0))
        return TURN_DONE;
    struct id128 existing = owner_wallet_of(o, open->currency);
    uint16_t code = may_open(o, &m->who, open);
    if (!id128_is_zero(existing) && code != RESULT_INSUFFICIENT_SCOPE) {
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
        .wallet_id = turn_new_id(t, id128_slot(self)),
        .tenant_id = m->who.tenant_id,
        .owner_id = open->has_user_id ? owner_id_of(&m->who, user_id) : m->who.subject_id,
        .user_id = user_id,
        .currency = open->currency,
    };
    if (open->has_metadata)
        opened.metadata = open->metadata;
    return wallet_open_in_turn(t, &opened);
}
