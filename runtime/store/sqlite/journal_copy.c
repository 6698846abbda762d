/* SPDX-License-Identifier: Apache-2.0 */
/* The directory is opened as by a node, which makes its files, but no lease is taken: rows are put
 * into the journal's table directly, COMMIT_BYTES in a transaction, and the WAL is emptied every
 * MERGE_BYTES. The leases get the epochs of the newest batches, so that the first node takes a
 * later one. A copy that was broken off goes on from what was committed. */
#include "runtime/store/sqlite/journal_copy.h"

#include <stdio.h>

#include "runtime/store/sqlite/sqlite_journal.h"
#include "runtime/store/sqlite/sqlite_slots.h"

#define COMMIT_BYTES ((size_t)4 << 20)
#define MERGE_BYTES ((size_t)64 << 20)

static bool journal_copy_end_of(void *context, const struct batch_row *row)
{
    struct journal_copy_end *end = context;
    *end = (struct journal_copy_end){row->seq, row->epoch, row->hash};
    return false;
}

static enum err journal_copy_read_ends(struct journal_copy *c)
{
    const struct journal_store_ops *ops = c->journal->ops;
    enum err e = ERR_OK;
    for (uint16_t shard = 0; e == ERR_OK && shard < JOURNAL_COPY_SHARDS; shard++) {
        uint64_t head = 0;
        e = ops->head(c->journal, shard, &head);
        if (e == ERR_OK && head > 0)
            e = ops->tail(c->journal, shard, head, journal_copy_end_of, &c->ends[shard]);
    }
    return e;
}

enum err journal_copy_open(struct journal_copy *c, const struct store_sqlite_options *options,
                           char *reason, size_t reason_size)
{
    *c = (struct journal_copy){0};
    enum err e = store_sqlite_open(options, &c->journal, &c->views, reason, reason_size);
    if (e != ERR_OK)
        return e;
    c->store = store_sqlite_of_journal(c->journal);
    atomic_store(&c->store->used, true);
    e = journal_copy_read_ends(c);
    if (e == ERR_OK)
        return ERR_OK;
    snprintf(reason, reason_size, "%s: what was copied before cannot be read: %s",
             options->directory, err_text(e));
    journal_copy_close(c);
    return e;
}

static enum err journal_copy_commit(struct journal_copy *c)
{
    sqlite3 *handle = c->store->journal.handle;
    enum err e = c->open ? db_run(&c->store->journal, DB_COMMIT) : ERR_OK;
    if (e != ERR_OK)
        return e;
    c->open = false;
    c->unmerged += c->pending;
    c->pending = 0;
    if (c->unmerged < MERGE_BYTES)
        return ERR_OK;
    c->unmerged = 0;
    int code = sqlite3_wal_checkpoint_v2(handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    return code == SQLITE_OK ? ERR_OK : db_error(code);
}

static enum err journal_copy_begin(struct journal_copy *c)
{
    enum err e = db_run(&c->store->journal, DB_BEGIN);
    c->open = e == ERR_OK;
    return e == ERR_OK ? batch_index_begin(&c->store->batches, &c->store->journal) : e;
}

enum err journal_copy_add(struct journal_copy *c, const struct batch_row *row)
{
    check(row->shard < JOURNAL_COPY_SHARDS && row->seq > c->ends[row->shard].seq);
    enum err e = c->open ? ERR_OK : journal_copy_begin(c);
    if (e == ERR_OK)
        e = sqlite_journal_insert(c->store, row);
    if (e != ERR_OK)
        return e;
    c->ends[row->shard] = (struct journal_copy_end){row->seq, row->epoch, row->hash};
    c->pending += row->body.len + sizeof *row;
    return c->pending >= COMMIT_BYTES ? journal_copy_commit(c) : ERR_OK;
}

static enum err journal_copy_put_lease(struct journal_copy *c, uint16_t shard, uint64_t epoch)
{
    struct db_use use;
    enum err e = db_fixed(&c->store->journal, DB_LEASE_COPY, &use);
    if (e != ERR_OK)
        return e;
    db_bind_number(use, 1, shard);
    db_bind_number(use, 2, epoch);
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

static void journal_copy_note(struct journal_copy *c, uint16_t shard)
{
    const struct journal_copy_end *end = &c->ends[shard];
    struct commit_mark_record record = {.a = end->seq};
    memcpy(record.hash, end->hash.bytes, SHA256_SIZE);
    if (end->seq > 0)
        commit_mark_note(&c->store->commit_mark, COMMIT_MARK_SHARD + shard, &record);
}

enum err journal_copy_finish(struct journal_copy *c, const struct slot_map *slots,
                             const uint64_t *epochs)
{
    uint16_t shards = slots->shards;
    check(shards <= JOURNAL_COPY_SHARDS);
    enum err e = journal_copy_commit(c);
    if (e == ERR_OK)
        e = db_run(&c->store->journal, DB_BEGIN);
    c->open = e == ERR_OK;
    if (e == ERR_OK)
        e = sqlite_slots_put(&c->store->journal, slots);
    for (uint16_t shard = 0; e == ERR_OK && shard < shards; shard++) {
        uint64_t known = epochs != NULL ? epochs[shard] : 0, newest = c->ends[shard].epoch;
        e = journal_copy_put_lease(c, shard, known > newest ? known : newest);
    }
    if (e == ERR_OK)
        e = journal_copy_commit(c);
    for (uint16_t shard = 0; e == ERR_OK && shard < shards; shard++)
        journal_copy_note(c, shard);
    if (e == ERR_OK && shards > 0)
        commit_mark_write(&c->store->commit_mark, COMMIT_MARK_SHARD,
                          COMMIT_MARK_SHARD + shards - 1u);
    return e == ERR_OK && !commit_mark_sync(&c->store->commit_mark) ? ERR_IO : e;
}

void journal_copy_close(struct journal_copy *c)
{
    if (c->open)
        db_rollback(&c->store->journal);
    c->views->ops->close(c->views);
    c->journal->ops->close(c->journal);
    *c = (struct journal_copy){0};
}
