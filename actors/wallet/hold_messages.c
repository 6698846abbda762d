/* SPDX-License-Identifier: Apache-2.0 */
/* Placing, capturing and releasing a hold. Each handler finds the hold, its wallet and what the
 * ledger needs, then posts, resolves or voids the pending transfer of the hold's id and emits the
 * hold's event in the same turn. */
#include "actors/wallet/hold_messages.h"

#include "actors/ledger/token.h"
#include "actors/wallet/hold.h"
#include "actors/wallet/wallet_crossing.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/wallet_states.h"

static enum turn_result hold_reply(struct turn *t, struct id128 id)
{
    const struct wallet_hold_info info = hold_shown(id, turn_found_hold(t, id));
    turn_reply(t, RESULT_OK, &wallet_hold_info_type, &info, info.version);
    return TURN_DONE;
}

/* --- placing ---------------------------------------------------------------------------------- */

enum turn_result hold_on_create(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_hold_create *create = m->body;
    struct wallet_ref w;
    enum turn_result end;
    if (!wallet_enter(t, self, &w, &end))
        return end;
    u128 amount = 0;
    uint16_t code =
        wallet_amount(w.wallet, create->amount, create->has_currency, create->currency, &amount);
    if (code == RESULT_OK)
        code = wallet_check_debit(w.wallet, amount, turn_time(t));
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct id128 hold_id = turn_new_id(t, id128_slot(self));
    struct funds_move move = {
        .id = hold_id,
        .tenant_id = w.wallet->tenant_id,
        .from = self,
        .to = house_own_id(t, MANAGED_CLEARING, w.wallet->tenant_id, w.wallet->currency),
        .reference = hold_id,
        .amount = amount,
        .currency = w.wallet->currency,
        .code = MANAGED_HOLD,
    };
    struct posting p = funds_pending(&move);
    if (!funds_post(t, &p, &end))
        return end;
    struct wallet_hold_placed placed = {
        .hold_id = hold_id,
        .wallet_id = self,
        .amount = amount,
        .currency = w.wallet->currency,
        .expires_at = turn_time(t) + wallet_life_ns(create->has_expires_in_s, create->expires_in_s),
        .has_description = create->has_description,
        .description = create->description,
        .metadata = create->metadata,
    };
    turn_emit(t, &wallet_hold_placed_type, &placed);
    return hold_reply(t, hold_id);
}

/* --- finding ---------------------------------------------------------------------------------- */

struct hold_ref {
    const struct hold *hold;
    struct wallet_ref wallet;
};

/* Finds a hold that belongs to the wallet named in the request and that the caller may see. false:
 * the turn ends with *end. */
static bool hold_enter(struct turn *t, struct id128 self, struct id128 wallet_id,
                       struct hold_ref *ref, enum turn_result *end)
{
    enum presence hold_there = turn_find_hold(t, self, &ref->hold);
    enum presence wallet_there = wallet_find(t, wallet_id, &ref->wallet);
    *end = TURN_WAIT;
    if (hold_there == PRESENCE_WAITING || wallet_there == PRESENCE_WAITING)
        return false;
    *end = TURN_DONE;
    const struct wallet *w = ref->wallet.wallet;
    if (hold_there == PRESENCE_ABSENT || wallet_there == PRESENCE_ABSENT ||
        !id128_equal(ref->hold->wallet_id, wallet_id) ||
        !turn_may_see(t, w->tenant_id, w->owner_id)) {
        turn_refuse(t, RESULT_NOT_FOUND);
        return false;
    }
    return turn_version_matches(t, ref->hold->version);
}

enum turn_result hold_on_get(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_hold_get *get = m->body;
    struct hold_ref ref;
    enum turn_result end;
    if (!hold_enter(t, self, get->wallet_id, &ref, &end))
        return end;
    return hold_reply(t, self);
}

/* --- capturing -------------------------------------------------------------------------------- */

static uint16_t hold_capture_amount(struct turn *t, const struct hold_ref *ref,
                               const struct wallet_hold_capture *capture, u128 *amount)
{
    /* The timeout may be late: the node was down, or the store takes no writes. */
    if (!hold_open(ref->hold) || turn_now(t) >= ref->hold->expires_at)
        return RESULT_HOLD_NOT_OPEN;
    if (ref->hold->has_capturing && !MUTANT(CAPTURE_AGAIN))
        return RESULT_CAPTURE_UNDER_WAY;
    *amount = ref->hold->remaining;
    if (capture->has_currency && capture->currency != ref->hold->currency)
        return RESULT_CURRENCY_MISMATCH;
    if (!capture->has_amount)
        return RESULT_OK;
    uint16_t code = wallet_amount(ref->wallet.wallet, capture->amount, false, 0, amount);
    if (code == RESULT_OK && *amount > ref->hold->remaining)
        return RESULT_CAPTURE_EXCEEDS_HOLD;
    return code;
}

