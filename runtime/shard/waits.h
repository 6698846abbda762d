/* SPDX-License-Identifier: Apache-2.0 */
/* Waits: messages whose answer comes with a later record (turn_open()), by the ask they wait for.
 * One whose deadline passes before is told that the work goes on (OUTCOME_PENDING), never that it
 * failed, and what there is of it so far if the turn left that. What is kept here ends with the
 * process or a recovery: whoever asks again with the same key waits here again. Loop thread
 * only. */
#ifndef SHARD_WAITS_H
#define SHARD_WAITS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/base/table.h"
#include "runtime/base/time.h"
#include "runtime/journal/journal.h"
#include "runtime/journal/record.h"
#include "runtime/shard/answers.h"

#define WAITS_OF_ASK_MAX 16             /* repetitions beyond it are told at once */
#define WAITS_LOOK_NS (100 * NS_PER_MS) /* how late a deadline may be seen */
#define WAITS_RETRY_MS 500              /* when to ask again */

struct waits {
    struct env *env;
    struct answers *answers;
    const struct journal *journal;
    struct table asks; /* by id: struct wait */
    uint32_t count;    /* messages */
    struct alarm alarm;
};

void waits_init(struct waits *w, struct env *env, struct answers *answers,
                const struct journal *journal);
void waits_done(struct waits *w);

/* The message waits from now on, or is told OUTCOME_PENDING. */
void waits_put(struct waits *w, struct id128 ask, struct message *m);

/* What those who wait for it are told meanwhile, from when that batch is durable until waits_end().
 * Copied. */
void waits_tell(struct waits *w, struct id128 ask, const struct record_answer *meanwhile,
                uint64_t seq);
void waits_end(struct waits *w, struct id128 ask);

/* The oldest that waits for this ask, which no longer does; NULL: none. */
struct message *waits_take(struct waits *w, struct id128 ask);

/* The shard recovers or stops: refuses all with this code. */
void waits_refuse_all(struct waits *w, uint16_t code);

#endif
