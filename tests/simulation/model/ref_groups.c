/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_groups.h. */
#include "tests/simulation/model/ref_groups.h"

#include <stdlib.h>
#include <string.h>

#include "actors/ledger/transit.h"
#include "runtime/base/array.h"
#include "runtime/base/time.h"
#include "schemas/ledger.h"
#include "tests/simulation/model/ref_halves.h"
#include "tests/simulation/model/ref_times.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/verdict.h"

#define LEGS_MAX 64

struct ref_share {
    struct id128 id;
    struct id128 accounts[2 * LEGS_MAX];
    u128 debits[2 * LEGS_MAX], credits[2 * LEGS_MAX];
    uint32_t count;
    bool kept, over;
};

struct ref_group {
    struct id128 id, tenant;
    uint16_t home, decider;
    struct group_leg legs[LEGS_MAX];
    uint32_t legs_count;
    bool apart;            /* each for itself */
    bool out[LEGS_MAX];    /* of legs apart: refused before the last shard */
    bool made[LEGS_MAX];   /* by the last */
    bool decided, refused; /* of all of it */
    uint64_t decided_ns;
    struct ref_share *shares; /* by shard */
};

struct ref_groups {
    struct ref_group *groups;
    uint32_t count, cap;
    /* In the record that is being read: whose legs were made, and how many. */
    struct ref_group *making;
    uint32_t made;
    bool seen[LEGS_MAX];
};

static struct ref_groups *groups_of(struct reference *r)
{
    if (r->groups == NULL)
        r->groups = calloc(1, sizeof *r->groups);
    check(r->groups != NULL);
    return r->groups;
}

void ref_groups_done(struct reference *r)
{
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++)
        free(r->groups->groups[i].shares);
    if (r->groups != NULL)
        free(r->groups->groups);
    free(r->groups);
}

static bool is_here(const struct reference *r, struct id128 account_id)
{
    return reference_home(r, account_id) == r->shard;
}

/* --- kept aside ------------------------------------------------------------------------------- */

static struct ref_group *group_made(struct reference *r, const struct group_reserved *e)
{
    struct ref_groups *all = groups_of(r);
    const struct group *g = &e->group;
    for (uint32_t i = 0; i < all->count; i++)
        if (id128_equal(all->groups[i].id, g->group_id))
            return &all->groups[i];
    if (r->shard != e->home || reference_home(r, g->group_id) != e->home)
        broken("a group is known that was not asked for");
    array_reserve(all->groups, all->cap, all->count + 1);
    struct ref_group *made = &all->groups[all->count++];
    *made = (struct ref_group){.id = g->group_id,
                               .tenant = g->tenant_id,
                               .home = e->home,
                               .decider = e->decider,
                               .apart = g->apart,
                               .legs_count = g->legs_count};
    memcpy(made->legs, g->legs, g->legs_count * sizeof *g->legs);
    made->shares = calloc(r->slots->shards, sizeof *made->shares);
    check(made->shares != NULL);
    return made;
}

static bool leg_pending(const struct group_leg *l)
{
    return (l->flags & TRANSFER_FLAGS_PENDING) != 0;
}

/* The most that the first so many legs together take from the account, or bring it; of legs apart
 * all that they do. What is held on one side is no more to take from on the other. */
static u128 most_of(const struct ref_group *g, struct id128 account_id, bool brings)
{
    u128 debits = 0, credits = 0, most = 0;
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i];
        bool holds = leg_pending(l);
        if (!g->out[i] && id128_equal(l->debit_account_id, account_id) && !(holds && brings))
            reference_add(&debits, l->amount);
        if (!g->out[i] && id128_equal(l->credit_account_id, account_id) && !(holds && !brings))
            reference_add(&credits, l->amount);
        if (g->apart) {
            most = brings ? credits : debits;
            continue;
        }
        u128 more = brings ? credits : debits, less = brings ? debits : credits;
        if (more > less && more - less > most)
            most = more - less;
    }
    return most;
}

static void pending_change(struct reference *r, struct ref_account *own, uint16_t peer, u128 debits,
                           u128 credits, bool more)
{
    struct ref_account *transit = ref_transit_with(r, own->tenant, own->currency, peer);
    void (*change)(u128 * counter, u128 amount) = more ? reference_add : reference_take;
    change(&own->now.debits_pending, debits);
    change(&own->now.credits_pending, credits);
    change(&transit->now.credits_pending, debits);
    change(&transit->now.debits_pending, credits);
}

