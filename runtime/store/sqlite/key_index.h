/* SPDX-License-Identifier: Apache-2.0 */
/* Key index: writes down where in the journal each key of a space (keys.h) was decided;
 * key_finder.h looks it up. Keys come in no order, and a row for each is a page read and written
 * for each once the table has outgrown the cache (key_index.c has figures). So a step of the
 * projector writes its keys as one sorted run (key_run.h), and runs are merged into larger ones
 * (key_merge.h says when):
 *
 *   - small runs at once, in the step that wrote the newest: as long as all of them together have
 *     no more than merge_keys;
 *   - larger ones in slices, one or a few a step, so that no transaction is long;
 *   - what was merged, or has expired run by run, is deleted in slices too.
 *
 * How far all of this has come is in the rows of the runs, written in the same transaction: the
 * next process goes on from there. A key is written about four times until its run has the largest
 * size. Views worker only. */
#ifndef SQLITE_KEY_INDEX_H
#define SQLITE_KEY_INDEX_H

#include "runtime/base/time.h"
#include "runtime/store/sqlite/key_run.h"

#define KEY_MERGE_KEYS 25600 /* merge_keys if the caller gives 0: 4 full filters, about 10 ms */
#define KEY_MERGE_PACE                                                                             \
    2                        /* a step merges merge_keys, or this times as many keys as it adds if \
                                that is more: merging keeps up with any rate */
#define KEY_MERGES_MAX 4     /* under way at once */
#define KEY_MERGE_RUNS_MAX 32
#define KEY_RUN_KEYS_MAX ((uint64_t)1 << 24) /* no merge makes a larger run */
/* Of keys that expire, a run spans at most this time: it expires as a whole, so some of its keys
 * are kept that much longer than promised. */
#define KEY_RUN_SPAN_NS (2 * NS_PER_DAY)

struct key_index {
    struct key_rows rows; /* the writer's */
    bool expires;
    bool loaded;
    size_t merge_keys;
    struct key_run *runs;    /* oldest first, in all states */
    size_t run_count, run_cap;
    struct key_entry *added; /* the run that is being added, sorted */
    size_t added_cap;
    size_t step_keys;        /* added in the open transaction */
    struct key_sink *sink;   /* of the run that is being written */
    size_t merged_last;      /* position in `runs`, about, of the merge that had its turn last */
};

/* merge_keys 0: KEY_MERGE_KEYS. */
void key_index_init(struct key_index *k, struct key_rows rows, size_t merge_keys);
void key_index_done(struct key_index *k);

/* The transaction was taken back, or it is not known: the next call below reads which runs there
 * are. */
void key_index_outdate(struct key_index *k);

/* All of these in the open transaction; after a failure of one of them, or of the commit,
 * key_index_outdate(). */

/* Reads which runs there are, unless that is known. The others do so themselves. */
must_check enum err key_index_load(struct key_index *k);

/* Writes these decisions as a run. */
must_check enum err key_index_add(struct key_index *k, const struct key_decision *decisions,
                                  size_t count);

/* Ends the runs whose newest decision is not later than this; their rows are deleted in slices. */
must_check enum err key_index_expire(struct key_index *k, uint64_t until_ns);

/* The last before the commit: merges and deletes one slice, and writes the rows of runs. */
must_check enum err key_index_advance(struct key_index *k);

/* For the files of the key index: a new run behind the others, with the next number. */
struct key_run *key_index_push(struct key_index *k, enum key_run_state state);

#endif
