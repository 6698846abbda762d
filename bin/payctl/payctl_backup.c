/* SPDX-License-Identifier: Apache-2.0 */
/* store backup: the journal only grows, so a copy of its first batches, up to one that was durable
 * at some moment, is the journal as it was then; what is derived from it is made anew. Batches come
 * over the operators' link, about a MiB with each answer, the next asked for when those are copied:
 * the node's low worker reads them, turns and commits are in nobody's way. Each is compared with
 * its hash and with the batch before it, and in the end the whole copy is verified. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/payctl/payctl_batch.h"
#include "bin/payctl/payctl_progress.h"
#include "bin/payctl/payctl_slots.h"
#include "bin/payctl/payctl_store.h"
#include "runtime/base/memory.h"
#include "runtime/journal/record.h"
#include "runtime/store/sqlite/journal_copy.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define REASON_MAX 512

struct backup {
    struct payctl *p;
    struct journal_copy copy;
    uint64_t heads[JOURNAL_COPY_SHARDS]; /* how far to copy */
    struct slot_map slots;
    uint64_t done, total; /* batches */
};

static int backup_refuse(struct backup *b, const char *code, const char *why, uint16_t shard,
                         uint64_t seq)
{
    char line[REASON_MAX];
    progress_clear();
    snprintf(line, sizeof line, "batch %llu of shard %u %s", (unsigned long long)seq, shard, why);
    payctl_print_error(b->p, code, NULL, line);
    return PAYCTL_REFUSED;
}

static int backup_read_heads(struct backup *b)
{
    struct store_get nothing = {0};
    struct store_info info;
    int code = payctl_ask_for(b->p, &store_get_type, &nothing, &store_info_type, &info);
    if (code != PAYCTL_OK)
        return code;
    for (uint32_t i = 0; i < info.shards_count; i++) {
        b->heads[i] = info.shards[i].committed;
        b->total += b->heads[i];
    }
    return payctl_slots_read(b->p, &info, &b->slots);
}

static int backup_add(struct backup *b, const struct batch_row *row)
{
    const struct journal_copy_end *end = &b->copy.ends[row->shard];
    struct sha256_digest hash = batch_hash(row);
    if (row->seq != end->seq + 1)
        return backup_refuse(b, "corrupt", "is missing", row->shard, end->seq + 1);
    if (memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) != 0)
        return backup_refuse(b, "corrupt", "does not match its hash", row->shard, row->seq);
    if (memcmp(row->prev_hash.bytes, end->hash.bytes, SHA256_SIZE) != 0)
        return backup_refuse(b, "corrupt",
                             "does not follow the one before it in the copy: that is "
                             "a backup of another journal, or a payd ran on it",
                             row->shard, row->seq);
    enum err e = journal_copy_add(&b->copy, row);
    if (e != ERR_OK)
        return backup_refuse(b, result_info((uint16_t)e)->name, "cannot be written", row->shard,
                             row->seq);
    progress_show("batches", ++b->done, b->total);
    return PAYCTL_OK;
}

static struct sha256_digest backup_digest(struct slice bytes)
{
    struct sha256_digest hash;
    check(bytes.len == SHA256_SIZE); /* as declared */
    memcpy(hash.bytes, bytes.data, SHA256_SIZE);
    return hash;
}

/* A batch of more than one piece. */
static int backup_copy_large(struct backup *b, uint16_t shard, uint64_t seq)
{
    struct journal_batch_get m = {.batch = seq, .has_shard = true, .shard = shard};
    struct batch_copy c = {0};
    int code = payctl_batch_take(b->p, &m, &c);
    if (code == PAYCTL_OK)
        code = backup_add(b, &c.row);
    batch_copy_drop(&c);
    return code;
}

static int backup_copy_some(struct backup *b, uint16_t shard)
{
    uint64_t next = b->copy.ends[shard].seq + 1;
    struct journal_run_get m = {.shard = shard, .first = next};
    struct journal_run run;
    arena_reset(&b->p->arena);
    int code = payctl_ask_for(b->p, &journal_run_get_type, &m, &journal_run_type, &run);
    if (code == PAYCTL_OK && run.batches_count == 0)
        return backup_copy_large(b, shard, next);
    for (uint32_t i = 0; code == PAYCTL_OK && i < run.batches_count; i++) {
        const struct stored_batch *s = &run.batches[i];
        struct batch_row row = {
            .shard = shard,
            .seq = s->seq,
            .epoch = s->epoch,
            .count = s->count,
            .prev_hash = backup_digest(s->previous_hash),
            .hash = backup_digest(s->hash),
            .body = s->body,
        };
        code = backup_add(b, &row);
    }
    return code;
}

static int backup_copy_all(struct backup *b)
{
    int code = PAYCTL_OK;
    for (uint16_t shard = 0; code == PAYCTL_OK && shard < b->slots.shards; shard++) {
        b->done += b->copy.ends[shard].seq; /* of an earlier backup */
        if (b->copy.ends[shard].seq > b->heads[shard])
            return backup_refuse(b, "corrupt",
                                 "is in the copy, but not in the journal: that is a "
                                 "backup of another journal, or a payd ran on it",
                                 shard, b->copy.ends[shard].seq);
        while (code == PAYCTL_OK && b->copy.ends[shard].seq < b->heads[shard])
            code = backup_copy_some(b, shard);
    }
    return code;
}

static int backup_make(struct backup *b, const char *into)
{
    char reason[REASON_MAX];
    struct store_sqlite_options options = payctl_store_options(into);
    enum err e = journal_copy_open(&b->copy, &options, reason, sizeof reason);
    if (e != ERR_OK) {
        payctl_print_error(b->p, result_info((uint16_t)e)->name, NULL, reason);
        return PAYCTL_REFUSED;
    }
    int code = backup_copy_all(b);
    e = code == PAYCTL_OK ? journal_copy_finish(&b->copy, &b->slots, NULL) : ERR_OK;
    journal_copy_close(&b->copy);
    progress_clear();
    if (e == ERR_OK)
        return code;
    payctl_print_error(b->p, result_info((uint16_t)e)->name, "--into", "cannot be written");
    return PAYCTL_REFUSED;
}

int payctl_backup(struct payctl *p)
{
    const char *into = payctl_args_value(&p->args, "into");
    struct backup *b = memory_take_zeroed(1, sizeof *b);
    b->p = p;
    int code = backup_read_heads(b);
    if (code == PAYCTL_OK)
        code = backup_make(b, into);
    free(b);
    return code == PAYCTL_OK ? payctl_verify_data(p, into) : code;
}
