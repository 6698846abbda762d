/* SPDX-License-Identifier: Apache-2.0 */
/* The path of a batch; journal_move() makes each step of it and keeps the lists:
 *
 *     free ──▶ open ──▶ closed ──▶ in flight ──▶ durable ──▶ (recent ──▶) free
 *               ▲                    │    │
 *               └─ journal_reopen() ─┘    └──▶ failed ──▶ free
 *
 * - Turns write into the open batch. It closes when it is full or the pass ends.
 * - journal_hand_over(): closed batches go into `handed`, where the worker finds them, and an
 *   append is sent to the worker if none is on its way there. There are two appends: while one
 *   runs the other is queued behind it, so the worker never waits for the loop between them.
 * - append_take(), on the worker, when the committer makes a transaction of what all shards have
 *   handed over: takes all of `handed` at that moment. Chains the hashes.
 * - append_done(), on the loop: its batches, the oldest in flight, are durable; the owner gives
 *   their answers. What was closed meanwhile is handed over.
 *
 * What fails:
 * - An append fails, or it is not known: the append behind it writes nothing (at_worker.broken),
 *   for its batches would follow a gap. When both are back the owner is told and takes the batches;
 *   which of them are durable it finds in the store, and then it calls journal_resume().
 * - The store is full: the same, but if nothing was in the batches (journal_probe()) they are
 *   taken back by journal_retract().
 * - The store is slow: journal_full() says that no turn may write until batches are durable. */
#include "runtime/journal/journal.h"

#include <string.h>

static void append_take(struct append *a);
static void append_ended(struct append *a);
static void append_done(struct work *w);

/* --- the state of a batch --------------------------------------------------------------------- */

#define TO(state) (1u << (state))

static const uint32_t batch_edges[BATCH_STATES] = {
    [BATCH_FREE] = TO(BATCH_OPEN),
    [BATCH_OPEN] = TO(BATCH_CLOSED) | TO(BATCH_FAILED) | TO(BATCH_FREE),
    [BATCH_CLOSED] = TO(BATCH_IN_FLIGHT) | TO(BATCH_FAILED),
    [BATCH_IN_FLIGHT] = TO(BATCH_DURABLE) | TO(BATCH_FAILED) | TO(BATCH_OPEN),
    [BATCH_DURABLE] = TO(BATCH_FREE) | TO(BATCH_RECENT),
    [BATCH_RECENT] = TO(BATCH_FREE),
    [BATCH_FAILED] = TO(BATCH_FREE),
};

/* Out of the list of its state: it is the oldest there, or for BATCH_OPEN the newest. */
static void journal_unlist(struct journal *j, struct batch *b, enum batch_state to)
{
    if (b->state == BATCH_OPEN) {
        check(j->open == b);
        j->open = NULL;
    } else if (b->state == BATCH_CLOSED) {
        check(fifo_pop(&j->closed) == &b->link);
    } else if (b->state == BATCH_IN_FLIGHT) {
        check((to == BATCH_OPEN ? fifo_pop_last(&j->in_flight) : fifo_pop(&j->in_flight)) ==
              &b->link);
    } else if (b->state == BATCH_RECENT) {
        check(fifo_pop(&j->recent) == &b->link);
        j->recent_bytes -= b->body.len;
        j->recent_count--;
    }
    if (b->state == BATCH_IN_FLIGHT || (b->state == BATCH_CLOSED && to != BATCH_IN_FLIGHT)) {
        check(j->queued_bytes >= b->body.len);
        j->queued_bytes -= b->body.len;
    }
}

static void journal_list(struct journal *j, struct batch *b)
{
    if (b->state == BATCH_OPEN) {
        check(j->open == NULL);
        j->open = b;
    } else if (b->state == BATCH_CLOSED) {
        fifo_push(&j->closed, &b->link);
        j->queued_bytes += b->body.len;
    } else if (b->state == BATCH_IN_FLIGHT) {
        fifo_push(&j->in_flight, &b->link);
    } else if (b->state == BATCH_RECENT) {
        fifo_push(&j->recent, &b->link);
        j->recent_bytes += b->body.len;
        j->recent_count++;
    } else if (b->state == BATCH_FREE) {
        batch_trim(b);
        fifo_push(&j->free, &b->link);
    }
}

/* The one place where the state of a batch changes, and with it the list. A free one was taken out
 * of its list; a durable or failed one is in none. */
