/* SPDX-License-Identifier: Apache-2.0 */
/* The form of a chain over shards is looked at before its accounts are, for a group has no place
 * for what is kept aside by its asker, takes what there is, or ends another transfer. */
#include "actors/ledger/bulk_crossing.h"

#include <string.h>

#include "actors/ledger/account.h"
#include "actors/ledger/bulk.h"
#include "actors/ledger/group.h"
#include "actors/ledger/pending_transfer.h"
#include "actors/ledger/token.h"
#include "runtime/base/slot_map.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

#define PARCEL_FIRST 16 /* transfers that it has room for at first */

static bool names_no_account(struct id128 id)
{
    return id128_is_zero(id) || id128_is_max(id);
}

/* Can it be a leg of a group? */
static bool spec_fits(const struct transfer_spec *s)
{
    const bool holds = (s->flags & TRANSFER_FLAGS_PENDING) != 0;
    return leg_may_cross(s->flags) && !holds && !s->has_timeout_s && id128_is_zero(s->pending_id) &&
           !names_no_account(s->debit_account_id) && !names_no_account(s->credit_account_id);
}

static bool spec_away(struct turn *t, const struct transfer_spec *s)
{
    return !names_no_account(s->debit_account_id) && !names_no_account(s->credit_account_id) &&
           group_crosses(t, s->debit_account_id, s->credit_account_id);
}

/* Does it post or void what is held between two shards, or may be in another one? */
static bool spec_resolves_away(struct turn *t, const struct transfer_spec *s)
{
    const struct pending_transfer *h = NULL;
    if ((s->flags & POSTING_RESOLVES) == 0 || names_no_account(s->pending_id))
        return false;
    struct id128 home = transfer_home(s->debit_account_id, s->pending_id);
    enum presence there = turn_find_pending_transfer(t, s->pending_id, &h);
    if (there == PRESENCE_THERE && !pending_transfer_is_half(h))
        return h->crosses;
    return !turn_at_home(t, home) || there == PRESENCE_THERE;
}

