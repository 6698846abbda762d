/* SPDX-License-Identifier: Apache-2.0 */
/* Checkers: what must be true of a run at each moment. They end it with broken(). */
#ifndef SIMULATION_CHECKERS_H
#define SIMULATION_CHECKERS_H

#include "tests/simulation/run.h"

/* After each event: the services' own audits, if anything changed; no turn may have failed. */
void checkers_after_step(struct run_shard *rs);

/* After each commit of the shard: its live states are what the reference made of the events. */
void checkers_after_commit(struct run_shard *rs);

/* With all shards idle and projected: replay, states, views, entries, totals. */
void checkers_full(struct run *run);

/* Each journal replayed from its first batch gives the live states, byte by byte. */
void checkers_replay(struct run *run);

/* The same with the process gone: of what is in the store. */
void checkers_closed(struct run *run);

#endif
