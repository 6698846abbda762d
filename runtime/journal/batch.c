/* SPDX-License-Identifier: Apache-2.0 */
/* The body is one msgpack stream (record.h) that only grows, or is cut back by a turn that is
 * undone. Each walk to an item leaves marks behind, so that the next one need not begin at the
 * start; a cut drops the marks beyond it. What the walk finds was written by this process, so
 * anything else than the item looked for is a bug.
 *
 * Principals are found by a table with open addressing. The ones that a cut takes back are those
 * that came last, and they are taken out in the reverse order: so a slot that becomes free is on
 * the way to none that stays. */
#include "runtime/journal/batch.h"

#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/mutant.h"

#define BATCH_SLOTS_FIRST 64              /* a power of two */
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
    free(b->principals);
    free(b->sends);
    free(b->takens);
    free(b->principal_slots);
    free(b);
    return NULL;
}

/* --- principals ------------------------------------------------------------------------------- */

static uint32_t *batch_slot_of(const struct batch *b, struct id128 id)
{
    check(b->principal_slot_count > 0);
    uint32_t mask = b->principal_slot_count - 1, at = (uint32_t)id128_hash(id) & mask;
    while (b->principal_slots[at] != 0 &&
           !id128_equal(b->principals[b->principal_slots[at] - 1].id, id))
        at = (at + 1) & mask;
    return &b->principal_slots[at];
}

static void batch_grow_slots(struct batch *b)
{
    b->principal_slot_count =
        b->principal_slot_count == 0 ? BATCH_SLOTS_FIRST : 2 * b->principal_slot_count;
    free(b->principal_slots);
    b->principal_slots =
        memory_take_zeroed(b->principal_slot_count, sizeof *b->principal_slots);
    for (uint32_t i = 0; i < b->principal_count; i++)
        *batch_slot_of(b, b->principals[i].id) = i + 1;
}

static void batch_drop_principals(struct batch *b, size_t from)
{
    while (b->principal_count > 0 && b->principals[b->principal_count - 1].at >= from)
        *batch_slot_of(b, b->principals[--b->principal_count].id) = 0;
}

/* The number of the principal; *first: it is new. */
static uint32_t batch_number_of(struct batch *b, struct id128 id, bool *first)
{
    check(!id128_is_zero(id));
    *first = false;
    if (b->principal_count > 0 && id128_equal(b->principals[b->principal_count - 1].id, id))
        return b->principal_count - 1;
    if (2 * (b->principal_count + 1) > b->principal_slot_count)
        batch_grow_slots(b);
    uint32_t *slot = batch_slot_of(b, id);
    if (*slot != 0)
        return *slot - 1;
    *first = true;
    array_reserve(b->principals, b->principal_cap, b->principal_count + 1);
    b->principals[b->principal_count] = (struct batch_principal){id, b->body.len};
    *slot = ++b->principal_count;
    return b->principal_count - 1;
}

void batch_begin_record(struct batch *b, const struct record_head *head)
{
    bool first;
    check(b->state == BATCH_OPEN);
    b->begun = (struct batch_begin){b->body.len, b->items, b->principal_count};
    uint32_t number = batch_number_of(b, head->who->id, &first);
    record_begin(&b->body, head, number, first);
}

void batch_take(struct batch *b, const struct record_taken *taken)
{
    check(b->state == BATCH_OPEN && b->records < b->items);
    array_reserve(b->takens, b->taken_cap, b->taken_count + 1);
    b->takens[b->taken_count++] = (struct batch_taken){b->body.len, *taken};
    record_taken(&b->body, taken);
}

uint64_t batch_send(struct batch *b, const struct record_send *send,
                    void (*put)(struct wire_writer *w, const void *body), const void *body)
{
    check(b->state == BATCH_OPEN && b->records < b->items);
    array_reserve(b->sends, b->send_cap, b->send_count + 1);
    b->sends[b->send_count++] =
        (struct batch_send){b->body.len, b->items++, send->to, send->to_all, b->begun};
    return record_send(&b->body, send, put, body);
}