enum turn_result hold_on_capture(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_hold_capture *capture = m->body;
    struct hold_ref ref;
    struct wallet_ref to;
    enum turn_result end;
    enum presence found = PRESENCE_ABSENT;
    if (capture->has_to_wallet_id)
        found = wallet_find(t, capture->to_wallet_id, &to);
    if (!hold_enter(t, self, capture->wallet_id, &ref, &end))
        return end;
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    u128 amount = 0;
    uint16_t code = hold_capture_amount(t, &ref, capture, &amount);
    if (code == RESULT_OK)
        code = wallet_check_capture(ref.wallet.wallet, &m->who);
    bool crosses = capture->has_to_wallet_id && token_crosses(t, self, capture->to_wallet_id);
    if (code == RESULT_OK && capture->has_to_wallet_id && !crosses)
        code = wallet_check_destination(&ref.wallet, found, &to);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    u128 rest = ref.hold->remaining - amount;
    bool keep_rest = rest != 0 && !(capture->has_final && capture->final);
    const struct wallet *w = ref.wallet.wallet;
    struct funds_move move = {
        .id = turn_new_id(t, id128_slot(self)),
        .tenant_id = w->tenant_id,
        .reference = self,
        .amount = amount,
        .currency = w->currency,
        .code = MANAGED_HOLD_FORWARD,
    };
    struct posting post = funds_capture(&move, self, keep_rest);
    move.id = turn_new_id(t, id128_slot(self));
    move.from = house_own_id(t, MANAGED_CLEARING, w->tenant_id, w->currency);
    move.to = capture->to_wallet_id;
    if (crosses) {
        struct hold_capture c = {self, amount, !keep_rest, post, move};
        return hold_cross(t, m, &c);
    }
    struct posting forward = funds_transfer(&move);
    bool waiting = posting_find(t, &post) == PRESENCE_WAITING;
    if (capture->has_to_wallet_id)
        waiting |= posting_find(t, &forward) == PRESENCE_WAITING;
    if (waiting)
        return TURN_WAIT;
    code = funds_post_both(t, &post, capture->has_to_wallet_id ? &forward : NULL);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    struct wallet_hold_captured captured = {self, amount, keep_rest ? 0 : rest, move.currency};
    turn_emit(t, &wallet_hold_captured_type, &captured);
    return hold_reply(t, self);
}

/* --- extending -------------------------------------------------------------------------------- */

enum turn_result hold_on_extend(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_hold_extend *extend = m->body;
    struct hold_ref ref;
    enum turn_result end;
    if (!hold_enter(t, self, extend->wallet_id, &ref, &end))
        return end;
    struct wallet_hold_extended extended = {.hold_id = self};
    uint16_t code = RESULT_HOLD_NOT_OPEN;
    if (ref.hold->has_capturing)
        code = RESULT_CAPTURE_UNDER_WAY;
    else if (hold_open(ref.hold) && turn_now(t) < ref.hold->expires_at)
        code = wallet_expiry_after(t, extend->has_expires_in_s, extend->expires_in_s,
                                   ref.hold->expires_at, &extended.expires_at);
    if (code != RESULT_OK)
        return wallet_refuse(t, code);
    turn_emit(t, &wallet_hold_extended_type, &extended);
    return hold_reply(t, self);
}

/* --- releasing -------------------------------------------------------------------------------- */

/* The posting that gives back what the hold still keeps. */
static struct posting hold_void(struct turn *t, struct id128 self, const struct wallet *w)
{
    struct funds_move move = {
        .id = turn_new_id(t, id128_slot(self)), .tenant_id = w->tenant_id, .currency = w->currency};
    return funds_void(&move, self);
}

enum turn_result hold_on_release(struct turn *t, struct id128 self, const struct message *m)
{
    const struct wallet_hold_release *release = m->body;
    struct hold_ref ref;
    enum turn_result end;
    if (!hold_enter(t, self, release->wallet_id, &ref, &end))
        return end;
    if (!hold_open(ref.hold) || ref.hold->has_capturing)
        return wallet_refuse(t,
                             hold_open(ref.hold) ? RESULT_CAPTURE_UNDER_WAY : RESULT_HOLD_NOT_OPEN);
    struct posting p = hold_void(t, self, ref.wallet.wallet);
    if (!funds_post(t, &p, &end))
        return end;
    struct wallet_hold_released released = {self};
    turn_emit(t, &wallet_hold_released_type, &released);
    return hold_reply(t, self);
}

enum turn_result hold_on_timeout(struct turn *t, struct id128 self)
{
    const struct hold *h;
    enum presence found = turn_find_hold(t, self, &h);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    if (found == PRESENCE_ABSENT || !hold_open(h) || turn_now(t) < h->expires_at ||
        (h->has_capturing && !MUTANT(EXPIRE_CAPTURED)))
        return TURN_DONE;
    struct wallet_ref w;
    if (wallet_find(t, h->wallet_id, &w) == PRESENCE_WAITING)
        return TURN_WAIT;
    check(w.wallet != NULL);
    uint16_t code;
    struct posting p = hold_void(t, self, w.wallet);
    if (funds_prepare(t, &p, &code) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (code != RESULT_OK)
        return turn_fail(t, "an expired hold cannot be released");
    posting_emit(t, &p);
    struct wallet_hold_expired expired = {self};
    turn_emit(t, &wallet_hold_expired_type, &expired);
    return TURN_DONE;
}