static void journal_move(struct journal *j, struct batch *b, enum batch_state to)
{
    check((batch_edges[b->state] & TO(to)) != 0);
    journal_unlist(j, b, to);
    b->state = to;
    journal_list(j, b);
}

/* --- life ------------------------------------------------------------------------------------- */

void journal_init(struct journal *j, struct env *env, struct committer *committer, uint16_t shard)
{
    check(env != NULL && committer != NULL);
    *j = (struct journal){.env = env, .committer = committer, .shard = shard};
    for (int i = 0; i < JOURNAL_APPENDS; i++) {
        j->appends[i].journal = j;
        j->appends[i].append.work.done = append_done;
        j->appends[i].append.take = append_take;
        j->appends[i].append.ended = append_ended;
    }
    check(pthread_mutex_init(&j->handed.lock, NULL) == 0);
    fifo_init(&j->closed);
    fifo_init(&j->in_flight);
    fifo_init(&j->recent);
    fifo_init(&j->free);
}

/* The oldest leave until what is kept is within its bounds. */
static void journal_drop_recent(struct journal *j, size_t bytes, uint32_t count)
{
    while (j->recent_bytes > bytes || j->recent_count > count) {
        check(!fifo_empty(&j->recent));
        journal_move(j, batch_of(j->recent.first), BATCH_FREE);
    }
}

static void journal_free_batches(struct fifo *batches)
{
    struct fifo_link *link;
    while ((link = fifo_pop(batches)) != NULL)
        (void)batch_free(batch_of(link));
}

void journal_done(struct journal *j)
{
    check(journal_at_rest(j));
    j->open = batch_free(j->open);
    journal_free_batches(&j->closed);
    journal_free_batches(&j->in_flight);
    journal_free_batches(&j->recent);
    journal_free_batches(&j->free);
    pthread_mutex_destroy(&j->handed.lock);
}

static void journal_open_next(struct journal *j, uint64_t seq)
{
    struct fifo_link *link = fifo_pop(&j->free);
    struct batch *b = link != NULL ? batch_of(link) : batch_new(JOURNAL_BATCH_BYTES_MAX);
    batch_start(b, seq);
    journal_move(j, b, BATCH_OPEN);
}

/* Goes on after the last durable batch. */
static void journal_start_over(struct journal *j)
{
    check(fifo_empty(&j->closed) && fifo_empty(&j->in_flight));
    check(j->queued_bytes == 0 && j->handed.count == 0);
    j->failure = ERR_OK;
    j->doubtful = 0;
    j->at_worker.hash = j->hash;
    j->at_worker.broken = false;
    journal_open_next(j, j->committed_seq + 1);
}

void journal_resume(struct journal *j, uint64_t epoch, uint64_t seq,
                    const struct sha256_digest *hash)
{
    check(journal_at_rest(j));
    check(epoch >= j->epoch && seq >= j->committed_seq);
    if (j->open != NULL)
        journal_move(j, j->open, BATCH_FREE);
    journal_drop_recent(j, 0, 0);
    j->epoch = epoch;
    j->committed_seq = seq;
    j->hash = *hash;
    journal_start_over(j);
}

/* --- to the worker ---------------------------------------------------------------------------- */

static bool journal_batch_full(const struct batch *b)
{
    return b->body.len >= JOURNAL_BATCH_BYTES || b->items >= BATCH_ITEMS_MAX / 2;
}

static void journal_close_open(struct journal *j)
{
    struct batch *b = j->open;
    check(!b->body.failed && b->body.len <= JOURNAL_BATCH_BYTES_MAX);
    check(record_body_started(&b->body));
    check(b->items >= b->records && b->items <= BATCH_ITEMS_MAX);
    journal_move(j, b, BATCH_CLOSED);
    journal_open_next(j, b->seq + 1);
}

static struct journal_append *journal_idle_append(struct journal *j)
{
    for (int i = 0; i < JOURNAL_APPENDS; i++)
        if (!j->appends[i].under_way)
            return &j->appends[i];
    return NULL;
}

/* The seq that follows those the worker was given. */
static uint64_t journal_next_in_flight(const struct journal *j)
{
    return (fifo_empty(&j->in_flight) ? j->committed_seq : batch_of(j->in_flight.last)->seq) + 1;
}

