/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit without a timer: while one append is on the disk, the next batch fills. */
#include "runtime/journal/journal.h"

#include <stdlib.h>

#include "runtime/base/plant.h"
#include "runtime/journal/replay.h"

#define SPARE_BODY_BYTES ((size_t)4 << 20) /* larger bodies are given back to the system */

static struct batch *batch_of(struct fifo_link *link)
{
    return container_of(link, struct batch, link);
}

static struct batch *batch_take(struct journal *j, uint64_t seq)
{
    struct fifo_link *link = fifo_pop(&j->spare);
    struct batch *b = link == NULL ? NULL : batch_of(link);
    if (b == NULL) {
        b = calloc(1, sizeof *b);
        check(b != NULL);
        wire_writer_init(&b->body, JOURNAL_BATCH_BYTES_MAX);
    }
    b->seq = seq;
    b->records = b->items = 0;
    fifo_init(&b->held);
    wire_writer_clear(&b->body);
    record_body_start(&b->body);
    return b;
}

void journal_spare(struct journal *j, struct batch *b)
{
    check(fifo_empty(&b->held));
    if (b->body.cap > SPARE_BODY_BYTES) {
        wire_writer_done(&b->body);
        wire_writer_init(&b->body, JOURNAL_BATCH_BYTES_MAX);
    }
    free(b->marks);
    b->marks = NULL;
    b->mark_count = b->mark_cap = 0;
    fifo_push(&j->spare, &b->link);
}

static void free_all(struct fifo *batches)
{
    struct fifo_link *link;
    while ((link = fifo_pop(batches)) != NULL) {
        struct batch *b = batch_of(link);
        wire_writer_done(&b->body);
        free(b->marks);
        free(b);
    }
}

static void append_run(struct work *w);
static void append_done(struct work *w);

void journal_init(struct journal *j, struct env *env, struct lane *lane, struct store *store,
                  uint16_t shard)
{
    *j = (struct journal){.env = env, .lane = lane, .store = store, .shard = shard};
    j->append.work.run = append_run;
    j->append.work.done = append_done;
    fifo_init(&j->closed);
    fifo_init(&j->flying);
    fifo_init(&j->spare);
}

void journal_done(struct journal *j)
{
    check(!j->appending);
    if (j->open != NULL)
        fifo_push(&j->spare, &j->open->link);
    free_all(&j->closed);
    free_all(&j->flying);
    free_all(&j->spare);
}

void journal_resume(struct journal *j, uint64_t epoch, uint64_t seq,
                    const struct sha256_digest *hash)
{
    check(!j->appending && fifo_empty(&j->closed) && fifo_empty(&j->flying));
    if (j->open != NULL)
        journal_spare(j, j->open);
    j->epoch = epoch;
    j->committed_seq = seq;
    j->hash = *hash;
    j->closed_bytes = 0;
    j->open = batch_take(j, seq + 1);
}

static void close_open(struct journal *j)
{
    struct batch *b = j->open;
    check(!b->body.failed);
    fifo_push(&j->closed, &b->link);
    j->closed_bytes += b->body.len;
    j->open = batch_take(j, b->seq + 1);
}

void journal_turn_done(struct journal *j)
{
    if (j->open->body.len >= JOURNAL_BATCH_BYTES || j->open->items >= BATCH_ITEMS_MAX / 2)
        close_open(j);
}

/* Hands the oldest closed batches to the store. */
static void append_start(struct journal *j)
{
    j->append.count = 0;
    while (j->append.count < JOURNAL_APPEND_BATCHES && !fifo_empty(&j->closed)) {
        struct batch *b = batch_of(fifo_pop(&j->closed));
        j->closed_bytes -= b->body.len;
        j->append.rows[j->append.count++] = (struct batch_row){
            .shard = j->shard,
            .seq = b->seq,
            .epoch = j->epoch,
            .count = b->records,
            .body = wire_written(&b->body),
        };
        fifo_push(&j->flying, &b->link);
    }
    j->append.rows[0].prev_hash = j->hash;
    j->append.started_ns = env_mono_ns(j->env);
    j->appending = true;
    env_work(j->env, j->lane, &j->append.work);
}

void journal_flush(struct journal *j)
{
    if (j->appending || j->open == NULL)
        return;
    if (j->open->records > 0)
        close_open(j);
    if (!fifo_empty(&j->closed))
        append_start(j);
}

void journal_probe(struct journal *j)
{
    if (j->appending || j->open == NULL)
        return;
    close_open(j);
    append_start(j);
}

static bool empty(const struct batch *b)
{
    return b->records == 0 && fifo_empty(&b->held);
}

static bool all_empty(const struct fifo *batches)
{
    for (struct fifo_link *l = batches->first; l != NULL; l = l->next)
        if (!empty(batch_of(l)))
            return false;
    return true;
}

bool journal_retract(struct journal *j)
{
    check(!j->appending && j->open != NULL);
    if (!empty(j->open) || !all_empty(&j->closed) || !all_empty(&j->flying))
        return false;
    struct batch *b;
    while ((b = journal_take_failed(j)) != NULL)
        journal_spare(j, b);
    j->closed_bytes = 0;
    j->open = batch_take(j, j->committed_seq + 1);
    return true;
}

