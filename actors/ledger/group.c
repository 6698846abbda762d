/* SPDX-License-Identifier: Apache-2.0 */
/* To see whether its legs may be made a shard makes them, one after the other, so that each is
 * checked against what those before it left; one that only keeps its part aside then takes all of
 * that back. Following asserts nothing but that the money is there. */
#include "actors/ledger/group.h"

#include "actors/ledger/account.h"
#include "actors/ledger/ledger_totals.h"
#include "actors/ledger/transfer.h"
#include "actors/ledger/transit.h"
#include "runtime/base/mutant.h"
#include "runtime/base/slot_map.h"
#include "schemas/common.h"
#include "schemas/ledger_states.h"
#include "schemas/result.h"

bool group_crosses(struct turn *t, struct id128 debit_account_id, struct id128 credit_account_id)
{
    return !turn_at_home(t, debit_account_id) || !turn_at_home(t, credit_account_id);
}

/* --- the line --------------------------------------------------------------------------------- */

static void line_add(struct turn *t, struct group_way *w, struct id128 account_id)
{
    uint16_t shard = slot_map_home(turn_slots(t), account_id);
    check(!id128_is_zero(account_id));
    for (uint32_t i = 0; i < w->stops; i++) {
        struct group_stop *s = &w->line[i];
        if (s->shard != shard)
            continue;
        if (id128_is_zero(s->account_id))
            s->account_id = account_id;
        return;
    }
    check(w->stops < GROUP_SHARDS_MAX);
    w->line[w->stops++] = (struct group_stop){shard, account_id};
}

void group_begin(struct turn *t, struct group *g, struct group_way *w)
{
    check(g->legs_count > 0 && g->legs_count <= GROUP_LEGS_MAX);
    check(!id128_is_zero(g->tenant_id));
    *w = (struct group_way){.group = g, .stops = 1};
    w->line[0].shard = slot_map_home(turn_slots(t), g->group_id);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        line_add(t, w, g->legs[i].debit_account_id);
        line_add(t, w, g->legs[i].credit_account_id);
    }
    check(w->stops > 1);
    while (w->at < w->stops && w->line[w->at].shard != turn_shard(t))
        w->at++;
    check(w->at < w->stops);
    w->between = (struct leg_between){w->line[0].shard, w->line[w->stops - 1].shard};
}

bool group_decides(const struct group_way *w)
{
    check(w->at < w->stops);
    return w->at + 1 == w->stops;
}

static struct id128 way_share(const struct group_way *w, uint32_t stop)
{
    const struct group *g = w->group;
    check(stop < w->stops);
    return stop == 0 ? group_home_share(g)
                     : group_share_id(g->group_id, id128_slot(w->line[stop].account_id));
}

bool group_may_open(const struct turn *t, const struct group_way *w)
{
    check(w->at == 0);
    for (uint32_t i = 1; i < w->stops; i++)
        if (!turn_may_open(t, w->line[i].shard))
            return false;
    return true;
}

/* --- finding and checking --------------------------------------------------------------------- */

enum presence group_find(struct turn *t, const struct group_way *w)
{
    bool waiting = false;
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        struct leg l = leg_of(t, w->group, i);
        waiting |= leg_find(t, &l, w->between) == PRESENCE_WAITING;
    }
    return waiting ? PRESENCE_WAITING : PRESENCE_THERE;
}

bool group_unseen(struct turn *t, const struct group_way *w, uint16_t code)
{
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        struct leg l = leg_of(t, w->group, i);
        enum presence there = posting_find(t, &l.posting);
        check(there == PRESENCE_THERE);
        if (!posting_unseen(t, &l.posting, code))
            return false;
    }
    return true;
}

/* Makes what this shard has of each leg; whoever only looks takes it back. */
static uint16_t group_make(struct turn *t, struct group_way *w, uint64_t decided_time)
{
    check(decided_time != 0);
    const struct turn_savepoint start = turn_savepoint(t);
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        struct leg l = leg_of(t, w->group, i);
        if (!leg_here(&l) && w->at > 0 && !group_decides(w))
            continue;
        enum presence there = leg_find(t, &l, w->between);
        check(there == PRESENCE_THERE);
        uint16_t code = leg_check(t, &l);
        if (code != RESULT_OK) {
            w->failed_leg = i;
            turn_rollback(t, start);
            return code;
        }
        const struct leg_posted e = leg_event(t, w->group, i, w->between, decided_time);
        if (leg_here(&l) || group_decides(w))
            turn_emit(t, &leg_posted_type, &e);
    }
    return RESULT_OK;
}

/* --- what is kept aside ----------------------------------------------------------------------- */

/* The legs of an account so far. */
struct level {
    u128 taken, brought;
};

