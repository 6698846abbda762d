/* SPDX-License-Identifier: Apache-2.0 */
/* Turn, its end. What it wrote gets the end of its record: an answer for its key, the ask that
 * stays open, the answer of one that was open, or nothing; an empty record is taken out again. A
 * turn that waits or fails leaves nothing. Then the answer is given, or waits: for the batches that
 * hold what it has seen or written, or, of an open ask, for a later record. */
#include "runtime/base/mutant.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/shard/turn_inline.h"

/* Nothing of the turn remains. */
static void turn_take_back(struct turn *t)
{
    struct shard *s = t->shard;
    struct batch *b = s->journal.open;
    if (!t->recorded)
        return;
    check(t->items_at < b->items);
    registry_undo(&s->registry, (struct registry_mark){0});
    turn_take_back_decisions(s, 0);
    batch_cut(b, t->body_at);
    b->items = t->items_at;
    t->recorded = false;
    t->events = t->sends = 0;
    t->opened = t->attached = t->joins = t->closes = t->tells = false;
}

/* It is beyond a limit: nothing of it remains, and its asker is refused. A send has none, and must
 * not be lost: its turn fails. */
static enum turn_result turn_exceed(struct turn *t)
{
    turn_take_back(t);
    if (t->message->origin != NULL)
        return turn_fail(t,
                         t->failure != NULL ? t->failure : "a limit on size or count was exceeded");
    t->failure = NULL;
    t->replied = false;
    t->message->replayed = false;
    turn_refuse(t, ERR_TOO_LARGE);
    return TURN_DONE;
}

/* Has it anything to record beside its answer? */
static bool turn_wrote(const struct turn *t)
{
    const struct send_origin *origin = t->message->origin;
    return t->events > 0 || t->sends > 0 || t->opened || t->joins || t->closes ||
           (origin != NULL && !origin->parked);
}

/* Is its answer the first one of a key? */
static bool turn_keeps_answer(const struct turn *t)
{
    const struct message *m = t->message;
    if (!m->keyed || !m->type->mutates || m->replayed || t->opened || t->attached)
        return false;
    /* A success that changed nothing as well: done once more later it might. */
    bool decided = turn_wrote(t) || m->code == ERR_OK || m->code >= ERR_DOMAIN_FIRST;
    bool unkept = (t->unseen || (t->over_quota && m->code != ERR_OK)) && !turn_wrote(t);
    return decided && !unkept;
}

/* Returns how many keys are decided by it. */
static uint32_t turn_put_end(struct turn *t, bool keep_answer,
                             struct id128 keys[1 + RECORD_KEYS_MAX])
{
    const struct message *m = t->message;
    struct wire_writer *body = &t->shard->journal.open->body;
    struct record_answer o = {0};
    keys[0] = m->key;
    if (t->closes)
        return turn_end_closing(t, keys);
    if (t->opened) {
        turn_end_open(t);
        return m->keyed ? 1 : 0;
    }
    if (t->joins) {
        turn_end_attached(t);
        return 1;
    }
    if (keep_answer)
        o = (struct record_answer){m->code, m->reply_type, m->version, m->reply_type != 0,
                                   wire_written(&m->reply)};
    record_end(body, &o);
    return keep_answer ? 1 : 0;
}

/* Writes the end of the record, or takes an empty one out again. FAILED: a send's has no room. */
static enum turn_result turn_end_record(struct turn *t)
{
    struct shard *s = t->shard;
    struct message *m = t->message;
    check(t->replied || t->opened || m->type == NULL || m->origin != NULL);
    bool keep_answer = turn_keeps_answer(t), wrote = turn_wrote(t);
    if (keep_answer || wrote)
        turn_begin_record(t);
    if (!t->recorded)
        return TURN_DONE;
    struct batch *b = s->journal.open;
    if (!wrote && !keep_answer) {
        batch_cut(b, t->body_at);
        b->items = t->items_at;
        t->recorded = false;
        return TURN_DONE;
    }
    struct id128 keys[1 + RECORD_KEYS_MAX];
    uint32_t decided = turn_put_end(t, keep_answer, keys);
    if (b->body.failed)
        return turn_exceed(t);
    b->records++;
    m->quota_percent =
        quota_charge(&s->quota, &m->who, b->body.len - t->body_at, s->running.now_ns);
    s->clock.last_event_ns = t->time_ns;
    for (uint32_t i = 0; i < decided; i++)
        dedup_table_add(&s->keys, keys[i], position_make(b->seq, t->items_at), t->time_ns);
    if (t->closes)
        turn_answer_waiting(t);
    turn_depend_on(t, b->seq);
    return TURN_DONE;
}

/* What it has seen or written is not durable yet, or the batch it names is empty. */
cold void turn_defer_answer(struct turn *t)
{
    struct shard *s = t->shard;
    const struct batch *open = s->journal.open;
    check(open != NULL);
    /* What was rolled back may have been looked at: an empty batch is nothing to wait for. */
    if (t->depends_seq >= open->seq && open->records == 0)
        t->depends_seq = open->seq - 1;
    if (journal_durable(&s->journal, t->depends_seq) || MUTANT(ACK_BEFORE_COMMIT))
        answers_push(&s->answers, t->message);
    else
        journal_defer(&s->journal, t->depends_seq, &t->message->link);
}

/* The end of a turn that `must_finish` or is not DONE. */
cold enum turn_result turn_finish(struct turn *t, enum turn_result result)
{
    check(result <= TURN_FAILED);
    struct shard *s = t->shard;
    struct message *m = t->message;
    if (result == TURN_DONE && t->failure != NULL)
        result = TURN_FAILED;
    if (result == TURN_DONE)
        result = turn_end_record(t);
    else
        turn_take_back(t);
    registry_commit(&s->registry);
    s->added_count = 0;
    arena_reset(&s->turn_arena);
    t->must_finish = true;
    if (result == TURN_WAIT) {
        check(t->waiting);
        return result;
    }
    if (result == TURN_FAILED) {
        supervisor_failed(&s->supervisor, m, t->failure);
        if (m->origin == NULL)
            answers_push(&s->answers, m);
        return result;
    }
    if (t->recorded)
        journal_turn_done(&s->journal);
    if (t->tells)
        waits_tell(&s->waits, s->ask, &s->closing_answer, t->depends_seq);
    if (t->opened || t->attached)
        waits_put(&s->waits, s->ask, m);
    else if (m->origin == NULL)
        turn_answer(s, t);
    return result;
}

enum turn_result turn_run_send(struct shard *s, struct actor *a, struct message *m)
{
    struct turn *t = &s->turn;
    check(m->origin != NULL && !m->keyed);
    *t = (struct turn){.shard = s, .message = m, .actor = a, .must_finish = true};
    if (m->origin->parked)
        turn_unpark(t);
    return turn_finish(t, turn_handle(t));
}

enum turn_result turn_gave_up(struct shard *s)
{
    struct turn *t = &s->turn;
    check(t->shard == s);
    return turn_finish(t, turn_exceed(t));
}
