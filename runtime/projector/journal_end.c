/* SPDX-License-Identifier: Apache-2.0 */
/* Head first: it tells a lost end. Then the batch itself, by its hash, which tells another journal
 * of the same length. The recovery looks at the same more closely, but only with the shard's lease,
 * and taking that writes where the lost batches may still be: so this is asked before. */
#include "runtime/projector/journal_end.h"

#include <stdio.h>

struct end_check {
    const struct store_position *known;
    bool seen, same;
};

static bool end_compare(void *context, const struct batch_row *row)
{
    struct end_check *c = context;
    c->seen = row->seq == c->known->seq;
    c->same = memcmp(row->hash.bytes, c->known->hash.bytes, SHA256_SIZE) == 0;
    return false;
}

/* Is another batch in its place? None is in that of 0. A hole is damage, which replaying it finds
 * and names. */
static bool end_other(struct journal_store *journal, uint16_t shard,
                      const struct store_position *known)
{
    struct end_check c = {.known = known};
    enum err e = journal->ops->tail(journal, shard, known->seq, end_compare, &c);
    return e == ERR_OK && c.seen && !c.same;
}

bool journal_end_holds(struct journal_store *journal, struct view_store *views, uint16_t shard,
                       char *reason, size_t reason_size)
{
    struct store_position committed = {0}, position = {0};
    uint64_t head = 0;
    if (journal->ops->head(journal, shard, &head) != ERR_OK)
        return true;
    unsigned long long end = head;
    bool marked = journal->ops->committed(journal, shard, &committed) == ERR_OK;
    bool viewed = views->ops->position(views, shard, &position) == ERR_OK;
    if (marked && committed.seq > head)
        snprintf(reason, reason_size,
                 "batch %llu was committed, but the journal of shard %u ends at batch %llu: its "
                 "end is lost, or an older one was restored; restore the directory from a "
                 "backup, or delete views and commit mark to go on without what is lost",
                 (unsigned long long)committed.seq, shard, end);
    else if (viewed && position.seq > head)
        snprintf(reason, reason_size,
                 "the views stand at batch %llu, but the journal of shard %u ends at batch "
                 "%llu: its end is lost, or an older one was restored; restore journal and "
                 "views together from a backup",
                 (unsigned long long)position.seq, shard, end);
    else if (marked && end_other(journal, shard, &committed))
        snprintf(reason, reason_size,
                 "batch %llu of the journal of shard %u is not the one that was committed; if "
                 "this journal is the right one, delete views and commit mark",
                 (unsigned long long)committed.seq, shard);
    else if (viewed && end_other(journal, shard, &position))
        snprintf(reason, reason_size,
                 "the views stand at batch %llu of another journal of shard %u; if the journal "
                 "is the right one, delete the views: they are rebuilt",
                 (unsigned long long)position.seq, shard);
    else
        return true;
    return false;
}
