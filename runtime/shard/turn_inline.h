/* SPDX-License-Identifier: Apache-2.0 */
/* Turn, the frame that every message goes through: turn_run(). A header because running.c has it in
 * its loop: as a call it costs a message that only looks at its actor 15 instructions of 430. */
#ifndef SHARD_TURN_INLINE_H
#define SHARD_TURN_INLINE_H

#include "runtime/base/check.h"
#include "runtime/shard/shard_priv.h"

/* turn.c: does its quota keep it from running? Then it was refused. The turn of a message with an
 * idempotency key; one that has no handler of its own. */
bool turn_held_by_quota(struct turn *t);
enum turn_result turn_decide_keyed(struct turn *t);
enum turn_result turn_handle_other(struct turn *t);

/* turn_end.c: the end of a turn that `must_finish` or is not DONE; an answer that may not be given
 * yet. */
enum turn_result turn_finish(struct turn *t, enum turn_result result);
void turn_defer_answer(struct turn *t);

/* What it has seen or written is in this batch. */
static inline void turn_depend_on(struct turn *t, uint64_t seq)
{
    if (seq > t->depends_seq)
        t->depends_seq = seq;
}

/* The handler was looked for when the first message of its group came. */
static inline enum turn_result turn_handle(struct turn *t)
{
    if (t->shard->quota.over > 0 && turn_held_by_quota(t))
        return TURN_DONE;
    handle_cb handle = t->shard->running.handle;
    return handle == NULL ? turn_handle_other(t) : handle(t, t->actor->entry.id, t->message);
}

static inline void turn_answer(struct shard *s, struct turn *t)
{
    if (journal_durable(&s->journal, t->depends_seq))
        answers_push(&s->answers, t->message);
    else
        turn_defer_answer(t);
}

/* WAIT leaves the message to be run again; DONE and FAILED have answered it. */
static inline enum turn_result turn_run(struct shard *s, struct actor *a, struct message *m)
{
    struct turn *t = &s->turn;
    *t = (struct turn){.shard = s, .message = m, .actor = a};
    enum turn_result result = m->keyed ? turn_decide_keyed(t) : turn_handle(t);
    if (result != TURN_DONE || t->must_finish)
        return turn_finish(t, result);
    /* Most turns only look: they leave nothing to undo, to record or to free. */
    check(t->replied || m->type == NULL);
    turn_answer(s, t);
    return TURN_DONE;
}

#endif
