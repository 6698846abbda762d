/* SPDX-License-Identifier: Apache-2.0 */
/* Residence: which actors of a shard are in memory. One that is asked for and is not there becomes
 * a placeholder, and its state is asked of the loader; an actor whose id is newer than all that
 * ever left memory needs no look into the store. Loop thread only, unless a recovery has the
 * registry. */
#ifndef SHARD_RESIDENCE_H
#define SHARD_RESIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/dedup/early_ids.h"
#include "runtime/shard/answers.h"
#include "runtime/shard/controls.h"
#include "runtime/shard/loader.h"
#include "runtime/shard/schedule.h"
#include "runtime/shard/shard_stats.h"

struct residence {
    struct registry *registry;
    struct loader *loader;
    struct controls *controls;
    struct schedule *schedule;
    struct answers *answers;
    struct shard_stats *stats;
    struct early_ids *early_ids;
    bool whole[KIND_MAX];          /* all that exist of the kind are resident */
    uint64_t evicted_ms[KIND_MAX]; /* newest time in any id of the kind that is not resident but may
                                      exist, and was not early when it left: a later one that is
                                      no early one is new without asking the store */
};

/* Resident, or a placeholder whose load is under way, or (a fresh id) known to be absent. */
struct actor *residence_get(struct residence *r, uint16_t kind, struct id128 id);

/* The id is of an actor that never left memory. */
static inline bool residence_fresh(const struct residence *r, uint16_t kind, struct id128 id)
{
    return r->whole[kind] || (id128_tells_time(id) && id128_unix_ms(id) > r->evicted_ms[kind] &&
                              early_ids_lack(r->early_ids, id));
}

/* The loader has looked for a state. CORRUPT: it cannot be read. Any other error: the actor's
 * messages are refused, and it is forgotten. */
must_check enum err residence_loaded(struct residence *r, struct load *l);

/* Refuses (EXPIRED) what is over of an actor's mailbox; the order of the rest stays. The state
 * stays too: the caller sees to it if the first is gone, or all. */
void residence_expire(struct residence *r, struct actor *a, uint64_t now_ns);

/* An idle actor leaves; the views must have all its changes. */
void residence_evict(struct residence *r, struct actor *a);

/* All actors are gone. whole: the store has none; else those with ids up to this time, and early
 * ones. */
void residence_restart(struct residence *r, bool whole, uint64_t evicted_ms);

/* Calls each actor that has controls, after asking for those that are not resident. */
void residence_each_controlled(struct residence *r, void (*each)(void *context, struct actor *a),
                               void *context);

/* The shard was rebuilt: the actors that have controls get their flags again. */
void residence_restore_controls(struct residence *r);

#endif
