/* SPDX-License-Identifier: Apache-2.0 */
/* The slots of the shards, as the deployment was made: table `slots` of journal.db. */
#ifndef SQLITE_SQLITE_SLOTS_H
#define SQLITE_SQLITE_SLOTS_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* Reads s->slots while the journal is opened. Where nothing was written yet, and not to look, the
 * shards asked for get equal ranges. Another number of shards than there is, or ranges that are
 * damaged, are refused: `reason` has file, cause and remedy in one line. Who asks for any number
 * takes what can be read. */
must_check enum err sqlite_slots_open(struct store_sqlite *s,
                                      const struct store_sqlite_options *options, char *reason,
                                      size_t reason_size);

/* Replaces what is stored, in the caller's transaction. */
must_check enum err sqlite_slots_put(struct db *d, const struct slot_map *slots);

#endif
