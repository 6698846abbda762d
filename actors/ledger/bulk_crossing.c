/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a chain over shards is looked at before its accounts are, for a group has no place
 * for what is kept aside by its asker, takes what there is, or ends another transfer. */
#include "actors/ledger/bulk_crossing.h"

#include "actors/ledger/account.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/group.h"
#include "actors/ledger/token.h"
#include "runtime/base/slot_map.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

static bool names_no_account(struct id128 id)
{
    return id128_is_zero(id) || id128_is_max(id);
}

/* Can it be a leg of a group? */
static bool spec_fits(const struct transfer_spec *s)
{
    return leg_may_cross(s->flags) && !s->has_timeout_s && id128_is_zero(s->pending_id) &&
           !names_no_account(s->debit_account_id) && !names_no_account(s->credit_account_id);
}

static bool spec_away(struct turn *t, const struct transfer_spec *s)
{
    return !names_no_account(s->debit_account_id) && !names_no_account(s->credit_account_id) &&
           group_crosses(t, s->debit_account_id, s->credit_account_id);
}

bool bulk_crosses(struct turn *t, const struct bulk_crossing *c, uint32_t first, uint32_t count)
{
    bool away = false;
    check(count > 0);
    if (turn_slots(t)->shards == 1)
        return false;
    for (uint32_t i = first; i < first + count && !away; i++)
        away = spec_away(t, &c->specs[i]);
    return away && (count > 1 || spec_fits(&c->specs[first]));
}

static bool id_chosen(const struct bulk_crossing *c, uint32_t i)
{
    return c->asked == NULL || c->asked[i].has_transfer_id;
}

/* --- its form --------------------------------------------------------------------------------- */

/* What stands against an item that is no leg. */
static uint16_t spec_refusal(struct turn *t, struct bulk_crossing *c, uint32_t i)
{
    struct posting p = {.transfer = c->specs[i],
                        .tenant_id = c->who->tenant_id,
                        .any_tenant = c->who->operator,
                        .adjusts = c->who->adjusts };
    check(!spec_fits(&c->specs[i]) || i >= GROUP_LEGS_MAX);
    if (posting_find(t, &p) == PRESENCE_WAITING)
        return BULK_WAITING;
    uint16_t code = posting_check(t, &p);
    if (code == RESULT_OK)
        code = RESULT_ACCOUNTS_IN_DIFFERENT_SHARDS;
    c->seen |= code == RESULT_EXISTS || !posting_unseen(t, &p, code);
    return code;
}

static uint16_t chain_form(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                           uint32_t *failed)
{
    check(count > 0);
    for (uint32_t i = first; i < first + count; i++) {
        if (spec_fits(&c->specs[i]) && i - first < GROUP_LEGS_MAX)
            continue;
        *failed = i;
        return spec_refusal(t, c, i);
    }
    return RESULT_OK;
}

/* --- its group -------------------------------------------------------------------------------- */

static struct group_leg leg_asked_for(const struct bulk_crossing *c, uint32_t i)
{
    const struct transfer_spec *s = &c->specs[i];
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    bool reasoned = s->has_reason && !fields_blank(s->reason);
    struct group_leg l = {.amount = 0};
    check(spec_fits(s));
    group_leg_from_transfer_spec(&l, s);
    l.amount = s->has_amount ? s->amount : 0;
    l.place = i;
    l.marks = (c->who->adjusts ? TOKEN_MARKS_ADJUSTS : 0u) |
              (reasoned ? TOKEN_MARKS_REASONED : 0u) |
              (id_chosen(c, i) ? TOKEN_MARKS_ID_CHOSEN : 0u) |
              (transfer_note_any(&note) ? TOKEN_MARKS_NOTED : 0u);
    return l;
}

