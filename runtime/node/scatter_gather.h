/* SPDX-License-Identifier: Apache-2.0 */
/* Scatter-gather: a message about the whole node. Each shard is asked at once and answers for
 * itself; the domain makes one answer of theirs (domain.h, struct gatherer). If one of them
 * refuses, its refusal is the answer. Thread of the asker's env. */
#ifndef NODE_SCATTER_GATHER_H
#define NODE_SCATTER_GATHER_H

#include "runtime/actor/domain.h"

struct scatter_gather;

/* Takes over the message until its done(), which runs on `from`. The caller posts each shard its
 * part; what is returned lives until all of them are done, and so until the caller has posted. */
struct scatter_gather *scatter_gather_new(const struct gatherer *how, struct env *from,
                                          struct message *m, uint16_t count);
struct message *scatter_gather_part(struct scatter_gather *g, uint16_t shard);

/* The shards were killed (shard_set_kill()): frees what a message that they will not answer has
 * here. Any message will do. */
void scatter_gather_kill(struct message *m);

#endif
