/* SPDX-License-Identifier: Apache-2.0 */
/* To see whether its legs may be made a shard makes them, one after the other, so that each is
 * checked against what those before it left; one that only keeps its part aside then takes all of
 * that back. Following asserts nothing but that the money is there. */
#include "actors/ledger/group.h"

#include "actors/ledger/account.h"
#include "actors/ledger/earmark.h"
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
    check(w->stops < turn_slots(t)->shards);
    w->line[w->stops++] = (struct group_stop){shard, account_id};
}

void group_begin(struct turn *t, struct group *g, struct group_way *w)
{
    check(g->legs_count > 0 && g->legs_count <= GROUP_LEGS_MAX);
    check(!id128_is_zero(g->tenant_id));
    *w = (struct group_way){
        .group = g,
        .stops = 1,
        .line = turn_alloc(t, turn_slots(t)->shards * sizeof *w->line),
        .codes = turn_alloc(t, g->legs_count * sizeof *w->codes),
    };
    for (uint32_t i = 0; i < g->refused_count; i++) {
        check(g->apart && g->refused[i].leg < g->legs_count);
        w->codes[g->refused[i].leg] = g->refused[i].result;
    }
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
        l.posting.decided = w->follows;
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
        if (!leg_here(&l.place) && w->at > 0 && !group_decides(w))
            continue;
        enum presence there = leg_find(t, &l, w->between);
        check(there == PRESENCE_THERE);
        uint16_t code = leg_try(t, &l, w->spared);
        if (code != RESULT_OK) {
            w->failed_leg = i;
            turn_rollback(t, start);
            return code;
        }
        leg_emit(t, w->group, i, w->between, decided_time);
    }
    return RESULT_OK;
}

/* Why none of several apart is made, and which comes first. */
static uint16_t apart_refused(struct group_way *w)
{
    w->failed_leg = 0;
    check(w->group->legs_count > 0);
    check(w->codes[0] != RESULT_OK);
    return w->codes[0];
}

/* Makes what the last shard has of legs apart, each unless something is against it. */
static uint16_t group_make_apart(struct turn *t, struct group_way *w, uint64_t decided_time)
{
    bool made = false;
    check(group_decides(w));
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        struct leg l = leg_of(t, w->group, i);
        if (w->codes[i] != RESULT_OK)
            continue;
        enum presence there = leg_find(t, &l, w->between);
        check(there == PRESENCE_THERE);
        w->codes[i] = leg_try(t, &l, NULL);
        if (w->codes[i] != RESULT_OK)
            continue;
        leg_emit(t, w->group, i, w->between, decided_time);
        if (MUTANT(MAKE_ITEM_TWICE))
            leg_emit(t, w->group, i, w->between, decided_time);
        made = true;
    }
    return made ? RESULT_OK : apart_refused(w);
}

/* What a shard of legs apart that only keeps its parts aside is to keep. */
static uint16_t group_try_apart(struct turn *t, struct group_way *w)
{
    struct earmarks kept = {.cap = 0};
    bool left = false;
    check(w->at > 0);
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        struct leg l = leg_of(t, w->group, i);
        if (w->codes[i] == RESULT_OK && leg_here(&l.place)) {
            enum presence there = leg_find(t, &l, w->between);
            check(there == PRESENCE_THERE);
            w->codes[i] = leg_try(t, &l, &kept);
            if (w->codes[i] == RESULT_OK)
                earmarks_add(t, &kept, &l.posting);
        }
        left |= w->codes[i] == RESULT_OK;
    }
    return left ? RESULT_OK : apart_refused(w);
}

/* --- what is kept aside ----------------------------------------------------------------------- */

/* One leg more: does it take or bring more than all before it together? */
static void earmark_raise(struct earmark *k, bool debit, const struct group_leg *l)
{
    u128 *sum = debit ? &k->taken : &k->brought;
    if (leg_holds(l) && !MUTANT(SPEND_HELD))
        sum = debit ? &k->held_out : &k->held_in;
    bool fits = u128_add(*sum, l->amount, sum);
    check(fits); /* all sums of the ledger had room for it */
    u128 out = k->taken + k->held_out, in = k->brought + k->held_in;
    u128 debits = out > k->brought ? out - k->brought : 0;
    u128 credits = in > k->taken ? in - k->taken : 0;
    if (MUTANT(KEEP_SUM) || debits > k->debits)
        k->debits = debits;
    if (MUTANT(KEEP_SUM) || credits > k->credits)
        k->credits = credits;
}