/* An operator acts for the tenant of the first account that is here. */
static enum presence chain_tenant(struct turn *t, const struct bulk_crossing *c, uint32_t first,
                                  uint32_t count, struct id128 *tenant_id)
{
    struct id128 here = c->specs[0].debit_account_id;
    const struct account *found = NULL;
    *tenant_id = c->who->tenant_id;
    if (!c->who->operator)
        return PRESENCE_THERE;
    for (uint32_t i = first + count; i > first; i--) {
        const struct transfer_spec *s = &c->specs[i - 1];
        if (turn_at_home(t, s->credit_account_id))
            here = s->credit_account_id;
        if (turn_at_home(t, s->debit_account_id))
            here = s->debit_account_id;
    }
    if (names_no_account(here) || !turn_at_home(t, here))
        return PRESENCE_ABSENT;
    enum presence there = turn_find_account(t, here, &found);
    if (there == PRESENCE_THERE)
        *tenant_id = found->tenant_id;
    return there;
}

static struct group chain_group(struct turn *t, const struct bulk_crossing *c, uint32_t first,
                                uint32_t count)
{
    struct group g = {
        .group_id = turn_new_id(t, turn_any_slot(t)),
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .legs = turn_alloc(t, count * sizeof *g.legs),
        .legs_count = count,
    };
    check(count <= GROUP_LEGS_MAX);
    for (uint32_t i = 0; i < count; i++)
        g.legs[i] = leg_asked_for(c, first + i);
    return g;
}

/* A shard is looked at before the first send to it: from then on something is on its way there. */
static bool bulk_may_open(struct turn *t, struct bulk_crossing *c, const struct group_way *w)
{
    check(w->at == 0);
    if (c->reached == NULL)
        c->reached = turn_alloc(t, turn_slots(t)->shards * sizeof *c->reached);
    for (uint32_t i = 1; i < w->stops; i++) {
        uint16_t shard = w->line[i].shard;
        if (!c->reached[shard] && !turn_may_open(t, shard))
            return false;
        c->reached[shard] = true;
    }
    return true;
}

static void group_send(struct turn *t, struct bulk_crossing *c, struct group_way *w)
{
    const struct group *g = w->group;
    check(!g->has_transaction_id);
    group_reserve(t, w, c->bulk_id);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(&c->specs[g->legs[i].place]);
        transfer_note_emit(t, g->tenant_id, g->legs[i].id, &note);
    }
    c->groups++;
    c->seen = true;
}

uint16_t bulk_send(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                   uint32_t *failed)
{
    struct group_way w;
    struct id128 tenant_id;
    check(turn_origin(t) == NULL);
    uint16_t code = chain_form(t, c, first, count, failed);
    if (code != RESULT_OK)
        return code;
    if (chain_tenant(t, c, first, count, &tenant_id) == PRESENCE_WAITING)
        return BULK_WAITING;
    struct group g = chain_group(t, c, first, count);
    g.tenant_id = tenant_id;
    group_begin(t, &g, &w);
    if (group_find(t, &w) == PRESENCE_WAITING)
        return BULK_WAITING;
    code = group_try(t, &w);
    if (code == RESULT_OK && !bulk_may_open(t, c, &w)) {
        c->unreached = true;
        code = ERR_SHARD_UNAVAILABLE;
    }
    if (code == RESULT_OK) {
        group_send(t, c, &w);
        return code;
    }
    *failed = first + w.failed_leg;
    c->seen |= code == RESULT_EXISTS || !group_unseen(t, &w, code);
    return code;
}

void bulk_prepare(struct turn *t, const struct bulk_crossing *c, uint32_t i)
{
    struct posting p = {
        .transfer = c->specs[i], .tenant_id = c->who->tenant_id, .any_tenant = c->who->operator};
    bool named = !names_no_account(p.transfer.debit_account_id) &&
                 !names_no_account(p.transfer.credit_account_id);
    check(turn_origin(t) == NULL);
    p.debit_away = named && !turn_at_home(t, p.transfer.debit_account_id);
    p.credit_away = named && !turn_at_home(t, p.transfer.credit_account_id);
    posting_prepare(t, &p);
}
