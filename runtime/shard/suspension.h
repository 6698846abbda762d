/* SPDX-License-Identifier: Apache-2.0 */
/* Suspension: an operator halts an actor. Its messages wait in its mailbox, each until its own
 * deadline at most; then it is answered EXPIRED. Loop thread only. */
#ifndef SHARD_SUSPENSION_H
#define SHARD_SUSPENSION_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/env.h"
#include "runtime/shard/residence.h"

struct suspension {
    struct env *env;
    struct residence *residence;
    const bool *running; /* the shard has actors */
    struct alarm expiry; /* at the earliest deadline of a message that waits, or before */
};

void suspension_init(struct suspension *su, struct env *env, struct residence *residence,
                     const bool *running);

/* TOO_LARGE: see controls_give(). */
must_check enum err suspension_begin(struct suspension *su, struct actor *a);

/* A message with this deadline (0: none) came into the mailbox of a suspended actor. */
void suspension_await(struct suspension *su, uint64_t deadline_ns);

#endif