/* Every account of this shard that the group names, and no other. */
static uint32_t count_here(const struct reference *r, const struct ref_group *g)
{
    struct id128 seen[2 * LEGS_MAX];
    uint32_t count = 0;
    for (uint32_t i = 0; i < 2 * g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i / 2];
        struct id128 id = i % 2 == 0 ? l->debit_account_id : l->credit_account_id;
        bool known = !is_here(r, id) || g->out[i / 2];
        for (uint32_t k = 0; k < count && !known; k++)
            known = id128_equal(seen[k], id);
        if (!known)
            seen[count++] = id;
    }
    return count;
}

/* What a shard refuses is out for all that come after it. */
static void group_goes_on(struct ref_group *g, const struct group *as)
{
    bool out[LEGS_MAX] = {false};
    if (as->refused_count > 0 && !g->apart)
        broken("some of a group that is all or none are refused");
    for (uint32_t i = 0; i < as->refused_count; i++)
        out[as->refused[i].leg] = true;
    for (uint32_t i = 0; i < g->legs_count; i++) {
        if (g->out[i] && !out[i])
            broken("a transfer that a shard refused goes on to the next");
        g->out[i] = out[i];
    }
}

static void group_kept_aside(struct reference *r, const struct group_reserved *e)
{
    struct ref_group *g = group_made(r, e);
    struct ref_share *s = &g->shares[r->shard];
    group_goes_on(g, &e->group);
    if (s->kept || g->decided || g->refused || r->shard == g->decider || e->decider != g->decider)
        broken("a shard keeps something aside for a group twice, or too late");
    if (e->group.legs_count != g->legs_count || e->kept_count != count_here(r, g))
        broken("a shard keeps something else aside than was asked for");
    *s = (struct ref_share){.id = e->share_id, .count = e->kept_count, .kept = true};
    for (uint32_t i = 0; i < e->kept_count; i++) {
        const struct group_kept *k = &e->kept[i];
        struct ref_account *own = reference_account(r, k->account_id);
        if (own == NULL || !is_here(r, k->account_id) ||
            k->debits != most_of(g, k->account_id, false) ||
            k->credits != most_of(g, k->account_id, true))
            broken("an account keeps aside for a group what that may not take from it");
        s->accounts[i] = k->account_id;
        s->debits[i] = k->debits;
        s->credits[i] = k->credits;
        pending_change(r, own, g->decider, k->debits, k->credits, true);
        if (k->debits > 0)
            reference_check_end(own, true);
        if (k->credits > 0)
            reference_check_end(own, false);
        reference_version_without_entry(own);
    }
}

static struct ref_group *group_of_share(struct reference *r, struct id128 share_id)
{
    struct ref_groups *all = groups_of(r);
    for (uint32_t i = 0; i < all->count; i++)
        if (all->groups[i].shares[r->shard].kept &&
            id128_equal(all->groups[i].shares[r->shard].id, share_id))
            return &all->groups[i];
    broken("a group is followed for which nothing was kept aside");
}

static void group_let_go(struct reference *r, const struct group_released *e)
{
    struct ref_group *g = group_of_share(r, e->share_id);
    struct ref_share *s = &g->shares[r->shard];
    if (s->over || (e->result == 0) != g->decided)
        broken("a group is followed twice, or otherwise than it was decided");
    uint32_t refused = 0;
    for (uint32_t i = 0; i < g->legs_count; i++)
        refused += !g->made[i];
    for (uint32_t i = 0; i < e->refused_count; i++)
        if (e->refused[i].leg >= g->legs_count || g->made[e->refused[i].leg] ||
            (i > 0 && e->refused[i].leg <= e->refused[i - 1].leg))
            broken("a transfer is followed otherwise than it was decided");
    if (g->apart && e->refused_count != refused)
        broken("%u of a group's transfers are refused, not %u", e->refused_count, refused);
    g->refused = !g->decided;
    s->over = true;
    for (uint32_t i = 0; i < s->count; i++) {
        struct ref_account *own = reference_account(r, s->accounts[i]);
        pending_change(r, own, g->decider, s->debits[i], s->credits[i], false);
        reference_version_without_entry(own);
    }
    if (g->decided)
        groups_of(r)->making = g;
}

