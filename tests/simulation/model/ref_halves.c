/* SPDX-License-Identifier: Apache-2.0 */
/* See ref_halves.h. */
#include "tests/simulation/model/ref_halves.h"

#include "runtime/base/array.h"
#include "runtime/base/time.h"
#include "tests/simulation/model/ref_transit.h"
#include "tests/simulation/verdict.h"

static struct ref_half *half_of(const struct reference *r, struct id128 id, uint16_t home)
{
    for (uint32_t i = 0; i < r->half_count; i++)
        if (r->halves[i].home == home && id128_equal(r->halves[i].id, id))
            return &r->halves[i];
    return NULL;
}

/* In the shard whose event is read. */
static struct ref_half *half_here(const struct reference *r, struct id128 id)
{
    for (uint32_t i = 0; i < r->half_count; i++)
        if (r->halves[i].shard == r->shard && id128_equal(r->halves[i].id, id))
            return &r->halves[i];
    return NULL;
}

void ref_halves_begin(struct reference *r, const struct ref_moving *c, u128 amount)
{
    if (c->credits || half_of(r, c->id, c->home) != NULL)
        broken("a pending transfer between shards begins twice, or at the wrong end");
    array_reserve(r->halves, r->half_cap, r->half_count + 1);
    r->halves[r->half_count++] = (struct ref_half){
        .id = c->id,
        .debit = c->debit,
        .credit = c->credit,
        .home = c->home,
        .shard = c->decider,
        .flags = c->flags,
        .held = amount,
        .open = true,
    };
}

void ref_halves_coming(struct reference *r, const struct ref_half *h)
{
    if (half_of(r, h->id, h->home) != NULL)
        broken("a pending transfer of a group begins twice");
    array_reserve(r->halves, r->half_cap, r->half_count + 1);
    r->halves[r->half_count] = *h;
    r->halves[r->half_count++].coming = true;
}

void ref_halves_held(struct reference *r, struct id128 id)
{
    struct ref_half *h = half_here(r, id);
    if (h == NULL || !h->coming)
        broken("a half of a pending transfer is held twice, or of none");
    h->coming = false;
}

void ref_halves_end_came(struct reference *r, const struct half_end_came *e)
{
    struct ref_half *h = half_here(r, e->pending_id);
    if (h == NULL || !h->coming || h->came || !h->ending || e->released != h->held)
        broken("an end comes of a half that is held, or has not ended at home");
    h->came = true;
}

void ref_halves_pending(const struct ref_moving *c, struct ref_transfer *t, struct ref_effects *f)
{
    t->held = t->amount;
    t->due_ns = c->has_timeout ? c->decided_ns + (uint64_t)c->timeout_s * NS_PER_S : 0;
    t->open = t->crosses = true;
    if (c->managed)
        broken("a service holds money for another shard");
    f->pending++;
    f->pending_from = c->debit;
    f->pending_to = c->credit;
    f->pending_amount += t->amount;
}

static struct ref_transfer *pending_at_home(const struct reference *r, struct id128 id)
{
    struct ref_transfer *t = reference_transfer(r, r->shard, id);
    if (t == NULL || t->kind != REF_PENDING || !t->crosses)
        broken("something is done to a pending transfer that is none between two shards");
    if (!t->open)
        broken("a pending transfer between shards is resolved twice");
    return t;
}

void ref_halves_ask(struct reference *r, const struct ref_moving *c, uint64_t time_ns)
{
    struct ref_transfer *t = pending_at_home(r, c->pending);
    if (t->resolving)
        broken("a pending transfer is posted by two at once");
    if (c->most > t->held || (t->due_ns != 0 && time_ns >= t->due_ns))
        broken("more is posted than is held, or after its time");
    t->resolving = true;
}

void ref_halves_refused(struct reference *r, const struct ref_moving *c)
{
    struct ref_transfer *t = pending_at_home(r, c->pending);
    if (!t->resolving)
        broken("a post is refused that was not asked for");
    t->resolving = false;
}

/* What one of the two shards does of it: `credits`, the other one than home. */
static void half_moves(struct reference *r, struct ref_account *own, uint16_t peer, bool credits,
                       u128 amount, u128 released)
{
    struct ref_account *transit = ref_transit_of(r, own, peer);
    reference_take(ref_transit_pending(own, credits), amount + released);
    reference_take(ref_transit_pending(transit, !credits), amount + released);
    reference_add(ref_transit_posted(own, credits), amount);
    reference_add(ref_transit_posted(transit, !credits), amount);
    reference_next_version(own);
}

static void half_decided(struct reference *r, struct ref_half *h, const struct transfer_resolved *e,
                         uint64_t time_ns)
{
    struct ref_moving *c = ref_transit_moving(r, e->id, h->home);
    if (c == NULL || c->state != REF_MOVING_KEPT || !id128_equal(c->pending, h->id) ||
        e->amount != c->most || e->has_decided_time)
        broken("a half is posted that home did not ask for, or twice");
    if (!h->open || h->ending || h->coming || e->amount + e->released > h->held)
        broken("a half gives more than it holds");
    struct ref_account *own = ref_transit_account(r, h->credit, h->shard);
    reference_check_status(own, false);
    half_moves(r, own, h->home, true, e->amount, e->released);
    h->held -= e->amount + e->released;
    h->way = e->amount + e->released;
    h->open = h->held > 0;
    c->state = REF_MOVING_DECIDED;
    c->amount = e->amount;
    c->decided_ns = time_ns;
    c->effective_ns = e->has_effective_time ? e->effective_time : time_ns;
    r->decisions++;
}