/* On the journal lane: chain the hashes, append. */
static void append_run(struct work *w)
{
    struct journal *j = container_of(w, struct journal, append.work);
    struct batch_row *rows = j->append.rows;
    for (uint32_t i = 0; i < j->append.count; i++) {
        if (i > 0)
            rows[i].prev_hash = rows[i - 1].hash;
        rows[i].hash = batch_hash(&rows[i]);
    }
    j->append.result = j->store->ops->append(j->store, rows, j->append.count);
}

static void count_append(struct journal *j)
{
    j->append.took_ns = env_mono_ns(j->env) - j->append.started_ns;
    j->stats.appends++;
    j->stats.append_ns_sum += j->append.took_ns;
    histogram_add(&j->stats.append_ns, HISTOGRAM_LATENCY_UNIT, j->append.took_ns);
    if (j->append.took_ns > j->stats.append_ns_max)
        j->stats.append_ns_max = j->append.took_ns;
}

static void append_done(struct work *w)
{
    struct journal *j = container_of(w, struct journal, append.work);
    j->appending = false;
    count_append(j);
    uint32_t n = 0;
    for (struct fifo_link *l = j->flying.first; l != NULL; l = l->next)
        batch_of(l)->hash = j->append.rows[n++].hash;
    if (PLANT(UNKNOWN_IS_SUCCESS) && j->append.result == ERR_UNKNOWN)
        j->append.result = ERR_OK;
    if (j->append.result != ERR_OK) {
        j->on_failure(j->context, j->append.result);
        return;
    }
    struct fifo_link *link;
    while ((link = fifo_pop(&j->flying)) != NULL) {
        struct batch *b = batch_of(link);
        check(b->seq == j->committed_seq + 1);
        j->committed_seq = b->seq;
        j->hash = b->hash;
        j->stats.batches++;
        j->stats.records += b->records;
        histogram_add(&j->stats.batch_records, HISTOGRAM_BATCH_UNIT, b->records);
        j->stats.bytes += b->body.len;
        j->on_durable(j->context, b);
        journal_spare(j, b);
    }
    journal_flush(j);
}

struct batch *journal_batch(struct journal *j, uint64_t seq)
{
    if (j->open != NULL && j->open->seq == seq)
        return j->open;
    for (struct fifo_link *l = j->closed.first; l != NULL; l = l->next)
        if (batch_of(l)->seq == seq)
            return batch_of(l);
    for (struct fifo_link *l = j->flying.first; l != NULL; l = l->next)
        if (batch_of(l)->seq == seq)
            return batch_of(l);
    return NULL;
}

void journal_hold(struct journal *j, uint64_t seq, struct fifo_link *answer)
{
    struct batch *b = journal_batch(j, seq);
    check(b != NULL);
    fifo_push(&b->held, answer);
}

struct batch *journal_take_failed(struct journal *j)
{
    struct fifo_link *link = fifo_pop(&j->flying);
    return link != NULL ? batch_of(link) : journal_take_unsent(j);
}

struct batch *journal_take_unsent(struct journal *j)
{
    struct fifo_link *link = fifo_pop(&j->closed);
    if (link != NULL)
        return batch_of(link);
    struct batch *b = j->open;
    j->open = NULL;
    return b;
}

/* --- the items of a batch -------------------------------------------------------------------- */

/* Item i is not before mark i / BATCH_MARK_ITEMS, counted from 1. */
static void mark(struct batch *b, const struct record_reader *r)
{
    if (r->next_item < (b->mark_count + 1) * BATCH_MARK_ITEMS)
        return;
    if (b->mark_count == b->mark_cap) {
        b->mark_cap = b->mark_cap == 0 ? 64 : b->mark_cap * 2;
        b->marks = realloc(b->marks, b->mark_cap * sizeof *b->marks);
        check(b->marks != NULL);
    }
    b->marks[b->mark_count++] = (struct batch_mark){*r, (size_t)(r->wire.at - b->body.data)};
}

void batch_find(struct batch *b, struct record_reader *r, uint32_t item, enum record_part part)
{
    uint32_t marks = item / BATCH_MARK_ITEMS;
    marks = marks < b->mark_count ? marks : b->mark_count;
    if (marks == 0) {
        record_reader_init(r, wire_written(&b->body));
    } else {
        *r = b->marks[marks - 1].reader;
        r->wire.at = b->body.data + b->marks[marks - 1].at;
        r->wire.end = b->body.data + b->body.len;
    }
    enum record_part found;
    do {
        mark(b, r);
        found = record_next(r);
        check(found != RECORD_DONE && found != RECORD_DAMAGED);
    } while (r->item != item || found != part);
}

void batch_cut(struct batch *b, size_t len)
{
    b->body.len = len;
    while (b->mark_count > 0 && b->marks[b->mark_count - 1].at > len)
        b->mark_count--;
}