/* --- made ------------------------------------------------------------------------------------- */

/* One account of a transfer that is made, and what stands opposite. */
static void end_moves(struct reference *r, struct id128 account_id, bool credit, u128 amount,
                      bool checked)
{
    struct ref_account *own = reference_account(r, account_id);
    if (own == NULL)
        broken("a transfer of a group names an account that is not there");
    reference_add(credit ? &own->now.credits_posted : &own->now.debits_posted, amount);
    if (checked)
        reference_check_end(own, !credit);
    reference_next_version(own);
}

static void transit_moves(struct reference *r, const struct ref_group *g, const struct group_leg *l,
                          uint16_t peer, bool credit)
{
    struct ref_account *transit = ref_transit_with(r, g->tenant, l->currency, peer);
    reference_add(credit ? &transit->now.credits_posted : &transit->now.debits_posted, l->amount);
}

/* In this shard: its accounts, and transit accounts for those elsewhere. */
static void leg_moves(struct reference *r, const struct ref_group *g, const struct group_leg *l)
{
    bool decides = r->shard == g->decider;
    bool debit = is_here(r, l->debit_account_id), credit = is_here(r, l->credit_account_id);
    uint16_t from = decides ? reference_home(r, l->debit_account_id) : g->decider;
    uint16_t to = decides ? reference_home(r, l->credit_account_id) : g->decider;
    if (debit)
        end_moves(r, l->debit_account_id, false, l->amount, decides);
    if (credit)
        end_moves(r, l->credit_account_id, true, l->amount, decides);
    bool passes = decides && from != to;
    if (!debit && (credit || passes))
        transit_moves(r, g, l, from, false);
    if (!credit && (debit || passes))
        transit_moves(r, g, l, to, true);
}

static void leg_at_home(struct reference *r, const struct ref_group *g, const struct group_leg *l,
                        struct ref_effects *f)
{
    const struct ref_account *debit = reference_account(r, l->debit_account_id);
    const struct ref_account *credit = reference_account(r, l->credit_account_id);
    if (debit == NULL || credit == NULL || debit == credit || debit->currency != credit->currency ||
        !id128_equal(debit->tenant, credit->tenant))
        broken("a transfer of a group crosses currencies or tenants");
    const struct times_claim claim = {
        l->has_effective_time, l->effective_time, l->flags, debit, credit, NULL};
    uint64_t effective_ns = times_of_transfer(r, &claim, g->decided_ns);
    struct ref_transfer *t = reference_add_transfer(r, l->id, REF_POSTED);
    t->effective_ns = effective_ns;
    t->debit = l->debit_account_id;
    t->credit = l->credit_account_id;
    t->currency = l->currency;
    t->flags = l->flags;
    t->amount = l->amount;
    t->grouped = true;
    t->reverses = l->has_reverses_id ? l->reverses_id : (struct id128){0, 0};
    bool adjusted = ((debit->flags | credit->flags) & ACCOUNT_FLAGS_MANAGED) != 0;
    f->adjusted += adjusted;
    f->reasons += adjusted && (l->marks & TOKEN_MARKS_REASONED) != 0;
    if (f->posted++ == 0) {
        f->posted_from = t->debit;
        f->posted_to = t->credit;
    }
    f->posted_amount += l->amount;
}

/* What is kept aside for its asker, from the decision on, in the shard of the credit account. */
static void legs_coming(struct reference *r, const struct ref_group *g)
{
    for (uint32_t i = 0; i < g->legs_count; i++) {
        const struct group_leg *l = &g->legs[i];
        const struct ref_half h = {
            .id = l->id,
            .debit = l->debit_account_id,
            .credit = l->credit_account_id,
            .home = reference_home(r, l->debit_account_id),
            .shard = reference_home(r, l->credit_account_id),
            .flags = l->flags,
            .held = l->amount,
            .open = true,
        };
        if (leg_pending(l) && h.home != h.shard)
            ref_halves_coming(r, &h);
    }
}

