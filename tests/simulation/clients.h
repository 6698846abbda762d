/* SPDX-License-Identifier: Apache-2.0 */
/* Clients: they send requests, lose some, send some twice, try again with the same key what was not
 * answered, and sometimes what was. Every answer is compared with what is durable. */
#ifndef SIMULATION_CLIENTS_H
#define SIMULATION_CLIENTS_H

#include "tests/simulation/run.h"

/* Begins to make requests. */
void clients_start(struct run *run);

/* The process is gone: what was under way gets no answer. */
void clients_disconnected(struct run *run);

/* Every request was made and settled. */
bool clients_done(const struct run *run);

/* Sends what was answered once more, to see the same answers. */
void clients_repeat(struct run *run);

/* A record became durable (history.on_record); the context is its struct run_shard. */
void clients_recorded(void *context, const struct history_record *record);

/* A record became durable (history.on_attribution): did they ask for it? */
void clients_attributed(void *context, const struct attribution *a);

void clients_free(struct run *run);

#endif
