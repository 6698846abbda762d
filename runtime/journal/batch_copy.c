/* SPDX-License-Identifier: Apache-2.0 */
/* The store is asked for its tail twice, each time for the first row alone: the batch, whose body
 * is copied because the row is valid during the call only, and the one before it for its hash. */
#include "runtime/journal/batch_copy.h"

#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/journal/record.h"

struct taking {
    struct batch_copy *copy;
    uint64_t seq;
    bool found;
};

static bool batch_copy_row(void *context, const struct batch_row *row)
{
    struct taking *t = context;
    t->found = row->seq == t->seq;
    if (!t->found)
        return false;
    check(t->copy->row.body.data == NULL);
    char *body = memory_take(row->body.len + 1);
    memcpy(body, row->body.data, row->body.len);
    t->copy->row = *row;
    t->copy->row.body.data = body;
    return false;
}

static bool batch_copy_hash(void *context, const struct batch_row *row)
{
    struct taking *t = context;
    t->found = row->seq == t->seq;
    t->copy->before = row->hash;
    return false;
}

enum err batch_copy_take(struct batch_copy *c, struct journal_store *s, uint16_t shard,
                         uint64_t seq)
{
    struct taking batch = {c, seq, false}, before = {c, seq - 1, seq == 1};
    *c = (struct batch_copy){0};
    if (seq == 0)
        return ERR_NOT_FOUND;
    enum err e = s->ops->tail(s, shard, seq, batch_copy_row, &batch);
    if (e != ERR_OK || !batch.found)
        return e != ERR_OK ? e : ERR_NOT_FOUND;
    e = before.found ? ERR_OK : s->ops->tail(s, shard, seq - 1, batch_copy_hash, &before);
    c->has_before = e == ERR_OK && before.found;
    check(c->row.seq == seq && c->row.body.data != NULL);
    return ERR_OK;
}

void batch_copy_drop(struct batch_copy *c)
{
    free((void *)(uintptr_t)c->row.body.data);
    *c = (struct batch_copy){0};
}

const char *batch_copy_fault(const struct batch_copy *c)
{
    check(c->row.body.data != NULL);
    struct sha256_digest hash = batch_hash(&c->row);
    if (memcmp(hash.bytes, c->row.hash.bytes, SHA256_SIZE) != 0)
        return "its hash does not match its content";
    if (!c->has_before)
        return "the batch before it is missing or cannot be read";
    if (memcmp(c->before.bytes, c->row.prev_hash.bytes, SHA256_SIZE) != 0)
        return "it does not follow the batch before it (hash chain broken)";
    return NULL;
}
