/* SPDX-License-Identifier: Apache-2.0 */
/* Batch index: where the batches of each shard stand in journal.db. The rows of batches are
 * numbered 1, 2, 3, ... as they are committed, whatever shard they are of: what is committed
 * together lies together, and a commit of sixteen shards writes as many pages as its bytes need,
 * not one a shard.
 *
 * Each full stretch of BATCH_STRETCH rows has one line for each shard that has batches in it. It is
 * written with the last row of the stretch, so the lines and the rows behind them are always all
 * there is. Of the rows behind them the writer also keeps in memory which batches they are. */
#ifndef SQLITE_BATCH_INDEX_H
#define SQLITE_BATCH_INDEX_H

#include <pthread.h>

#include "runtime/store/sqlite/db.h"

#define BATCH_STRETCH 1024

/* Rows of a stretch that is not full yet. The functions with it are the writer's, in its open
 * transaction; only batch_index_each() is anybody's. */
struct batch_index {
    pthread_mutex_t lock; /* guards what follows */
    bool known;           /* it is what the transaction sees */
    uint64_t before;      /* rows of full stretches */
    uint32_t count;
    struct {
        uint16_t shard;
        uint64_t seq;
    } rows[BATCH_STRETCH];
};

void batch_index_init(struct batch_index *x);
void batch_index_done(struct batch_index *x);

/* The transaction has begun: what is known is compared with the file, and read if it differs. */
must_check enum err batch_index_begin(struct batch_index *x, struct db *d);
/* The transaction was taken back, or the file may be another. */
void batch_index_forget(struct batch_index *x);
/* The newest batch of a shard; 0 = none. */
must_check enum err batch_index_head(struct batch_index *x, struct db *d, uint16_t shard,
                                     uint64_t *seq);
/* The row that the next batch gets. It was inserted: batch_index_add(). */
uint64_t batch_index_next_row(const struct batch_index *x);
must_check enum err batch_index_add(struct batch_index *x, struct db *d, uint16_t shard,
                                    uint64_t seq);

/* Any reader, in a transaction: else lines and rows are of two moments. */

/* The newest batch of a shard in the file; 0 = none. */
must_check enum err batch_index_newest(struct db *d, uint16_t shard, uint64_t *seq);
/* false stops. */
typedef bool (*batch_index_cb)(void *context, uint64_t row, uint64_t seq);
/* Gives the rows of a shard's batches from first_seq on, in order. *row: where in memory nothing is
 * known of the rows behind those that lines name, the first of these, which the reader must look
 * through itself; else 0. */
must_check enum err batch_index_each(struct batch_index *x, struct db *d, uint16_t shard,
                                     uint64_t first_seq, batch_index_cb each, void *context,
                                     uint64_t *row);

#endif
