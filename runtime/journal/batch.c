/* SPDX-License-Identifier: Apache-2.0 */
/* The body is one msgpack stream (record.h) that only grows, or is cut back by a turn that is
 * undone. Each walk to an item leaves marks behind, so that the next one need not begin at the
 * start; a cut drops the marks beyond it. What the walk finds was written by this process, so
 * anything else than the item looked for is a bug. */
#include "runtime/journal/batch.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"
#include "runtime/base/memory.h"

#define BATCH_BODY_KEPT ((size_t)4 << 20) /* larger bodies are given back to the system */

struct batch *batch_new(size_t body_max)
{
    struct batch *b = memory_take_zeroed(1, sizeof *b);
    wire_writer_init(&b->body, body_max);
    fifo_init(&b->deferred);
    return b;
}

struct batch *batch_free(struct batch *b)
{
    if (b == NULL)
        return NULL;
    wire_writer_done(&b->body);
    free(b->marks);
    free(b);
    return NULL;
}

void batch_start(struct batch *b, uint64_t seq)
{
    check(b->state == BATCH_FREE && seq > 0);
    check(fifo_empty(&b->deferred) && b->mark_count == 0);
    b->seq = seq;
    b->records = b->items = 0;
    wire_writer_clear(&b->body);
    record_body_start(&b->body);
    check(!b->body.failed);
}

void batch_trim(struct batch *b)
{
    check(fifo_empty(&b->deferred));
    if (b->body.cap > BATCH_BODY_KEPT) {
        size_t body_max = b->body.len_max;
        wire_writer_done(&b->body);
        wire_writer_init(&b->body, body_max);
    }
    free(b->marks);
    b->marks = NULL;
    b->mark_count = b->mark_cap = 0;
}

/* Marks are counted from 1: mark n stands at or before item n * BATCH_MARK_ITEMS. */
static void batch_add_mark(struct batch *b, const struct record_reader *r)
{
    if (r->next_item < (b->mark_count + 1) * BATCH_MARK_ITEMS)
        return;
    array_reserve(b->marks, b->mark_cap, b->mark_count + 1);
    b->marks[b->mark_count++] = (struct batch_mark){*r, (size_t)(r->wire.at - b->body.data)};
}

/* The reader at the nearest mark before the item, or at the start. */
static void batch_read_from(struct batch *b, struct record_reader *r, uint32_t item)
{
    uint32_t marks = item / BATCH_MARK_ITEMS;
    marks = marks < b->mark_count ? marks : b->mark_count;
    if (marks == 0) {
        record_reader_init(r, wire_written(&b->body));
        return;
    }
    const struct batch_mark *mark = &b->marks[marks - 1];
    check(mark->at <= b->body.len);
    *r = mark->reader;
    r->wire.at = b->body.data + mark->at;
    r->wire.end = b->body.data + b->body.len;
}

void batch_find(struct batch *b, struct record_reader *r, uint32_t item, enum record_part part)
{
    enum record_part found;
    check(b->state != BATCH_FREE);
    check(part == RECORD_EVENT || part == RECORD_END);
    batch_read_from(b, r, item);
    do {
        batch_add_mark(b, r);
        found = record_next(r);
        check(found != RECORD_DONE && found != RECORD_DAMAGED);
    } while (r->item != item || found != part);
}

void batch_cut(struct batch *b, size_t len)
{
    check(b->state == BATCH_OPEN && len >= RECORD_BODY_START);
    wire_writer_cut(&b->body, len);
    while (b->mark_count > 0 && b->marks[b->mark_count - 1].at > len)
        b->mark_count--;
}
