/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/wallet/funds_crossing.h"

#include "schemas/result.h"

struct token funds_token(struct turn *t, const struct message *m, const struct funds_move *move)
{
    const struct posting p = funds_transfer(move);
    struct token k = token_of(t, &p.transfer, &m->who);
    k.flags |= TRANSFER_FLAGS_MANAGED;
    k.has_tenant_id = !id128_equal(move->tenant_id, m->who.tenant_id);
    k.tenant_id = move->tenant_id;
    return k;
}

enum presence funds_prepare_token(struct turn *t, const struct message *m, struct token *k,
                                  struct token_end *e, uint16_t *code)
{
    if (token_find(t, &m->who, k, e) == PRESENCE_WAITING)
        return PRESENCE_WAITING;
    *code = token_check(t, k, e);
    if (*code == RESULT_OK && !turn_may_open(t, e->peer))
        *code = RESULT_SHARD_UNAVAILABLE;
    return PRESENCE_THERE;
}

bool funds_kept_for(const struct following *f, uint16_t code, struct id128 reference)
{
    const struct transfer_reserved *k = &f->kept;
    return (k->flags & TRANSFER_FLAGS_MANAGED) != 0 && k->code == code &&
           k->user_data_128 == ((u128)reference.hi << 64 | reference.lo);
}

const char *funds_token_fault(struct turn *t, const struct token *k, struct id128 self, bool brings)
{
    const char *fault = token_fault(t, k);
    if (fault != NULL)
        return fault;
    if (k->flags != TRANSFER_FLAGS_MANAGED || k->has_reverses_id)
        return "a token of a transfer that no service makes";
    return id128_equal(self, brings ? k->credit_account_id : k->debit_account_id)
               ? NULL
               : "a token of another wallet";
}

bool funds_follow(struct turn *t, struct id128 reservation_id, const struct decision *d,
                  struct following *f, enum turn_result *end)
{
    *end = TURN_DONE;
    if (turn_origin(t) == NULL) {
        turn_refuse(t, RESULT_UNSUPPORTED);
        return false;
    }
    enum presence there = posting_follow_find(t, reservation_id, f);
    if (there == PRESENCE_WAITING)
        *end = TURN_WAIT;
    else if (there == PRESENCE_ABSENT)
        *end = turn_fail(t, "a decision about nothing that is kept aside");
    const char *fault = there == PRESENCE_THERE ? posting_follow_fault(t, f, d) : NULL;
    if (fault != NULL)
        *end = turn_fail(t, fault);
    return there == PRESENCE_THERE && fault == NULL;
}
