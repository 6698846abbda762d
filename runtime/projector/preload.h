/* SPDX-License-Identifier: Apache-2.0 */
/* Preload: before many batches are replayed, brings the states that their events will ask for
 * (struct event_needs) into the registry, in the order of their table. Asked for one by one, each
 * of a million accounts' states is a page read; in order, the states of one page come together. */
#ifndef PROJECTOR_PRELOAD_H
#define PROJECTOR_PRELOAD_H

#include "runtime/projector/follower.h"
#include "runtime/projector/replay.h"

/* For the batches up to seq_max, or as many of them as have events_max events. Blocks; as replay,
 * which has not begun these batches. Where a batch cannot be read it ends, and the replay will say
 * so. After an error nothing may be written in the transaction that is open: a statement that
 * fails, though it only reads, may have made SQLite take the whole transaction back.
 * ERR_UNAVAILABLE as soon as the step that it is for is abandoned. */
must_check enum err preload_states(struct replay *r, const struct follower *step,
                                   struct journal_store *s, uint64_t seq_max, uint64_t events_max);

#endif
