/* SPDX-License-Identifier: Apache-2.0 */
/* Ingress: messages that were posted since the last pass. What a message will touch is spread over
 * gigabytes; looked up one by one, each message would wait for memory several times. So the look-up
 * is done in steps that prefetch for the next one, and the first steps of a message are done while
 * earlier messages run. If nothing else waits, the pass runs their turns in the order they came,
 * straight from here; else they go into the mailboxes. None is left behind when the turns of a pass
 * end. Loop thread only. */
#ifndef SHARD_INGRESS_H
#define SHARD_INGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/dedup/dedup_table.h"
#include "runtime/shard/residence.h"
#include "runtime/shard/stash.h"
#include "runtime/shard/supervisor.h"
#include "runtime/shard/suspension.h"
#include "runtime/shard/view_reads.h"

#define INGRESS_MAX 256 /* when one more comes between two passes, they go into the mailboxes */
#define INGRESS_STEP 16 /* looked up together: one by one each would wait for the translation of its
                            page's address; the processor does not track many more misses at once */

/* What ingress works with; all of it outlives it. */
struct ingress_uses {
    struct env *env;
    struct registry *registry;
    struct residence *residence;
    struct schedule *schedule;
    struct answers *answers;
    struct suspension *suspension;
    struct supervisor *supervisor;
    struct view_reads *view_reads;
    struct dedup_table *ids, *keys;
    const bool *writable; /* the store takes writes */
    struct shard_stats *stats;
};

struct ingress {
    struct ingress_item {
        struct message *message;
        struct actor *actor; /* probably the target; NULL: it must be looked for */
        uint64_t hash;       /* of the target's id */
    } items[INGRESS_MAX]; /* in the order they came */
    size_t count;
    size_t next;   /* those below have left; 0 but while turns run */
    size_t hashed; /* those below have their hash, and their slot is on its way ... */
    size_t found;  /* ... those below have their actor, and that is on its way */
    uint64_t since_ns; /* when the first of them came */
    struct ingress_uses uses;
};

/* All into their mailboxes (or refused), in the order they came. */
void ingress_accept(struct ingress *in);

void ingress_init(struct ingress *in, const struct ingress_uses *uses);

/* --- the post: to a running shard ------------------------------------------------------------- */

/* Before the first since the last pass, or one for which there is no room: sends those before it
 * into the mailboxes, notes the time, makes the loop run a pass. */
void ingress_begin(struct ingress *in);

static inline void ingress_put(struct ingress *in, struct message *m)
{
    if (in->count % INGRESS_MAX == 0)
        ingress_begin(in);
    m->posted_ns = in->since_ns;
    if (m->keyed)
        dedup_table_prefetch(in->uses.keys, m->key);
    in->items[in->count++] = (struct ingress_item){.message = m};
}

/* One that waited elsewhere: into its actor's mailbox, or refused. */
void ingress_take(struct ingress *in, struct message *m);

/* One that finds no room at all: refused with this code. */
void ingress_refuse(struct ingress *in, struct message *m, uint16_t code);

/* --- the pass --------------------------------------------------------------------------------- */

/* One step: the slots of INGRESS_STEP more, the actors of those before them. Twice ahead of the
 * first message, then whenever that many have left. */
void ingress_look_ahead(struct ingress *in);

/* The oldest, which is no longer in here; there must be one. */
static inline struct ingress_item *ingress_next(struct ingress *in)
{
    if (in->next % INGRESS_STEP == 0)
        ingress_look_ahead(in);
    return &in->items[in->next++];
}

/* Of a list or a change: may it go to its actor? If not, it was dealt with. */
must_check bool ingress_may_enter(struct ingress *in, struct message *m);

/* The actor it goes to, with the one that was seen ahead; NULL if it goes to none. */
static inline struct actor *ingress_target(struct ingress *in, struct message *m,
                                           struct actor *seen)
{
    if ((m->type->view || m->type->mutates) && !ingress_may_enter(in, m))
        return NULL;
    if (seen == NULL || !id128_equal(seen->entry.id, m->target))
        seen = residence_get(in->uses.residence, m->target_kind, m->target);
    return seen;
}

/* Into the mailbox, or refused. */
void ingress_deliver(struct ingress *in, struct message *m, struct actor *a);

/* This actor is about to leave the registry. */
void ingress_forget(struct ingress *in, const struct actor *a);

/* A placeholder that turned out to stand for nothing is let go. */
static inline void ingress_let_go(struct ingress *in, struct actor *a)
{
    const uint16_t kept = ACTOR_EXISTS | ACTOR_STATES | ACTOR_CONTROLS;
    if ((a->flags & kept) != 0 || a->touched_seq != 0)
        return;
    ingress_forget(in, a);
    registry_evict(in->uses.registry, a);
}

/* The actors are about to be rebuilt: puts all messages elsewhere. */
void ingress_drain(struct ingress *in, struct stash *to);

#endif