static void journal_hand_over(struct journal *j)
{
    struct journal_append *call = NULL;
    if (j->failure != ERR_OK)
        return;
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    while (j->handed.count < APPEND_BATCHES && !fifo_empty(&j->closed)) {
        struct batch *b = batch_of(j->closed.first);
        check(b->seq == journal_next_in_flight(j));
        j->handed.rows[j->handed.count++] = (struct batch_row){
            .shard = j->shard,
            .seq = b->seq,
            .epoch = j->epoch,
            .count = b->records,
            .body = wire_written(&b->body),
        };
        journal_move(j, b, BATCH_IN_FLIGHT);
    }
    if (j->handed.count > 0 && !j->handed.called)
        call = journal_idle_append(j);
    j->handed.called |= call != NULL;
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
    if (call == NULL)
        return;
    call->under_way = true;
    j->under_way++;
    check(j->under_way <= JOURNAL_APPENDS);
    committer_post(j->committer, j->env, &call->append);
}

void journal_turn_done(struct journal *j)
{
    check(j->open != NULL && j->open->state == BATCH_OPEN);
    if (!journal_batch_full(j->open))
        return;
    journal_close_open(j);
    journal_hand_over(j);
}

/* Takes the newest batch back from the worker, unless it is too late. Only while a transaction
 * runs, or one append does and another is queued behind it: an idle worker must find the batch that
 * it was called for, or a busy loop would put that append off again and again. */
void journal_reopen(struct journal *j)
{
    if (j->open == NULL || !batch_empty(j->open) || !fifo_empty(&j->closed) ||
        fifo_empty(&j->in_flight) || journal_batch_full(batch_of(j->in_flight.last)))
        return;
    if (j->under_way < JOURNAL_APPENDS && !committer_busy(j->committer))
        return;
    struct batch *b = batch_of(j->in_flight.last);
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    bool still_here = j->handed.count > 0;
    if (still_here)
        check(j->handed.rows[--j->handed.count].seq == b->seq);
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
    if (!still_here)
        return;
    check(j->open->seq == b->seq + 1);
    journal_move(j, j->open, BATCH_FREE);
    journal_move(j, b, BATCH_OPEN);
}

void journal_flush(struct journal *j)
{
    /* While closed batches wait to be handed over, the open one may as well grow. */
    if (j->open == NULL || j->open->records == 0 || !fifo_empty(&j->closed))
        return;
    journal_close_open(j);
    journal_hand_over(j);
}

void journal_probe(struct journal *j)
{
    if (!journal_at_rest(j) || j->open == NULL)
        return;
    journal_close_open(j);
    journal_hand_over(j);
}

static bool journal_all_empty(const struct fifo *batches)
{
    for (struct fifo_link *l = batches->first; l != NULL; l = l->next)
        if (!batch_empty(batch_of(l)))
            return false;
    return true;
}

bool journal_retract(struct journal *j)
{
    check(journal_at_rest(j) && j->open != NULL);
    check(j->failure != ERR_OK);
    if (!batch_empty(j->open) || !journal_all_empty(&j->closed) ||
        !journal_all_empty(&j->in_flight))
        return false;
    struct batch *b;
    while ((b = journal_take_failed(j)) != NULL)
        journal_spare(j, b);
    journal_start_over(j);
    return true;
}

/* --- an append, on the journal worker --------------------------------------------------------- */

static struct journal_append *append_of(struct append *a)
{
    return container_of(a, struct journal_append, append);
}

/* What is asserted here the replay finds again, as damage (replay.c). */
static void append_chain(const struct journal *j, struct append *a, struct sha256_digest *hash)
{
    for (uint32_t i = 0; i < a->count; i++) {
        struct batch_row *row = &a->rows[i];
        check(row->seq == a->rows[0].seq + i && row->epoch == a->rows[0].epoch);
        check(row->shard == j->shard && row->body.len > 0);
        row->prev_hash = *hash;
        row->hash = batch_hash(row);
        *hash = row->hash;
    }
}

/* After a failure nothing is taken: what follows would follow a gap. */
static void append_take(struct append *a)
{
    struct journal *j = append_of(a)->journal;
    check(pthread_mutex_lock(&j->handed.lock) == 0);
    check(j->handed.count <= APPEND_BATCHES && j->handed.called);
    if (!j->at_worker.broken) {
        a->count = j->handed.count;
        memcpy(a->rows, j->handed.rows, a->count * sizeof a->rows[0]);
        j->handed.count = 0;
    }
    j->handed.called = false;
    check(pthread_mutex_unlock(&j->handed.lock) == 0);
    append_chain(j, a, &j->at_worker.hash);
}