static uint32_t kept_of(struct group_reserved *r, struct id128 account_id, uint16_t currency)
{
    uint32_t i = 0;
    check(!id128_is_zero(account_id));
    while (i < r->kept_count && !id128_equal(r->kept[i].account_id, account_id))
        i++;
    if (i == r->kept_count)
        r->kept[r->kept_count++] =
            (struct group_kept){.account_id = account_id, .currency = currency};
    return i;
}

/* One leg more: does it take or bring more than all before it together? */
static void kept_raise(struct group_kept *k, struct level *l, bool debit, u128 amount)
{
    u128 *sum = debit ? &l->taken : &l->brought;
    bool fits = u128_add(*sum, amount, sum);
    check(fits); /* all sums of the ledger had room for it */
    u128 debits = l->taken > l->brought ? l->taken - l->brought : 0;
    u128 credits = l->brought > l->taken ? l->brought - l->taken : 0;
    if (MUTANT(KEEP_SUM) || debits > k->debits)
        k->debits = debits;
    if (MUTANT(KEEP_SUM) || credits > k->credits)
        k->credits = credits;
}

/* Of a currency: what this shard keeps aside, and what its sums will grow by in the end. */
struct growth {
    uint16_t currency;
    u128 kept, moved;
    bool overflows;
};

static struct growth *growth_of(struct growth *all, uint32_t *count, uint16_t currency)
{
    uint32_t i = 0;
    while (i < *count && all[i].currency != currency)
        i++;
    if (i == *count)
        all[(*count)++] = (struct growth){.currency = currency};
    check(*count <= GROUP_LEGS_MAX);
    return &all[i];
}

static void growth_add(struct growth *g, u128 *sum, u128 amount)
{
    g->overflows |= !u128_add(*sum, amount, sum);
}

/* Promises what the sums will grow by beyond what is kept aside; false: they have no room. */
static bool group_promise(struct turn *t, struct group_reserved *r, const struct group *g)
{
    struct growth all[GROUP_LEGS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < g->legs_count; i++) {
        struct growth *of = growth_of(all, &count, g->legs[i].currency);
        if (turn_at_home(t, g->legs[i].debit_account_id) ||
            turn_at_home(t, g->legs[i].credit_account_id))
            growth_add(of, &of->moved, g->legs[i].amount);
    }
    for (uint32_t i = 0; i < r->kept_count; i++) {
        const struct account *a = turn_found_account(t, r->kept[i].account_id);
        struct growth *of = growth_of(all, &count, a->currency);
        growth_add(of, &of->kept, r->kept[i].debits);
        growth_add(of, &of->kept, r->kept[i].credits);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct growth *of = &all[i];
        if (of->kept == 0 && of->moved == 0)
            continue;
        const struct ledger_totals *totals =
            turn_found_ledger_totals(t, ledger_totals_id(g->tenant_id, of->currency));
        u128 most = of->moved > of->kept ? of->moved : of->kept;
        if (of->overflows || !ledger_totals_have_room(totals, most))
            return false;
        r->promised[r->promised_count++] =
            (struct group_promise){g->tenant_id, of->currency, most - of->kept};
    }
    return true;
}

/* The first entry that tells that it is decided. */
static void group_name_witness(const struct group_way *w, struct group_reserved *r)
{
    struct id128 account_id = w->line[w->stops - 1].account_id;
    uint32_t i = 0;
    while (!id128_equal(w->group->legs[i].debit_account_id, account_id) &&
           !id128_equal(w->group->legs[i].credit_account_id, account_id))
        i++;
    check(i < w->group->legs_count);
    r->witness_id = w->group->legs[i].id;
    r->witness_account_id = account_id;
}

/* What each account of this shard keeps aside. */
static bool group_keep(struct turn *t, struct group_way *w)
{
    const struct group *g = w->group;
    struct group_reserved *r = &w->reserved;
    struct level *levels = turn_alloc(t, 2 * g->legs_count * sizeof *levels);
    *r = (struct group_reserved){
        .share_id = way_share(w, w->at),
        .slot = transit_slot(t),
        .decider = w->between.decider,
        .home = w->between.home,
        .kept = turn_alloc(t, 2 * g->legs_count * sizeof *r->kept),
        .promised = turn_alloc(t, g->legs_count * sizeof *r->promised),
        .group = *g,
    };
    group_name_witness(w, r);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i];
        if (turn_at_home(t, l->debit_account_id)) {
            uint32_t k = kept_of(r, l->debit_account_id, l->currency);
            kept_raise(&r->kept[k], &levels[k], true, l->amount);
        }
        if (turn_at_home(t, l->credit_account_id)) {
            uint32_t k = kept_of(r, l->credit_account_id, l->currency);
            kept_raise(&r->kept[k], &levels[k], false, l->amount);
        }
    }
    return group_promise(t, r, g);
}