bool bulk_crosses(struct turn *t, const struct bulk_crossing *c, uint32_t first, uint32_t count)
{
    bool away = false;
    check(count > 0);
    if (turn_slots(t)->shards == 1)
        return false;
    for (uint32_t i = first; i < first + count && !away; i++)
        away = spec_away(t, &c->specs[i]);
    return away || (count == 1 && spec_resolves_away(t, &c->specs[first]));
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

static uint32_t spec_marks(const struct bulk_crossing *c, uint32_t i)
{
    const struct transfer_spec *s = &c->specs[i];
    const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(s);
    bool reasoned = s->has_reason && !fields_blank(s->reason);
    return (c->who->adjusts ? TOKEN_MARKS_ADJUSTS : 0u) | (reasoned ? TOKEN_MARKS_REASONED : 0u) |
           (id_chosen(c, i) ? TOKEN_MARKS_ID_CHOSEN : 0u) |
           (transfer_note_any(&note) ? TOKEN_MARKS_NOTED : 0u);
}

static struct group_leg leg_asked_for(const struct bulk_crossing *c, uint32_t i)
{
    const struct transfer_spec *s = &c->specs[i];
    struct group_leg l = {.amount = 0};
    check(spec_fits(s));
    group_leg_from_transfer_spec(&l, s);
    l.amount = s->has_amount ? s->amount : 0;
    l.place = i;
    l.marks = spec_marks(c, i);
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

static struct group group_of(struct turn *t, struct id128 tenant_id, uint32_t legs)
{
    check(legs > 0 && legs <= GROUP_LEGS_MAX);
    return (struct group){
        .group_id = turn_new_id(t, turn_any_slot(t)),
        .tenant_id = tenant_id,
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .legs = turn_alloc(t, legs * sizeof(struct group_leg)),
    };
}

/* A shard is looked at before the first send to it: from then on something is on its way there. */
static bool bulk_may_open(struct turn *t, struct bulk_crossing *c, uint16_t shard)
{
    check(shard < turn_slots(t)->shards);
    if (c->reached == NULL)
        c->reached = turn_alloc(t, turn_slots(t)->shards * sizeof *c->reached);
    if (!c->reached[shard])
        c->reached[shard] = shard == turn_shard(t) || turn_may_open(t, shard);
    c->unreached |= !c->reached[shard];
    return c->reached[shard];
}

static void group_send(struct turn *t, struct bulk_crossing *c, struct group_way *w)
{
    const struct group *g = w->group;
    check(!g->has_transaction_id);
    group_reserve(t, w, c->bulk_id);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct transfer_note note = TRANSFER_NOTE_WITH_REASON_OF(&c->specs[g->legs[i].place]);
        if ((g->legs[i].marks & TOKEN_MARKS_NOTED) != 0)
            transfer_note_emit(t, g->tenant_id, g->legs[i].id, &note);
    }
    c->groups++;
    c->seen = true;
}

/* --- chains ----------------------------------------------------------------------------------- */

/* One of its ids travels already, or is that of one before it in the chain. */
static uint16_t chain_repeats(struct turn *t, const struct bulk_crossing *c, uint32_t first,
                              uint32_t count, uint32_t *failed)
{
    struct id_places own = {.cap = 0};
    check(count > 0);
    for (uint32_t i = first; i < first + count; i++) {
        *failed = i;
        if (bulk_has_id(c, c->specs[i].id))
            return RESULT_OUTCOME_PENDING;
        if (id_places_put(t, &own, c->specs[i].id) != i - first)
            return RESULT_EXISTS_WITH_DIFFERENT_FLAGS;
    }
    return RESULT_OK;
}

static uint16_t chain_send(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                           uint32_t *failed)
{
    struct group_way w;
    struct id128 tenant_id;
    uint16_t code = chain_repeats(t, c, first, count, failed);
    if (code == RESULT_OK)
        code = chain_form(t, c, first, count, failed);
    if (code != RESULT_OK)
        return code;
    if (chain_tenant(t, c, first, count, &tenant_id) == PRESENCE_WAITING)
        return BULK_WAITING;
    struct group g = group_of(t, tenant_id, count);
    for (uint32_t i = 0; i < count; i++)
        g.legs[g.legs_count++] = leg_asked_for(c, first + i);
    group_begin(t, &g, &w);
    w.spared = &c->earmarks;
    if (group_find(t, &w) == PRESENCE_WAITING)
        return BULK_WAITING;
    code = group_try(t, &w);
    for (uint32_t i = 1; i < w.stops && code == RESULT_OK; i++)
        code = bulk_may_open(t, c, w.line[i].shard) ? RESULT_OK : ERR_SHARD_UNAVAILABLE;
    if (code == RESULT_OK) {
        group_send(t, c, &w);
        return code;
    }
    *failed = first + w.failed_leg;
    c->seen |= code == RESULT_EXISTS || !group_unseen(t, &w, code);
    return code;
}

/* --- parcels ---------------------------------------------------------------------------------- */

static struct bulk_parcel *parcel_new(struct turn *t, struct bulk_crossing *c)
{
    if (c->parcel_count == c->parcel_cap) {
        const struct bulk_parcel *old = c->parcels;
        c->parcel_cap = 2 * c->parcel_cap + 4;
        c->parcels = turn_alloc(t, c->parcel_cap * sizeof *c->parcels);
        if (c->parcel_count > 0)
            memcpy(c->parcels, old, c->parcel_count * sizeof *c->parcels);
    }
    check(c->parcel_count < c->parcel_cap);
    return &c->parcels[c->parcel_count++];
}

/* One that has room for one more of these; the newest is usual. */
static struct bulk_parcel *parcel_for(struct turn *t, struct bulk_crossing *c,
                                      const struct transfer_spec *s, struct id128 tenant_id)
{
    uint16_t from = slot_map_home(turn_slots(t), s->debit_account_id);
    uint16_t to = slot_map_home(turn_slots(t), s->credit_account_id);
    check(from != turn_shard(t) || to != turn_shard(t));
    for (uint32_t i = c->parcel_count; i > 0; i--) {
        struct bulk_parcel *p = &c->parcels[i - 1];
        if (p->debit_shard == from && p->credit_shard == to &&
            p->group.legs_count < GROUP_LEGS_MAX && id128_equal(p->group.tenant_id, tenant_id))
            return p;
    }
    struct bulk_parcel *made = parcel_new(t, c);
    *made = (struct bulk_parcel){group_of(t, tenant_id, PARCEL_FIRST), from, to, PARCEL_FIRST};
    made->group.apart = true;
    return made;
}

static void parcel_put(struct turn *t, struct bulk_parcel *p, const struct group_leg *leg)
{
    struct group *g = &p->group;
    if (g->legs_count == p->cap) {
        const struct group_leg *old = g->legs;
        p->cap = 2 * p->cap < GROUP_LEGS_MAX ? 2 * p->cap : GROUP_LEGS_MAX;
        g->legs = turn_alloc(t, p->cap * sizeof *g->legs);
        memcpy(g->legs, old, g->legs_count * sizeof *g->legs);
    }
    check(g->legs_count < p->cap);
    g->legs[g->legs_count++] = *leg;
}

/* The other end of what has one here, or of what has none the credit end decides. */
static struct leg_between parcel_between(struct turn *t, const struct bulk_parcel *p)
{
    bool back = p->credit_shard == turn_shard(t);
    check(!back || p->debit_shard != turn_shard(t));
    return (struct leg_between){turn_shard(t), back ? p->debit_shard : p->credit_shard};
}

static uint16_t item_send(struct turn *t, struct bulk_crossing *c, uint32_t i)
{
    struct id128 tenant_id;
    const struct transfer_spec *s = &c->specs[i];
    if (bulk_has_id(c, s->id))
        return RESULT_OUTCOME_PENDING;
    if (chain_tenant(t, c, i, 1, &tenant_id) == PRESENCE_WAITING)
        return BULK_WAITING;
    struct bulk_parcel *p = parcel_for(t, c, s, tenant_id);
    const struct group_leg asked = leg_asked_for(c, i);
    parcel_put(t, p, &asked);
    struct leg l = leg_of(t, &p->group, p->group.legs_count - 1);
    l.posting.memo = &c->memo;
    uint16_t code = BULK_WAITING;
    if (leg_find(t, &l, parcel_between(t, p)) != PRESENCE_WAITING)
        code = leg_try(t, &l, &c->earmarks);
    if (code == RESULT_OK &&
        (!bulk_may_open(t, c, p->debit_shard) || !bulk_may_open(t, c, p->credit_shard)))
        code = ERR_SHARD_UNAVAILABLE;
    if (code != RESULT_OK) {
        p->group.legs_count--;
        c->seen |=
            code == RESULT_EXISTS || (code != BULK_WAITING && !posting_unseen(t, &l.posting, code));
        return code;
    }
    if (leg_here(&l.place))
        earmarks_add(t, &c->earmarks, &l.posting);
    uint32_t place = id_places_put(t, &c->ids, s->id);
    check(place + 1 == c->ids.count);
    return RESULT_OK;
}

/* --- items that their homes make -------------------------------------------------------------- */

/* Its debit account; of what posts or voids without naming that, as far as is known here. */
static struct id128 listed_home(struct turn *t, const struct transfer_spec *s)
{
    const struct pending_transfer *h;
    bool held = id128_is_zero(s->debit_account_id) &&
                turn_find_pending_transfer(t, s->pending_id, &h) == PRESENCE_THERE;
    return held ? h->debit_account_id : transfer_home(s->debit_account_id, s->pending_id);
}

static bool listed_may_open(struct turn *t, struct bulk_crossing *c, struct id128 id)
{
    return names_no_account(id) || bulk_may_open(t, c, slot_map_home(turn_slots(t), id));
}

static void listed_note(struct turn *t, struct bulk_crossing *c, uint32_t i, uint16_t shard)
{
    if (c->items == NULL)
        c->items = turn_alloc(t, c->count * sizeof *c->items);
    check(c->items_count < c->count);
    c->items[c->items_count++] = (struct bulk_item){i, shard};
    uint32_t place = id_places_put(t, &c->ids, c->specs[i].id);
    check(place + 1 == c->ids.count);
    c->groups++;
    c->seen = true;
}

static uint16_t listed_send(struct turn *t, struct bulk_crossing *c, uint32_t i)
{
    const struct transfer_spec *s = &c->specs[i];
    struct id128 home = listed_home(t, s);
    if (bulk_has_id(c, s->id))
        return RESULT_OUTCOME_PENDING;
    if (!listed_may_open(t, c, home) || !listed_may_open(t, c, s->credit_account_id))
        return ERR_SHARD_UNAVAILABLE;
    const struct listed_transfer m = {
        .home_id = home,
        .list_id = c->bulk_id,
        .place = i,
        .decide_until = turn_now(t) + TOKEN_PATIENCE_NS,
        .marks = spec_marks(c, i),
        .transfer = *s,
    };
    turn_send(t, &listed_transfer_type, &m);
    listed_note(t, c, i, slot_map_home(turn_slots(t), home));
    return RESULT_OK;
}

void bulk_send_parcels(struct turn *t, struct bulk_crossing *c)
{
    for (uint32_t i = 0; i < c->parcel_count; i++) {
        struct group_way w;
        if (c->parcels[i].group.legs_count == 0)
            continue;
        group_begin(t, &c->parcels[i].group, &w);
        check(w.at == 0 && w.between.decider == parcel_between(t, &c->parcels[i]).decider);
        group_send(t, c, &w);
    }
    c->parcel_count = 0;
}

uint16_t bulk_send(struct turn *t, struct bulk_crossing *c, uint32_t first, uint32_t count,
                   uint32_t *failed)
{
    check(turn_origin(t) == NULL);
    *failed = first;
    if (count > 1)
        return chain_send(t, c, first, count, failed);
    return spec_fits(&c->specs[first]) ? item_send(t, c, first) : listed_send(t, c, first);
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
