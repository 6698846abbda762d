/* SPDX-License-Identifier: Apache-2.0 */
/* Gathering: a message about the whole node. Each shard is asked at once and answers for itself;
 * the domain makes one answer of theirs (domain.h, struct gatherer). If one of them refuses, its
 * refusal is the answer. Thread of the asker's loop. */
#ifndef ACTOR_GATHERING_H
#define ACTOR_GATHERING_H

#include "runtime/actor/domain.h"
#include "runtime/actor/loop.h"

struct node;

/* Takes over the message until its done(), which runs on `from`. */
void gathering_start(struct node *n, struct loop *from, const struct gatherer *how,
                     struct message *m);

#endif