/* The same of one apart, which cannot use what others bring. */
static void earmark_more(struct earmark *k, bool debit, const struct group_leg *l)
{
    u128 *sum = debit ? &k->debits : &k->credits;
    bool fits = u128_add(*sum, l->amount, sum);
    check(fits);
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
static bool group_promise(struct turn *t, struct group_reserved *r, const struct group_way *w)
{
    const struct group *g = w->group;
    struct growth *all = turn_alloc(t, (g->legs_count + r->kept_count) * sizeof *all);
    uint32_t count = 0;
    r->promised = turn_alloc(t, g->legs_count * sizeof *r->promised);
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
        struct id128 totals_id = ledger_totals_id(g->tenant_id, of->currency);
        const struct ledger_totals *totals = turn_found_ledger_totals(t, totals_id);
        u128 most = of->moved > of->kept ? of->moved : of->kept, load;
        if (of->overflows || !u128_add(most, earmarks_sum_of(w->spared, totals_id), &load) ||
            !ledger_totals_have_room(totals, load))
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

/* Legs apart that travel together go from accounts of one shard to those of another. */
static void group_side(struct group_reserved *r, bool debit)
{
    uint8_t side = debit ? CROSSING_SIDE_DEBIT : CROSSING_SIDE_CREDIT;
    check(r->group.apart);
    check(!r->has_side || r->side == side);
    r->has_side = true;
    r->side = side;
}

/* What each account of this shard keeps aside. */
static void group_keep(struct turn *t, struct group_way *w)
{
    const struct group *g = w->group;
    struct group_reserved *r = &w->reserved;
    struct earmarks kept = {.cap = 0};
    void (*earmark)(struct earmark * k, bool debit, const struct group_leg *l) =
        g->apart ? earmark_more : earmark_raise;
    *r = (struct group_reserved){
        .share_id = way_share(w, w->at),
        .slot = transit_slot(t),
        .decider = w->between.decider,
        .home = w->between.home,
        .group = *g,
    };
    group_name_witness(w, r);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i];
        if (w->codes[i] != RESULT_OK)
            continue;
        bool debit = turn_at_home(t, l->debit_account_id);
        bool credit = turn_at_home(t, l->credit_account_id);
        if (debit)
            earmark(earmark_get(t, &kept, l->debit_account_id, l->currency), true, l);
        if (credit)
            earmark(earmark_get(t, &kept, l->credit_account_id, l->currency), false, l);
        if (g->apart && (debit || credit))
            group_side(r, debit);
    }
    r->kept_count = kept.accounts.count;
    r->kept = turn_alloc(t, (r->kept_count + 1) * sizeof *r->kept);
    for (uint32_t i = 0; i < r->kept_count; i++)
        r->kept[i] = (struct group_kept){kept.accounts.ids[i], kept.all[i].currency,
                                         kept.all[i].debits, kept.all[i].credits};
}

uint16_t group_try(struct turn *t, struct group_way *w)
{
    check(!group_decides(w));
    if (w->group->apart)
        return group_try_apart(t, w);
    const struct turn_savepoint start = turn_savepoint(t);
    uint16_t code = group_make(t, w, turn_time(t));
    if (code != RESULT_OK)
        return code;
    turn_rollback(t, start);
    group_keep(t, w);
    if (group_promise(t, &w->reserved, w))
        return RESULT_OK;
    w->failed_leg = w->group->legs_count - 1;
    return RESULT_OVERFLOWS_DEBITS;
}

/* Which of legs apart are not made, as far as is known. */
static struct group_refusal *group_refusals(struct turn *t, const struct group_way *w,
                                            uint32_t *count)
{
    const struct group *g = w->group;
    *count = 0;
    if (!g->apart)
        return NULL;
    struct group_refusal *refused = turn_alloc(t, g->legs_count * sizeof *refused);
    for (uint32_t i = 0; i < g->legs_count; i++)
        if (w->codes[i] != RESULT_OK)
            refused[(*count)++] = (struct group_refusal){i, w->codes[i]};
    check(*count <= g->legs_count);
    return refused;
}

void group_reserve(struct turn *t, struct group_way *w, struct id128 ask)
{
    struct group_reserved *r = &w->reserved;
    const struct group *g = w->group;
    if (g->apart) /* what is kept aside is all that it will move */
        group_keep(t, w);
    check(r->decider == w->between.decider && r->decider != turn_shard(t));
    check(id128_equal(r->share_id, way_share(w, w->at)));
    check((w->at == 0) == !id128_is_zero(ask));
    r->has_ask = w->at == 0;
    r->ask = ask;
    r->group.refused = group_refusals(t, w, &r->group.refused_count);
    turn_emit(t, &group_reserved_type, r);
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct leg_reserved e = {g->legs[i].id, r->share_id};
        bool here = turn_at_home(t, g->legs[i].debit_account_id) ||
                    turn_at_home(t, g->legs[i].credit_account_id);
        if (w->codes[i] == RESULT_OK && (here || w->at == 0))
            turn_emit(t, &leg_reserved_type, &e);
    }
    const struct group_token next = {w->line[w->at + 1].account_id, r->group};
    turn_send(t, &group_token_type, &next);
}

/* --- deciding --------------------------------------------------------------------------------- */

void group_tell(struct turn *t, const struct group_way *w, uint16_t code, uint64_t decided_time)
{
    struct group_follow follow = {
        .result = code, .failed_leg = w->failed_leg, .decided_time = decided_time};
    check(w->at > 0 && decided_time != 0);
    follow.refused = group_refusals(t, w, &follow.refused_count);
    for (uint32_t i = 0; i < w->at; i++) {
        if (MUTANT(TELL_HOME_ALONE) && code != RESULT_OK && i > 0)
            break;
        follow.share_id = way_share(w, i);
        turn_send(t, &group_follow_type, &follow);
    }
}