/* Of which group it is, and which of its legs; the decider's first is the decision. */
static struct ref_group *leg_of_group(struct reference *r, struct id128 id, uint32_t *leg)
{
    struct ref_groups *all = groups_of(r);
    for (uint32_t i = 0; i < all->count; i++) {
        struct ref_group *g = &all->groups[i];
        bool may = r->shard == g->decider ? !g->refused && (!g->decided || all->making == g)
                                          : all->making == g;
        for (*leg = 0; may && *leg < g->legs_count; (*leg)++)
            if (id128_equal(g->legs[*leg].id, id))
                return g;
    }
    broken("a transfer of a group is made that was not asked for, or twice");
}

/* A record has something of a leg: the first one of the shard that decides is the decision. */
static struct ref_group *leg_begins(struct reference *r, struct id128 id, uint64_t decided_ns,
                                    uint64_t time_ns, uint32_t *leg)
{
    struct ref_groups *all = groups_of(r);
    struct ref_group *g = leg_of_group(r, id, leg);
    if (r->shard == g->decider && !g->decided) {
        if (decided_ns > time_ns)
            broken("a group is decided in the future");
        g->decided = true;
        g->decided_ns = decided_ns;
        all->making = g;
        r->decisions++;
        legs_coming(r, g);
    }
    if (decided_ns != g->decided_ns)
        broken("a transfer of a group is made at another time");
    if (all->seen[*leg] || g->out[*leg])
        broken("a transfer of a group is made twice, or although it was refused");
    all->seen[*leg] = true;
    if (r->shard == g->decider)
        g->made[*leg] = true;
    all->made++;
    return g;
}

static void leg_made(struct reference *r, const struct leg_posted *e, uint64_t time_ns,
                     struct ref_effects *f)
{
    uint32_t leg;
    struct ref_group *g = leg_begins(r, e->id, e->decided_time, time_ns, &leg);
    const struct group_leg *l = &g->legs[leg];
    if (e->amount != l->amount || e->currency != l->currency ||
        !id128_equal(e->debit_account_id, l->debit_account_id) ||
        !id128_equal(e->credit_account_id, l->credit_account_id) || leg_pending(l) ||
        e->home != g->home)
        broken("a transfer of a group is not what was asked for");
    leg_moves(r, g, l);
    if (r->shard == g->home)
        leg_at_home(r, g, l, f);
}

/* One account of what is held, and what stands opposite. */
static void end_holds(struct reference *r, const struct ref_group *g, const struct group_leg *l,
                      bool credit)
{
    struct id128 own_id = credit ? l->credit_account_id : l->debit_account_id;
    uint16_t other = reference_home(r, credit ? l->debit_account_id : l->credit_account_id);
    struct ref_account *own = reference_account(r, own_id);
    if (own == NULL)
        broken("a transfer of a group holds money of an account that is not there");
    if (other != r->shard)
        pending_change(r, own, other, credit ? 0 : l->amount, credit ? l->amount : 0, true);
    else
        reference_add(credit ? &own->now.credits_pending : &own->now.debits_pending, l->amount);
    if (r->shard == g->decider)
        reference_check_end(own, !credit);
    reference_next_version(own);
}

/* At its home: its time counts from the decision on. */
static void held_at_home(struct reference *r, const struct ref_group *g, const struct group_leg *l,
                         struct ref_effects *f)
{
    const struct ref_account *debit = reference_account(r, l->debit_account_id);
    const struct ref_account *credit = reference_account(r, l->credit_account_id);
    if (debit == NULL || credit == NULL || debit == credit || debit->currency != credit->currency ||
        !id128_equal(debit->tenant, credit->tenant))
        broken("a pending transfer of a group crosses currencies or tenants");
    if (((debit->flags | credit->flags) & ACCOUNT_FLAGS_MANAGED) != 0)
        broken("a group holds what a service manages");
    const struct times_claim claim = {
        l->has_effective_time, l->effective_time, l->flags, debit, credit, NULL};
    uint64_t effective_ns = times_of_transfer(r, &claim, g->decided_ns);
    struct ref_transfer *t = reference_add_transfer(r, l->id, REF_PENDING);
    t->effective_ns = effective_ns;
    t->debit = l->debit_account_id;
    t->credit = l->credit_account_id;
    t->currency = l->currency;
    t->flags = l->flags;
    t->amount = t->held = l->amount;
    t->due_ns = l->has_timeout_s ? g->decided_ns + (uint64_t)l->timeout_s * NS_PER_S : 0;
    t->open = true;
    t->crosses = reference_home(r, l->credit_account_id) != r->shard;
    t->grouped = true;
    t->tells = g->home != r->shard && g->home != reference_home(r, l->credit_account_id);
    t->told = l->amount;
    f->pending++;
    f->pending_from = t->debit;
    f->pending_to = t->credit;
    f->pending_amount += t->amount;
}

