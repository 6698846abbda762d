/* SPDX-License-Identifier: Apache-2.0 */
/* Group commit without a timer: while one append writes, batches gather for the next. There are two
 * appends: while one runs on the worker the other is queued behind it, so the worker never waits
 * for the loop. Which batches an append takes is decided when it begins to run. */
#include "runtime/journal/journal.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/mutant.h"
#include "runtime/journal/record.h"

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
    fifo_init(&b->deferred);
    wire_writer_clear(&b->body);
    record_body_start(&b->body);
    return b;
}

void journal_spare(struct journal *j, struct batch *b)
{
    check(fifo_empty(&b->deferred));
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

void journal_init(struct journal *j, struct env *env, struct worker *worker, struct store *store,
                  uint16_t shard)
{
    *j = (struct journal){.env = env, .worker = worker, .store = store, .shard = shard};
    for (int i = 0; i < JOURNAL_APPENDS; i++) {
        j->appends[i].journal = j;
        j->appends[i].work.run = append_run;
        j->appends[i].work.done = append_done;
    }
    check(pthread_mutex_init(&j->handed.lock, NULL) == 0);
    fifo_init(&j->closed);
    fifo_init(&j->in_flight);
    fifo_init(&j->spare);
}

void journal_done(struct journal *j)
{
    check(journal_at_rest(j));
    if (j->open != NULL)
        fifo_push(&j->spare, &j->open->link);
    free_all(&j->closed);
    free_all(&j->in_flight);
    free_all(&j->spare);
    pthread_mutex_destroy(&j->handed.lock);
}

/* Goes on after the last durable batch. */
static void start_over(struct journal *j)
{
    j->failure = ERR_OK;
    j->doubtful = 0;
    j->queued_bytes = 0;
    j->at_worker.hash = j->hash;
    j->at_worker.broken = false;
    j->open = batch_take(j, j->committed_seq + 1);
}

void journal_resume(struct journal *j, uint64_t epoch, uint64_t seq,
                    const struct sha256_digest *hash)
{
    check(journal_at_rest(j) && fifo_empty(&j->closed) && fifo_empty(&j->in_flight));
    if (j->open != NULL)
        journal_spare(j, j->open);
    j->epoch = epoch;
    j->committed_seq = seq;
    j->hash = *hash;
    start_over(j);
}

static void close_open(struct journal *j)
{
    struct batch *b = j->open;
    check(!b->body.failed);
    fifo_push(&j->closed, &b->link);
    j->queued_bytes += b->body.len;
    j->open = batch_take(j, b->seq + 1);
}

/* --- to the worker ---------------------------------------------------------------------------- */

static struct append *idle_append(struct journal *j)
{
    for (int i = 0; i < JOURNAL_APPENDS; i++)
        if (!j->appends[i].under_way)
            return &j->appends[i];
    return NULL;
}

static void hand_over(struct journal *j)
{
    struct append *call = NULL;
    if (j->failure != ERR_OK)
        return;
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    while (j->handed.count < JOURNAL_APPEND_BATCHES && !fifo_empty(&j->closed)) {
        struct batch *b = batch_of(fifo_pop(&j->closed));
        j->handed.rows[j->handed.count++] = (struct batch_row){
            .shard = j->shard,
            .seq = b->seq,
            .epoch = j->epoch,
            .count = b->records,
            .body = wire_written(&b->body),
        };
        fifo_push(&j->in_flight, &b->link);
    }
    if (j->handed.count > 0 && !j->handed.called)
        call = idle_append(j);
    j->handed.called |= call != NULL;
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
    if (call == NULL)
        return;
    call->under_way = true;
    j->under_way++;
    env_work(j->env, j->worker, &call->work);
}

static bool journal_empty(const struct batch *b)
{
    return b->records == 0 && fifo_empty(&b->deferred);
}

static bool journal_batch_full(const struct batch *b)
{
    return b->body.len >= JOURNAL_BATCH_BYTES || b->items >= BATCH_ITEMS_MAX / 2;
}

void journal_turn_done(struct journal *j)
{
    if (!journal_batch_full(j->open))
        return;
    close_open(j);
    hand_over(j);
}

/* Takes the newest batch back from the worker, unless it is too late. Only while one append runs
 * and another is queued behind it: an idle worker must find the batch that it was called for, or a
 * busy loop would put that append off again and again. */
void journal_reopen(struct journal *j)
{
    if (j->under_way < JOURNAL_APPENDS || j->open == NULL || !journal_empty(j->open) ||
        !fifo_empty(&j->closed) || fifo_empty(&j->in_flight) ||
        journal_batch_full(batch_of(j->in_flight.last)))
        return;
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    bool still_here = j->handed.count > 0;
    j->handed.count -= still_here;
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
    if (!still_here)
        return;
    struct batch *b = batch_of(fifo_pop_last(&j->in_flight));
    j->queued_bytes -= b->body.len;
    journal_spare(j, j->open);
    j->open = b;
}

void journal_flush(struct journal *j)
{
    /* While closed batches wait to be handed over, the open one may as well grow. */
    if (j->open == NULL || j->open->records == 0 || !fifo_empty(&j->closed))
        return;
    close_open(j);
    hand_over(j);
}

void journal_probe(struct journal *j)
{
    if (!journal_at_rest(j) || j->open == NULL)
        return;
    close_open(j);
    hand_over(j);
}

static bool all_empty(const struct fifo *batches)
{
    for (struct fifo_link *l = batches->first; l != NULL; l = l->next)
        if (!journal_empty(batch_of(l)))
            return false;
    return true;
}

bool journal_retract(struct journal *j)
{
    check(journal_at_rest(j) && j->open != NULL);
    if (!journal_empty(j->open) || !all_empty(&j->closed) || !all_empty(&j->in_flight))
        return false;
    struct batch *b;
    while ((b = journal_take_failed(j)) != NULL)
        journal_spare(j, b);
    start_over(j);
    return true;
}

/* --- on the journal worker -------------------------------------------------------------------- */

static void take_handed(struct journal *j, struct append *a)
{
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    a->count = j->handed.count;
    memcpy(a->rows, j->handed.rows, a->count * sizeof a->rows[0]);
    j->handed.count = 0;
    j->handed.called = false;
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
}

static void journal_chain(struct journal *j, struct append *a)
{
    for (uint32_t i = 0; i < a->count; i++) {
        a->rows[i].prev_hash = j->at_worker.hash;
        a->rows[i].hash = batch_hash(&a->rows[i]);
        j->at_worker.hash = a->rows[i].hash;
    }
}

static void append_run(struct work *w)
{
    struct append *a = container_of(w, struct append, work);
    struct journal *j = a->journal;
    uint64_t started_ns = env_mono_ns(j->env);
    take_handed(j, a);
    a->result = ERR_OK;
    if (a->count == 0 || j->at_worker.broken)
        return;
    journal_chain(j, a);
    a->result = j->store->ops->append(j->store, a->rows, a->count);
    if (MUTANT(UNKNOWN_IS_SUCCESS) && a->result == ERR_UNKNOWN)
        a->result = ERR_OK;
    j->at_worker.broken = a->result != ERR_OK;
    a->took_ns = env_mono_ns(j->env) - started_ns;
}

/* --- and back --------------------------------------------------------------------------------- */

static void count_append(struct journal *j, const struct append *a)
{
    j->stats.appends++;
    j->stats.append_ns_sum += a->took_ns;
    histogram_add(&j->stats.append_ns, HISTOGRAM_LATENCY_UNIT, a->took_ns);
    if (a->took_ns > j->stats.append_ns_max)
        j->stats.append_ns_max = a->took_ns;
}

static void note_result(struct journal *j, const struct append *a)
{
    count_append(j, a);
    uint32_t n = 0;
    for (struct fifo_link *l = j->in_flight.first; n < a->count; l = l->next)
        batch_of(l)->hash = a->rows[n++].hash;
    if (a->result != ERR_OK) {
        j->failure = a->result;
        j->doubtful = a->count;
    }
}

static void batch_durable(struct journal *j, struct batch *b)
{
    check(b->seq == j->committed_seq + 1);
    j->committed_seq = b->seq;
    j->hash = b->hash;
    j->queued_bytes -= b->body.len;
    j->stats.batches++;
    j->stats.records += b->records;
    histogram_add(&j->stats.batch_records, HISTOGRAM_BATCH_UNIT, b->records);
    j->stats.bytes += b->body.len;
    j->on_durable(j->context, b);
    journal_spare(j, b);
}

/* After a failure the owner hears of it only when the append behind, which does nothing, is back as
 * well. */
static void append_done(struct work *w)
{
    struct append *a = container_of(w, struct append, work);
    struct journal *j = a->journal;
    a->under_way = false;
    j->under_way--;
    if (j->failure == ERR_OK && a->count > 0)
        note_result(j, a);
    if (j->failure == ERR_OK) {
        for (uint32_t i = 0; i < a->count; i++)
            batch_durable(j, batch_of(fifo_pop(&j->in_flight)));
        hand_over(j);
    } else if (journal_at_rest(j)) {
        j->handed.count = 0;
        j->on_failure(j->context, j->failure);
    }
}

struct batch *journal_batch(struct journal *j, uint64_t seq)
{
    if (j->open != NULL && j->open->seq == seq)
        return j->open;
    for (struct fifo_link *l = j->closed.first; l != NULL; l = l->next)
        if (batch_of(l)->seq == seq)
            return batch_of(l);
    for (struct fifo_link *l = j->in_flight.first; l != NULL; l = l->next)
        if (batch_of(l)->seq == seq)
            return batch_of(l);
    return NULL;
}

void journal_defer(struct journal *j, uint64_t seq, struct fifo_link *answer)
{
    struct batch *b = journal_batch(j, seq);
    check(b != NULL);
    fifo_push(&b->deferred, answer);
}

struct batch *journal_take_failed(struct journal *j)
{
    struct fifo_link *link = fifo_pop(&j->in_flight);
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

/* --- the items of a batch --------------------------------------------------------------------- */

/* Marks are counted from 1: mark n stands at or before item n * BATCH_MARK_ITEMS. */
static void journal_mark(struct batch *b, const struct record_reader *r)
{
    if (r->next_item < (b->mark_count + 1) * BATCH_MARK_ITEMS)
        return;
    array_reserve(b->marks, b->mark_cap, b->mark_count + 1);
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
        journal_mark(b, r);
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