/* Its time is up: so it is for all that are left of several apart. */
static uint16_t group_too_late(struct group_way *w)
{
    for (uint32_t i = 0; i < w->group->legs_count && w->group->apart; i++)
        if (w->codes[i] == RESULT_OK)
            w->codes[i] = RESULT_DEADLINE_PASSED;
    return w->group->apart ? apart_refused(w) : RESULT_DEADLINE_PASSED;
}

uint16_t group_visit(struct turn *t, struct group_way *w, uint64_t now)
{
    bool late = group_decides(w) && turn_now(t) > w->group->decide_until;
    check(turn_origin(t) != NULL);
    check(w->at > 0);
    if (late || turn_origin(t)->refusing)
        return group_too_late(w);
    if (!group_decides(w))
        return group_try(t, w);
    return w->group->apart ? group_make_apart(t, w, now) : group_make(t, w, now);
}

/* Why a leg is not made, as it was decided. */
static void group_take(struct group_way *w, const struct group_follow *f)
{
    const struct group *g = w->group;
    for (uint32_t i = 0; i < f->refused_count; i++) {
        check(g->apart && f->refused[i].leg < g->legs_count);
        w->codes[f->refused[i].leg] = f->refused[i].result;
    }
    for (uint32_t i = 0; i < g->legs_count && !g->apart; i++)
        w->codes[i] = f->result;
}

void group_forget_notes(struct turn *t, const struct group *g, const struct group_follow *f)
{
    uint32_t count = g->apart ? f->refused_count : g->legs_count;
    check(turn_at_home(t, g->group_id));
    check(g->apart || f->result != RESULT_OK);
    for (uint32_t i = 0; i < count; i++) {
        const struct group_leg *l = &g->legs[g->apart ? f->refused[i].leg : i];
        if ((l->marks & TOKEN_MARKS_NOTED) != 0)
            transfer_note_forget(t, g->tenant_id, l->id);
    }
}

/* A transfer was refused whose id the client chose: home keeps that, where the id was asked for. */
static void group_refused(struct turn *t, const struct group *g, uint32_t leg, uint16_t code)
{
    check(leg < g->legs_count);
    check(turn_at_home(t, g->group_id));
    if ((g->legs[leg].marks & TOKEN_MARKS_ID_CHOSEN) == 0)
        return;
    const struct posting p = {.transfer = {.id = g->legs[leg].id}, .tenant_id = g->tenant_id};
    posting_refused(t, &p, code);
}

/* By account; of legs apart also for which transfer. */
static void group_release(struct turn *t, const struct group_way *w, struct group_released *e)
{
    const struct group_reserved *r = &w->reserved;
    const struct group *g = w->group;
    e->accounts = turn_alloc(t, (r->kept_count + 2 * g->legs_count) * sizeof *e->accounts);
    for (uint32_t i = 0; i < r->kept_count && !g->apart; i++)
        e->accounts[e->accounts_count++] =
            (struct group_account){.account_id = r->kept[i].account_id};
    for (uint32_t i = 0; i < g->legs_count && g->apart; i++) {
        const struct group_leg *l = &g->legs[i];
        bool debit = r->side == CROSSING_SIDE_DEBIT;
        if (w->codes[i] != RESULT_OK || !r->has_side)
            continue;
        e->accounts[e->accounts_count++] =
            (struct group_account){debit ? l->debit_account_id : l->credit_account_id, true, l->id};
    }
    check(e->accounts_count >= r->kept_count);
    turn_emit(t, &group_released_type, e);
}

void group_carry_out(struct turn *t, struct group_way *w, const struct group_follow *f)
{
    struct group_released released = {.share_id = f->share_id,
                                      .result = f->result,
                                      .refused = f->refused,
                                      .refused_count = f->refused_count};
    check(turn_origin(t) != NULL);
    check(f->decided_time != 0);
    check(id128_equal(w->reserved.share_id, f->share_id));
    group_release(t, w, &released);
    group_take(w, f);
    if (f->result != RESULT_OK && !w->group->apart && !MUTANT(FOLLOW_REFUSED)) {
        if (w->at == 0)
            group_refused(t, w->group, f->failed_leg, f->result);
        return;
    }
    for (uint32_t i = 0; i < w->group->legs_count; i++) {
        const struct group_leg *asked = &w->group->legs[i];
        const struct leg_place at = leg_place_of(t, asked);
        if (!leg_here(&at) && w->at > 0)
            continue;
        if (w->codes[i] != RESULT_OK && !MUTANT(FOLLOW_REFUSED)) {
            if (w->at == 0)
                group_refused(t, w->group, i, w->codes[i]);
            continue;
        }
        leg_emit(t, w->group, i, w->between, f->decided_time);
        if (w->at == 0 && asked->has_reverses_id && !MUTANT(FORGET_REVERSED))
            transfer_reversal_emit(t, asked->reverses_id, asked->id);
    }
}
