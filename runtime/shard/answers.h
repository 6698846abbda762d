/* SPDX-License-Identifier: Apache-2.0 */
/* Answers: messages whose answer is final and that go back to whoever asked. They are given back at
 * the end of a pass, never inside the call that answers them, so that no asker's code runs in the
 * middle of a turn. Loop thread only. */
#ifndef SHARD_ANSWERS_H
#define SHARD_ANSWERS_H

#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/base/env.h"
#include "runtime/base/list.h"

#define ANSWERS_BUSY_RETRY_MS 50

struct answers {
    struct env *env;
    struct fifo final; /* struct message, oldest first */
};

void answers_init(struct answers *a, struct env *env);

/* The answer is in the message already. Within a pass: it is given back at its end. */
static inline void answers_push(struct answers *a, struct message *m)
{
    fifo_push(&a->final, &m->link);
}

/* An answer that is this code alone: a refusal, from anywhere on the loop. */
void answers_refuse(struct answers *a, struct message *m, uint16_t code);

/* The same, with the advice to come again after ANSWERS_BUSY_RETRY_MS. */
void answers_refuse_busy(struct answers *a, struct message *m, uint16_t code);

/* Gives all back, each on the thread of its home, also those that come while it does. */
void answers_give(struct answers *a);

/* The process ends: only the runtime's own messages, which free themselves, are given back. */
void answers_drop(struct answers *a);

#endif