static void append_ended(struct append *a)
{
    append_of(a)->journal->at_worker.broken = a->result != ERR_OK;
}

/* --- and back --------------------------------------------------------------------------------- */

static void append_count(struct journal_stats *stats, const struct append *a)
{
    stats->appends++;
    stats->append_ns_sum += a->took_ns;
    histogram_add(&stats->append_ns, HISTOGRAM_LATENCY_UNIT, a->took_ns);
    if (a->took_ns > stats->append_ns_max)
        stats->append_ns_max = a->took_ns;
}

/* The rows are those of the oldest batches in flight, which have not changed meanwhile. */
static void append_note_result(struct journal *j, const struct append *a)
{
    uint32_t n = 0;
    append_count(&j->stats, a);
    for (struct fifo_link *l = j->in_flight.first; n < a->count; l = l->next) {
        const struct batch_row *row = &a->rows[n++];
        struct batch *b = batch_of(l);
        check(b->state == BATCH_IN_FLIGHT && b->seq == row->seq);
        check(b->records == row->count && b->body.len == row->body.len);
        b->hash = row->hash;
    }
    if (a->result != ERR_OK) {
        j->failure = a->result;
        j->doubtful = a->count;
    }
}

static void append_batch_durable(struct journal *j, const struct batch_row *row)
{
    struct batch *b = batch_of(j->in_flight.first);
    check(b->seq == j->committed_seq + 1 && b->seq == row->seq);
    check(memcmp(row->prev_hash.bytes, j->hash.bytes, SHA256_SIZE) == 0);
    journal_move(j, b, BATCH_DURABLE);
    j->committed_seq = b->seq;
    j->hash = b->hash;
    j->stats.batches++;
    j->stats.records += b->records;
    histogram_add(&j->stats.batch_records, HISTOGRAM_BATCH_UNIT, b->records);
    j->stats.bytes += b->body.len;
    j->on_durable(j->context, b);
    journal_move(j, b, b->send_count > 0 ? BATCH_RECENT : BATCH_FREE);
    journal_drop_recent(j, JOURNAL_RECENT_BYTES, JOURNAL_RECENT_BATCHES);
}

/* After a failure the owner is called only when the append queued after it, which does nothing, is
 * back as well. */
static void append_done(struct work *w)
{
    struct append *a = container_of(w, struct append, work);
    struct journal *j = append_of(a)->journal;
    check(append_of(a)->under_way && j->under_way > 0);
    append_of(a)->under_way = false;
    j->under_way--;
    if (j->failure == ERR_OK && a->count > 0)
        append_note_result(j, a);
    if (j->failure == ERR_OK) {
        for (uint32_t i = 0; i < a->count; i++)
            append_batch_durable(j, &a->rows[i]);
        journal_hand_over(j);
    } else if (journal_at_rest(j)) {
        j->handed.count = 0;
        j->on_failure(j->context, j->failure);
    }
}

/* --- batches by their number, and after a failure --------------------------------------------- */

static struct batch *journal_find(const struct fifo *batches, uint64_t seq)
{
    for (struct fifo_link *l = batches->first; l != NULL; l = l->next)
        if (batch_of(l)->seq == seq)
            return batch_of(l);
    return NULL;
}

struct batch *journal_batch(struct journal *j, uint64_t seq)
{
    if (j->open != NULL && j->open->seq == seq)
        return j->open;
    if (journal_durable(j, seq))
        return journal_find(&j->recent, seq);
    struct batch *b = journal_find(&j->closed, seq);
    return b != NULL ? b : journal_find(&j->in_flight, seq);
}

void journal_defer(struct journal *j, uint64_t seq, struct fifo_link *answer)
{
    struct batch *b = journal_batch(j, seq);
    check(b != NULL && seq > j->committed_seq);
    fifo_push(&b->deferred, answer);
}

struct batch *journal_take_failed(struct journal *j)
{
    if (fifo_empty(&j->in_flight))
        return journal_take_unsent(j);
    struct batch *b = batch_of(j->in_flight.first);
    journal_move(j, b, BATCH_FAILED);
    return b;
}

struct batch *journal_take_unsent(struct journal *j)
{
    struct batch *b = fifo_empty(&j->closed) ? j->open : batch_of(j->closed.first);
    if (b != NULL)
        journal_move(j, b, BATCH_FAILED);
    return b;
}

void journal_spare(struct journal *j, struct batch *b)
{
    check(b->state == BATCH_FAILED);
    journal_move(j, b, BATCH_FREE);
}