static void batch_drop_sends(struct batch *b, size_t from)
{
    while (b->send_count > 0 && b->sends[b->send_count - 1].at >= from &&
           !(MUTANT(UNDO_FORGETS_SENDS) && from > RECORD_BODY_START))
        b->send_count--;
    while (b->taken_count > 0 && b->takens[b->taken_count - 1].at >= from)
        b->taken_count--;
    check(b->send_count <= b->items || MUTANT(UNDO_FORGETS_SENDS));
}

/* --- life ------------------------------------------------------------------------------------- */

void batch_start(struct batch *b, uint64_t seq)
{
    check(b->state == BATCH_FREE && seq > 0);
    check(fifo_empty(&b->deferred) && b->mark_count == 0);
    batch_drop_principals(b, 0);
    batch_drop_sends(b, 0);
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

static void batch_add_mark(struct batch *b, const struct record_reader *r)
{
    struct batch_mark start = {.at = RECORD_BODY_START};
    const struct batch_mark *last = b->mark_count > 0 ? &b->marks[b->mark_count - 1] : &start;
    size_t at = (size_t)(r->wire.at - b->body.data);
    if (r->next_item < last->reader.next_item + BATCH_MARK_ITEMS &&
        (at < last->at + BATCH_MARK_BYTES || r->next_item == last->reader.next_item))
        return;
    array_reserve(b->marks, b->mark_cap, b->mark_count + 1);
    b->marks[b->mark_count++] = (struct batch_mark){*r, at};
}

/* How many marks stand before the item. */
static uint32_t batch_marks_before(const struct batch *b, uint32_t item)
{
    uint32_t low = 0, high = b->mark_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (b->marks[middle].reader.next_item <= item)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The reader at the nearest mark before the item, or at the start. */
static void batch_read_from(struct batch *b, struct record_reader *r, uint32_t item)
{
    uint32_t marks = batch_marks_before(b, item);
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
    check(part <= RECORD_END);
    batch_read_from(b, r, item);
    do {
        batch_add_mark(b, r);
        found = record_next(r);
        check(found != RECORD_DONE && found != RECORD_DAMAGED);
    } while (r->item != item || found != part);
}

/* The texts of a principal that appeared in another record. */
static void batch_resolve(const struct batch *b, struct attribution *a)
{
    if (a->first)
        return;
    check(a->number < b->principal_count);
    const uint8_t *at = b->body.data + b->principals[a->number].at;
    struct record_reader earlier = {.principals = a->number};
    wire_reader_init(&earlier.wire, at, (size_t)(b->body.data + b->body.len - at));
    enum record_part part = record_next(&earlier);
    check(part == RECORD_BEGIN && earlier.attribution.first);
    a->tenant = earlier.attribution.tenant;
    a->subject = earlier.attribution.subject;
    a->client = earlier.attribution.client;
    a->token_id = earlier.attribution.token_id;
}

void batch_attribution(struct batch *b, uint32_t begin_item, struct attribution *ret)
{
    struct record_reader r;
    batch_find(b, &r, begin_item, RECORD_BEGIN);
    *ret = r.attribution;
    batch_resolve(b, ret);
}

void batch_read_send(struct batch *b, const struct batch_send *send, struct record_reader *r)
{
    const struct batch_begin *record = &send->record;
    check(record->at < send->at && send->at < b->body.len);
    *r = (struct record_reader){.next_item = record->item, .principals = record->principals};
    wire_reader_init(&r->wire, b->body.data + record->at, b->body.len - record->at);
    enum record_part part = record_next(r);
    check(part == RECORD_BEGIN);
    r->wire.at = b->body.data + send->at;
    r->next_item = send->item;
    part = record_next(r);
    check(part == RECORD_SEND);
    batch_resolve(b, &r->attribution);
}

void batch_cut(struct batch *b, size_t len)
{
    check(b->state == BATCH_OPEN && len >= RECORD_BODY_START);
    if (!MUTANT(KEEP_PRINCIPALS))
        batch_drop_principals(b, len);
    batch_drop_sends(b, len);
    wire_writer_cut(&b->body, len);
    while (b->mark_count > 0 && b->marks[b->mark_count - 1].at > len)
        b->mark_count--;
}
