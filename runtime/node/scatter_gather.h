/* SPDX-License-Identifier: Apache-2.0 */
/* Scatter-gather: a message about the whole node. Each shard is asked at once and answers for
 * itself; the domain makes one answer of theirs (domain.h, struct gatherer). If one of them
 * refuses, its refusal is the answer. Thread of the asker's env. */
#ifndef NODE_SCATTER_GATHER_H
#define NODE_SCATTER_GATHER_H

#include "runtime/actor/domain.h"

struct shard_set;

/* Takes over the message until its done(), which runs on `from`. */
void scatter_gather_start(struct shard_set *c, struct env *from, const struct gatherer *how,
                     struct message *m);

/* The shards were killed (shard_set_kill()): frees what a message that they will not answer has
 * here. Any message will do. */
void scatter_gather_kill(struct message *m);

#endif
