/* SPDX-License-Identifier: Apache-2.0 */
/* Dedup table: which key (idempotency key, transfer id) was decided where in the journal. In memory
 * are all that the views do not hold yet and the most recent others; beyond that the views answer.
 *
 * An idempotency key is unique within tenant, client and subject: the bridge hashes them and it
 * into one 128-bit key. Route and content of the request are the fingerprint. Both together name
 * the home shard (domain_place() is a function of type, body, caller and key alone), so a request
 * that is sent again always comes to the shard that decided it: it runs at most once on the whole
 * platform, and gets its first answer for DEDUP_KEEP_NS. One whose answer is still to come is known
 * beyond that (turn_decide_keyed()). Memory, filter and views are each shard's
 * own. KEY_REUSED is given when another request with the key comes to the same shard; one that goes
 * to another shard (another payer, say) is a request of its own there and runs. With one shard, the
 * default, there is no such case.
 *
 * Two shortcuts spare the look-up in the views, both exact:
 *   - ids carry a time: one near now and later than every id that was ever dropped from memory is
 *     new, if it is none of those that were used before their time (early_ids.h);
 *   - keys do not: a Bloom filter over all kept keys says which are certainly new.
 *
 * The memory is a row of generations, small hash tables filled one after another and dropped whole,
 * oldest first. Ids arrive in the order of their time, so what is asked now lies in the newest one
 * or two, which the processor's cache holds, however many there are. What the views were asked
 * stands in a row of its own, which may be dropped at any time: it can be asked again. Loop thread
 * only. */
#ifndef DEDUP_DEDUP_TABLE_H
#define DEDUP_DEDUP_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/filter.h"
#include "runtime/base/id128.h"
#include "runtime/base/time.h"
#include "runtime/dedup/early_ids.h"

#define DEDUP_KEEP_NS (31 * NS_PER_DAY) /* in the views; promised: 30 d */
#define DEDUP_GENERATION_SLOTS 65536
#define DEDUP_GENERATION_COUNT 45056 /* entries of a full generation: 11/16 of the slots */

struct dedup_entry {
    struct id128 key;
    uint64_t position;   /* record.h; 0 = known to be new: the views do not have it, or its turn was
                         undone */
};

struct generation;

/* The ids of a generation that have a time: a client that lets its ids rise within a millisecond
 * too has none of them looked up. */
struct dedup_range {
    struct id128 oldest;
    struct id128 reach; /* newest in this generation or an older one: a later id is in neither */
};

struct generations {
    struct generation **items;    /* oldest first */
    struct dedup_range *ranges; /* of each: apart, so that a look-up walks over few lines */
    uint32_t count, cap;
    size_t entries; /* in all of them */
};

struct dedup_table {
    struct generations decided; /* here, since the process began or in what it replayed ... */
    struct generations early;   /* ... the ids that were used before their time */
    struct generations learned; /* of the views; a key is in one of both at most */
    uint32_t decided_max;
    uint32_t kept; /* generations of each: projected ones beyond are dropped */
    struct early_ids *early_ids; /* keys are ids; NULL: they are hashes, and there is a filter */
    bool whole;                  /* of ids: none has left memory yet */
    uint64_t dropped_ms;         /* of ids: newest time in any that left and was not early */
    struct filter filter;
    bool filter_complete;      /* it holds all keys of the views */
};

enum dedup_answer {
    DEDUP_NEW,
    DEDUP_FOUND,
    DEDUP_ASK, /* memory does not decide it: look into the views, then call dedup_table_cache() */
};

/* count_max: of entries. early_ids, which outlive it: the keys are ids; NULL: they are hashes, with
 * a filter of filter_bytes. */
void dedup_table_init(struct dedup_table *o, size_t count_max, struct early_ids *early_ids,
                      size_t filter_bytes);
void dedup_table_done(struct dedup_table *o);

/* Forgets all (before a recovery). whole: the views have none; else those up to dropped_ms, and
 * early ones. */
void dedup_table_clear(struct dedup_table *o, bool whole, uint64_t dropped_ms);

enum dedup_answer dedup_table_find(const struct dedup_table *o, struct id128 key,
                                   uint64_t *position);

/* Starts to bring into the cache what dedup_table_find() will read first. */
void dedup_table_prefetch(const struct dedup_table *o, struct id128 key);

/* A new outcome, decided at this time. It stays where it is until dedup_table_projected() or
 * dedup_table_clear(). */
struct dedup_entry *dedup_table_add(struct dedup_table *o, struct id128 key, uint64_t position,
                                    uint64_t time_ns);

/* What the views said (position 0: it is new). Forgotten when `kept` generations of answers
 * follow. */
void dedup_table_cache(struct dedup_table *o, struct id128 key, uint64_t position);

/* The turn that added it was undone: the key is new again. */
void dedup_table_remove(struct dedup_entry *outcome);

/* The views have reached seq: drops old generations. */
void dedup_table_projected(struct dedup_table *o, uint64_t seq);

/* How many are in memory. */
static inline size_t dedup_table_count(const struct dedup_table *o)
{
    return o->decided.entries + o->early.entries + o->learned.entries;
}

/* No room for more until the projector catches up. */
bool dedup_table_full(const struct dedup_table *o);

/* Half of the room is taken: the projector should run without pauses. */
bool dedup_table_filling(const struct dedup_table *o);

/* Per cent of the room that views at `seq` leave taken. */
uint32_t dedup_table_behind(const struct dedup_table *o, uint64_t seq);

#endif