/* What its home tells of a pending transfer to the shard that shows the transaction. */
static void leg_is_told(struct reference *r, const struct leg_told *e)
{
    struct ref_transfer *t =
        reference_transfer(r, reference_home(r, e->debit_account_id), e->transfer_id);
    if (is_here(r, e->debit_account_id) || is_here(r, e->credit_account_id))
        broken("a shard is told of a pending transfer that it has itself");
    if (t == NULL) /* its home has not followed yet */
        return;
    if (!t->tells || t->kind != REF_PENDING || e->remaining_amount < t->held ||
        e->remaining_amount > t->told)
        broken("a shard is told something else than what became of a pending transfer");
    t->told = e->remaining_amount;
}

static void leg_held_back(struct reference *r, const struct leg_held *e, uint64_t time_ns,
                          struct ref_effects *f)
{
    uint32_t leg;
    const struct ref_group *g = leg_begins(r, e->id, e->decided_time, time_ns, &leg);
    const struct group_leg *l = &g->legs[leg];
    bool debit = is_here(r, l->debit_account_id), credit = is_here(r, l->credit_account_id);
    if (e->amount != l->amount || e->currency != l->currency || !leg_pending(l) ||
        !id128_equal(e->debit_account_id, l->debit_account_id) ||
        !id128_equal(e->credit_account_id, l->credit_account_id) || (!debit && !credit))
        broken("a pending transfer of a group is not what was asked for");
    if (debit)
        end_holds(r, g, l, false);
    if (credit)
        end_holds(r, g, l, true);
    if (debit)
        held_at_home(r, g, l, f);
    else
        ref_halves_held(r, l->id);
}

void ref_groups_end(struct reference *r)
{
    struct ref_groups *all = groups_of(r);
    const struct ref_group *g = all->making;
    uint32_t expected = 0;
    if (g == NULL)
        return;
    for (uint32_t i = 0; i < g->legs_count; i++)
        expected +=
            (g->made[i] || !g->apart) &&
            ((!leg_pending(&g->legs[i]) && (r->shard == g->home || r->shard == g->decider)) ||
             is_here(r, g->legs[i].debit_account_id) || is_here(r, g->legs[i].credit_account_id));
    if (all->made != expected)
        broken("%u of a group's %u transfers are made in a shard", all->made, expected);
    for (uint32_t i = 0; i < g->legs_count && r->shard == g->home; i++) {
        const struct group_leg *l = &g->legs[i];
        const struct ref_transfer *t = reference_transfer(r, r->shard, l->reverses_id);
        if (l->has_reverses_id && (t == NULL || !t->reversed))
            broken("a transfer is moved back by a group, and known as not reversed");
    }
    all->making = NULL;
    all->made = 0;
    memset(all->seen, 0, sizeof all->seen);
}

bool ref_groups_event(struct reference *r, const struct message_type *type, const void *event,
                      uint64_t time_ns, struct ref_effects *f)
{
    if (type == &group_reserved_type)
        group_kept_aside(r, event);
    else if (type == &group_released_type)
        group_let_go(r, event);
    else if (type == &leg_posted_type)
        leg_made(r, event, time_ns, f);
    else if (type == &leg_held_type)
        leg_held_back(r, event, time_ns, f);
    else if (type == &leg_told_type)
        leg_is_told(r, event);
    else if (type == &half_end_came_type)
        ref_halves_end_came(r, event);
    else
        return type == &leg_reserved_type || type == &transaction_begun_type;
    return true;
}

/* --- what must hold --------------------------------------------------------------------------- */

