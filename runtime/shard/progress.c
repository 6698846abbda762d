/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses are sequentially consistent: a shard that waits marks that and then looks where the
 * views are, one that moves its views then looks for marks, so that one of them sees the other. */
#include "runtime/shard/progress.h"

#include "runtime/base/mutant.h"

static void notify_waiting(struct progress *p, uint16_t shard)
{
    check(shard < p->count);
    for (uint16_t i = 0; i < p->count; i++)
        if (i != shard && atomic_load(&p->shards[i].waiting) && !MUTANT(FORGET_NOTIFY))
            p->notify(p->context, i);
}

void progress_commit(struct progress *p, uint16_t shard, uint64_t seq)
{
    check(atomic_load_explicit(&p->shards[shard].committed, memory_order_relaxed) <= seq);
    check(shard < p->count);
    /* A reader that depends on this batch has seen its commit, and so reads after it. */
    atomic_store_explicit(&p->shards[shard].committed, seq, memory_order_release);
}

void progress_project(struct progress *p, uint16_t shard, uint64_t seq, uint64_t time_ns)
{
    check(shard < p->count);
    atomic_store(&p->shards[shard].stuck, false);
    atomic_store(&p->shards[shard].shown_ns, time_ns);
    atomic_store(&p->shards[shard].projected, seq);
    notify_waiting(p, shard);
}

void progress_stick(struct progress *p, uint16_t shard)
{
    check(shard < p->count);
    atomic_store(&p->shards[shard].stuck, true);
    notify_waiting(p, shard);
}

void progress_unstick(struct progress *p, uint16_t shard)
{
    check(shard < p->count);
    atomic_store(&p->shards[shard].stuck, false);
}

void progress_open(struct progress *p, uint16_t shard, uint64_t committed, uint64_t projected,
                   uint64_t time_ns)
{
    check(projected <= committed);
    check(shard < p->count);
    progress_commit(p, shard, committed);
    atomic_store(&p->shards[shard].shown_ns, time_ns);
    atomic_store(&p->shards[shard].projected, projected);
    atomic_store(&p->shards[shard].opened, true);
    notify_waiting(p, shard);
}

void progress_accept(struct progress *p, uint16_t shard)
{
    check(shard < p->count);
    atomic_store(&p->shards[shard].accepted, true);
}

bool progress_all_accepted(const struct progress *p)
{
    check(p->count > 0);
    for (uint16_t i = 0; i < p->count; i++)
        if (!atomic_load(&p->shards[i].accepted))
            return false;
    return true;
}

void progress_stop(struct progress *p, uint16_t shard)
{
    check(shard < p->count);
    atomic_store(&p->shards[shard].stopped, true);
    notify_waiting(p, shard);
}

void progress_wait(struct progress *p, uint16_t shard, bool waiting)
{
    check(shard < p->count);
    if (atomic_load_explicit(&p->shards[shard].waiting, memory_order_relaxed) != waiting)
        atomic_store(&p->shards[shard].waiting, waiting);
}

bool progress_wanted(const struct progress *p, uint16_t shard, uint64_t projected)
{
    check(shard < p->count);
    return atomic_load(&p->shards[shard].wanted) > projected;
}

/* true: no shard waited for as much before. */
static bool progress_want(struct progress_shard *s, uint64_t seq)
{
    uint64_t wanted = atomic_load(&s->wanted);
    while (wanted < seq)
        if (atomic_compare_exchange_weak(&s->wanted, &wanted, seq))
            return true;
    return false;
}

bool progress_capture(struct progress *p, uint16_t shard, bool one_actor, uint64_t *seqs)
{
    check(shard < p->count);
    for (uint16_t i = 0; i < p->count; i++)
        if (!atomic_load(&p->shards[i].opened) && !atomic_load(&p->shards[i].stopped))
            return false;
    for (uint16_t i = 0; i < p->count; i++) {
        struct progress_shard *s = &p->shards[i];
        bool opened = atomic_load(&s->opened);
        uint64_t unknown = one_actor ? 0 : UINT64_MAX; /* no views reach the greatest */
        seqs[i] = opened ? atomic_load(&s->committed) : unknown;
        if (MUTANT(LIST_OWN_SHARD) && i != shard)
            seqs[i] = 0;
        if (opened && seqs[i] > atomic_load(&s->projected) && progress_want(s, seqs[i]) &&
            i != shard)
            p->notify(p->context, i);
    }
    return true;
}

enum progress_wait progress_reached(const struct progress *p, const uint64_t *seqs)
{
    check(p->count > 0);
    enum progress_wait found = PROGRESS_REACHED;
    for (uint16_t i = 0; i < p->count; i++) {
        if (atomic_load(&p->shards[i].projected) >= seqs[i])
            continue;
        if (atomic_load(&p->shards[i].stopped))
            return PROGRESS_NEVER;
        if (!atomic_load(&p->shards[i].stuck))
            found = PROGRESS_BEHIND;
        else if (found == PROGRESS_REACHED)
            found = PROGRESS_STUCK;
    }
    return found;
}

uint64_t progress_shown_ns(const struct progress *p, const uint64_t *seqs)
{
    check(p->count > 0);
    uint64_t shown_ns = UINT64_MAX;
    for (uint16_t i = 0; i < p->count; i++) {
        uint64_t ns = atomic_load(&p->shards[i].shown_ns);
        if (atomic_load(&p->shards[i].projected) < seqs[i] && ns < shown_ns)
            shown_ns = ns;
    }
    return shown_ns;
}