uint16_t group_try(struct turn *t, struct group_way *w)
{
    const struct turn_savepoint start = turn_savepoint(t);
    check(!group_decides(w));
    uint16_t code = group_make(t, w, turn_time(t));
    if (code != RESULT_OK)
        return code;
    turn_rollback(t, start);
    if (group_keep(t, w))
        return RESULT_OK;
    w->failed_leg = w->group->legs_count - 1;
    return RESULT_OVERFLOWS_DEBITS;
}

void group_reserve(struct turn *t, struct group_way *w, struct id128 ask)
{
    struct group_reserved *r = &w->reserved;
    const struct group *g = w->group;
    check(r->decider == w->between.decider && r->decider != turn_shard(t));
    check(id128_equal(r->share_id, way_share(w, w->at)));
    check((w->at == 0) == !id128_is_zero(ask));
    r->has_ask = w->at == 0;
    r->ask = ask;
    turn_emit(t, &group_reserved_type, r);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct leg_reserved e = {g->legs[i].id, r->share_id};
        const struct leg l = leg_of(t, g, i);
        if (leg_here(&l) || w->at == 0)
            turn_emit(t, &leg_reserved_type, &e);
    }
    const struct group_token next = {w->line[w->at + 1].account_id, *g};
    turn_send(t, &group_token_type, &next);
}

/* --- deciding --------------------------------------------------------------------------------- */

void group_tell(struct turn *t, const struct group_way *w, uint16_t code, uint64_t decided_time)
{
    check(w->at > 0 && decided_time != 0);
    for (uint32_t i = 0; i < w->at; i++) {
        if (MUTANT(TELL_HOME_ALONE) && code != RESULT_OK && i > 0)
            break;
        const struct group_follow follow = {way_share(w, i), code, w->failed_leg, decided_time};
        turn_send(t, &group_follow_type, &follow);
    }
}

uint16_t group_visit(struct turn *t, struct group_way *w, uint64_t now)
{
    check(turn_origin(t) != NULL);
    check(w->at > 0);
    bool late = group_decides(w) && turn_now(t) > w->group->decide_until;
    uint16_t code = RESULT_DEADLINE_PASSED;
    if (!late && !turn_origin(t)->refusing)
        code = group_decides(w) ? group_make(t, w, now) : group_try(t, w);
    return code;
}

void group_forget_notes(struct turn *t, const struct group *g)
{
    check(turn_at_home(t, g->group_id));
    for (uint32_t i = 0; i < g->legs_count; i++)
        if ((g->legs[i].marks & TOKEN_MARKS_NOTED) != 0)
            transfer_note_forget(t, g->tenant_id, g->legs[i].id);
}

/* --- following -------------------------------------------------------------------------------- */

/* A transfer was refused whose id the client chose: home keeps that, where the id was asked for. */
static void group_refused(struct turn *t, const struct group *g, uint32_t leg, uint16_t code)
{
    check(leg < g->legs_count);
    if ((g->legs[leg].marks & TOKEN_MARKS_ID_CHOSEN) == 0)
        return;
    const struct posting p = {.transfer = {.id = g->legs[leg].id}, .tenant_id = g->tenant_id};
    posting_refused(t, &p, code);
}

void group_carry_out(struct turn *t, const struct group_way *w, const struct group_follow *f)
{
    struct group_released released = {.share_id = f->share_id, .result = f->result};
    const struct group_reserved *r = &w->reserved;
    check(turn_origin(t) != NULL);
    check(f->decided_time != 0);
    check(id128_equal(r->share_id, f->share_id));
    released.accounts = turn_alloc(t, (r->kept_count + 1) * sizeof *released.accounts);
    for (uint32_t i = 0; i < r->kept_count; i++)
        released.accounts[i] = (struct group_account){r->kept[i].account_id};
    released.accounts_count = r->kept_count;
    turn_emit(t, &group_released_type, &released);
    if (f->result != RESULT_OK && !MUTANT(FOLLOW_REFUSED)) {
        if (w->at == 0)
            group_refused(t, w->group, f->failed_leg, f->result);
        return;
    }
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        const struct leg l = leg_of(t, w->group, i);
        const struct leg_posted e = leg_event(t, w->group, i, w->between, f->decided_time);
        if (leg_here(&l) || w->at == 0)
            turn_emit(t, &leg_posted_type, &e);
        if (w->at == 0 && e.has_reverses_id && !MUTANT(FORGET_REVERSED))
            transfer_reversal_emit(t, e.reverses_id, e.id);
    }
}