/* Of one transfer: the account is in a shard that has not followed, and the other is not. */
static bool is_under_way(const struct reference *r, const struct ref_group *g, struct id128 own,
                         struct id128 other)
{
    uint16_t shard = reference_home(r, own);
    return g->decided && shard != g->decider && !g->shares[shard].over &&
           reference_home(r, other) != shard;
}

void ref_groups_under_way(const struct reference *r, uint16_t currency, uint16_t decider,
                          uint16_t follower, u128 *debits, u128 *credits)
{
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++) {
        const struct ref_group *g = &r->groups->groups[i];
        for (uint32_t k = 0; g->decider == decider && k < g->legs_count; k++) {
            const struct group_leg *l = &g->legs[k];
            if (l->currency != currency || !g->made[k] || leg_pending(l))
                continue;
            if (reference_home(r, l->debit_account_id) == follower &&
                is_under_way(r, g, l->debit_account_id, l->credit_account_id))
                *credits += l->amount;
            if (reference_home(r, l->credit_account_id) == follower &&
                is_under_way(r, g, l->credit_account_id, l->debit_account_id))
                *debits += l->amount;
        }
    }
}

u128 ref_groups_to_follow(const struct reference *r, uint16_t currency)
{
    u128 sum = 0;
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++) {
        const struct ref_group *g = &r->groups->groups[i];
        for (uint32_t k = 0; g->decided && k < g->legs_count; k++) {
            const struct group_leg *l = &g->legs[k];
            uint16_t shard = reference_home(r, l->debit_account_id);
            if (g->made[k] && l->currency == currency && shard != g->decider &&
                !g->shares[shard].over)
                sum = reference_sum(sum, l->amount);
        }
    }
    return sum;
}

/* Does the account keep something aside for this group? */
static bool share_of(const struct reference *r, const struct ref_group *g, struct id128 account_id,
                     u128 *debits, u128 *credits)
{
    const struct ref_share *s = &g->shares[reference_home(r, account_id)];
    for (uint32_t i = 0; s->kept && !s->over && i < s->count; i++) {
        if (!id128_equal(s->accounts[i], account_id))
            continue;
        *debits = s->debits[i];
        *credits = s->credits[i];
        return true;
    }
    return false;
}

u128 ref_groups_kept_of(const struct reference *r, struct id128 account_id, bool credits)
{
    u128 sum = 0, out, in;
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++)
        if (share_of(r, &r->groups->groups[i], account_id, &out, &in))
            sum += credits ? in : out;
    return sum;
}

bool ref_groups_keeps(const struct reference *r, struct id128 account_id)
{
    u128 out, in;
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++)
        if (share_of(r, &r->groups->groups[i], account_id, &out, &in))
            return true;
    return false;
}

/* Is another shard still to be told of this? */
static bool is_to_be_told(const struct ref_transfer *t)
{
    return t->tells && t->told != t->held;
}

bool ref_groups_open(const struct reference *r)
{
    for (uint32_t i = 0; i < r->transfer_count; i++)
        if (is_to_be_told(&r->transfers[i]))
            return true;
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++)
        for (uint16_t shard = 0; shard < r->slots->shards; shard++) {
            const struct ref_share *s = &r->groups->groups[i].shares[shard];
            if (s->kept && !s->over)
                return true;
        }
    return false;
}

bool ref_groups_decided(const struct reference *r, struct id128 id, struct id128 account_id,
                        struct ref_moving *as)
{
    for (uint32_t i = 0; r->groups != NULL && i < r->groups->count; i++) {
        const struct ref_group *g = &r->groups->groups[i];
        if (!g->decided || g->shares[g->home].over)
            continue;
        for (uint32_t k = 0; k < g->legs_count; k++) {
            const struct group_leg *l = &g->legs[k];
            if (!g->made[k] || !id128_equal(l->id, id) ||
                (!id128_equal(l->debit_account_id, account_id) &&
                 !id128_equal(l->credit_account_id, account_id)))
                continue;
            *as = (struct ref_moving){
                .id = id,
                .debit = l->debit_account_id,
                .credit = l->credit_account_id,
                .amount = l->amount,
                .effective_ns = l->has_effective_time ? l->effective_time : g->decided_ns,
            };
            return true;
        }
    }
    return false;
}
