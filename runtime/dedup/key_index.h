/* SPDX-License-Identifier: Apache-2.0 */
/* Key index: writes down where in the journal each 128-bit key was decided, for when the shard's
 * memory does not hold it any more (key_finder.h looks it up). Keys come in no order, and a row
 * for each would be a page read and written for each once the table has outgrown the cache. So a
 * step of the projector writes its keys as one sorted run (key_run.h), and runs are merged into
 * larger ones (key_merge.h says when):
 *
 *   - small runs at once, in the step that wrote the newest: as long as all of them together have
 *     no more than merge_keys;
 *   - larger ones in slices, one or a few a step, so that no transaction is long;
 *   - what was merged, or has expired run by run, is deleted in slices too.
 *
 * How far all of this has come is in the rows of the runs, written in the same transaction: whoever
 * loads them goes on from there. A key is written about four times until its run has the largest
 * size. Used by one thread at a time, the projector's. */
#ifndef DEDUP_KEY_INDEX_H
#define DEDUP_KEY_INDEX_H

#include "runtime/base/time.h"
#include "runtime/dedup/key_run.h"

#define KEY_MERGE_KEYS 25600 /* merge_keys unless told otherwise: 4 full filters, about 10 ms */
#define KEY_MERGE_PACE 2     /* a step merges merge_keys, or this times as many keys as it adds if
                                that is more: merging keeps up with whatever comes */
#define KEY_MERGES_MAX 4     /* under way at once */
#define KEY_MERGE_RUNS_MAX 32
#define KEY_RUN_KEYS_MAX ((uint64_t)1 << 24) /* no merge makes a larger run */
/* Of keys that expire, a run spans at most this time: it expires as a whole, so some of its keys
 * are kept that much longer than promised. */
#define KEY_RUN_SPAN_NS (2 * NS_PER_DAY)

struct key_index {
    struct key_space space;
    uint64_t keep_ns;        /* 0 = for good */
    size_t merge_keys;
    struct key_run *runs;    /* oldest first, in all states */
    size_t run_count, run_cap;
    struct key_entry *added; /* not in the views yet */
    size_t added_count, added_cap;
    uint64_t oldest_ns, newest_ns; /* of these */
    struct key_sink *sink;   /* of the run that is being written */
    size_t merged_last;      /* about the position in `runs` of the merge that had its turn last */
};

/* merge_keys 0: KEY_MERGE_KEYS. */
void key_index_init(struct key_index *k, struct key_space space, uint64_t keep_ns,
                    size_t merge_keys);
void key_index_done(struct key_index *k);

/* Begins anew: with the runs that the store has, and nothing added. */
must_check enum err key_index_load(struct key_index *k, struct store *s);

/* A key that is already there gets the new position. Times must not go back. */
void key_index_add(struct key_index *k, struct id128 key, uint64_t position, uint64_t time_ns);

/* In the open transaction: writes what was added, lets go what has expired, merges and deletes one
 * slice. After a failure of this or of the commit: key_index_load(). */
must_check enum err key_index_flush(struct key_index *k, struct store *s, uint64_t now_ns);

/* For the files of the key index: a new run behind the others, with the next number. */
struct key_run *key_index_push(struct key_index *k, enum key_run_state state);

#endif
