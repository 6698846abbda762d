/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of the embedded store: the calls of journal_store.h over journal.db. */
#ifndef SQLITE_JOURNAL_H
#define SQLITE_JOURNAL_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

#define JOURNAL_SEQ_MAX ((1ull << 47) - 1)

/* After each opening of s->journal: remembers which files it led to, and counts the WAL's frames.
 */
void sqlite_journal_watch(struct store_sqlite *s);

/* Views worker: copies the WAL into journal.db when enough of it is not copied yet. */
void sqlite_journal_tidy(struct journal_store *base);

/* Journal worker. After ERR_IO or ERR_UNKNOWN each gives ERR_IO until a reopen succeeded. */
void sqlite_journal_append(struct journal_store *base, struct batch_run *runs, uint32_t count);
enum err sqlite_journal_reopen(struct journal_store *base);
enum err sqlite_journal_lease_take(struct journal_store *base, uint16_t shard, struct slice owner,
                                   uint64_t *epoch);
enum err sqlite_journal_lease_release(struct journal_store *base, uint16_t shard, uint64_t epoch);

/* Puts one batch into the open transaction of the journal's writer, after batch_index_begin(). */
must_check enum err sqlite_journal_insert(struct store_sqlite *s, const struct batch_row *row);

/* Any thread. */
enum err sqlite_journal_tail(struct journal_store *base, uint16_t shard, uint64_t first_seq,
                             batch_row_cb row, void *context);
/* The end of a transaction of the views, on its thread. */
void sqlite_journal_end_following(struct store_sqlite *s);
enum err sqlite_journal_head(struct journal_store *base, uint16_t shard, uint64_t *seq);
enum err sqlite_journal_committed(struct journal_store *base, uint16_t shard,
                                  struct store_position *position);

#endif