static void half_followed(struct reference *r, struct ref_transfer *t,
                          const struct transfer_resolved *e)
{
    struct ref_moving *c = ref_transit_moving(r, e->id, r->shard);
    struct ref_half *h = half_of(r, t->id, r->shard);
    if (c == NULL || h == NULL || c->state != REF_MOVING_DECIDED || c->amount != e->amount ||
        c->decided_ns != e->decided_time || h->way != e->amount + e->released || !t->resolving)
        broken("the post that is followed is not the one that was decided");
    ref_transit_let_go(r, c);
    h->way = 0;
    t->resolving = false;
    c->state = REF_MOVING_DONE;
}

/* A record of what resolved it. */
static void half_record(struct reference *r, const struct ref_transfer *t,
                        const struct transfer_resolved *e, uint64_t effective_ns,
                        struct ref_effects *f)
{
    const struct ref_transfer copy = *t;
    struct ref_transfer *made = reference_add_transfer(r, e->id, REF_RESOLVED); /* moves others */
    if (effective_ns < copy.effective_ns)
        broken("a post or void between shards counts before what it resolves");
    made->effective_ns = effective_ns;
    made->debit = copy.debit;
    made->credit = copy.credit;
    made->currency = copy.currency;
    made->flags = e->flags;
    made->amount = e->amount;
    f->resolved++;
    f->resolved_id = e->pending_id;
    f->resolved_amount += e->amount;
    f->released_amount += e->released;
}

bool ref_halves_resolved(struct reference *r, const struct transfer_resolved *e, uint64_t time_ns,
                         struct ref_effects *f)
{
    struct ref_half *h = half_here(r, e->pending_id);
    if (h != NULL) {
        half_decided(r, h, e, time_ns);
        return true;
    }
    struct ref_transfer *t = reference_transfer(r, r->shard, e->pending_id);
    if (t == NULL || !t->crosses)
        return false;
    (void)pending_at_home(r, t->id);
    const struct ref_moving *c = ref_transit_moving(r, e->id, r->shard);
    uint64_t recorded = time_ns, effective = e->has_effective_time ? e->effective_time : time_ns;
    bool voids = (e->flags & TRANSFER_FLAGS_VOID_PENDING) != 0;
    if (voids == e->has_decided_time || (voids && (e->amount != 0 || e->released != t->held)))
        broken("a void asks another shard, or does not end all that is held");
    if (voids) {
        if (t->due_ns != 0 && recorded >= t->due_ns)
            broken("a pending transfer between shards is voided after its time");
        ref_halves_end(r, t);
    } else {
        half_followed(r, t, e);
        effective = c->effective_ns;
        half_moves(r, ref_transit_account(r, t->debit, r->shard),
                   half_of(r, t->id, r->shard)->shard, false, e->amount, e->released);
        t->held -= e->amount + e->released;
        t->posted += e->amount;
        t->open = t->held > 0;
    }
    if (t->held != e->remaining)
        broken("what remains of a pending transfer between shards is not what the event says");
    half_record(r, t, e, effective, f);
    return true;
}

void ref_halves_end(struct reference *r, struct ref_transfer *t)
{
    struct ref_half *h = half_of(r, t->id, t->shard);
    if (t->resolving || h == NULL || h->ending || h->held != t->held)
        broken("a pending transfer ends while another shard is asked to post it");
    struct ref_account *own = ref_transit_account(r, t->debit, t->shard);
    half_moves(r, own, h->shard, false, 0, t->held);
    if ((t->flags & TRANSFER_FLAGS_CLOSING_DEBIT) != 0)
        reference_close(own, false);
    t->held = 0;
    t->open = false;
    h->ending = true;
    r->decisions++;
}

void ref_halves_ended(struct reference *r, const struct transfer_half_ended *e)
{
    struct ref_half *h = half_here(r, e->pending_id);
    if (h == NULL || !h->open || !h->ending || h->coming || h->held != e->released)
        broken("a half ends that has not ended at home");
    struct ref_account *own = ref_transit_account(r, h->credit, h->shard);
    half_moves(r, own, h->home, true, 0, h->held);
    if ((h->flags & TRANSFER_FLAGS_CLOSING_CREDIT) != 0)
        reference_close(own, false);
    h->held = 0;
    h->open = h->ending = h->came = false;
}

/* Home and the other shard hold the same, but for what is on its way. */
void ref_halves_check(const struct reference *r)
{
    for (uint32_t i = 0; i < r->half_count; i++) {
        const struct ref_half *h = &r->halves[i];
        const struct ref_transfer *t = reference_transfer(r, h->home, h->id);
        if (h->came && !h->coming)
            broken("what has ended at home is held in the other shard, which knows that");
        if (t == NULL || t->kind != REF_PENDING)
            continue; /* home has not followed */
        if (h->ending ? t->open : t->held != h->held + h->way)
            broken("a half does not hold what its home does");
    }
}

bool ref_halves_ending(const struct reference *r)
{
    for (uint32_t i = 0; i < r->half_count; i++)
        if (r->halves[i].ending || r->halves[i].way > 0)
            return true;
    return false;
}
