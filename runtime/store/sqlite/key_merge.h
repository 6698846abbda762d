/* SPDX-License-Identifier: Apache-2.0 */
/* Key merge: several runs of a key index become one, slice by slice. The newest runs are taken as
 * soon as the oldest of them is no more than a seventh of what is newer: a key is written again
 * each time its run becomes eight times as large. While a merge is under way newer runs come, and
 * may be merged among themselves; merges take turns.
 *
 * Until its last slice is written the new run is unfinished and not looked into, and its sources
 * are still there. The last key of the new run is how far a merge has come, so after a crash it
 * goes on from what was committed. */
#ifndef SQLITE_KEY_MERGE_H
#define SQLITE_KEY_MERGE_H

#include "runtime/store/sqlite/key_index.h"

/* Begins a merge if there is one to make, and copies about `most` keys of those under way. */
must_check enum err key_merges_advance(struct key_index *k, size_t most);

/* Copies up to *left entries from the sources (the newest run first) into the sink; of a key that
 * is in several, the entry of the newest. Takes the number read off *left: if it is still above 0,
 * the sources are at their end. */
must_check enum err key_merge_sources(struct key_index *k,
                                      struct key_source *sources, size_t count, size_t *left);

/* Which of the newest runs are worth a merge, given that `keys` keys are newer than all of them?
 * Returns the position of the oldest one in k->runs, or run_count if none are. The merged run has
 * at most keys_max keys. */
size_t key_merge_choose(const struct key_index *k, uint64_t keys, uint64_t newest_ns,
                        uint64_t keys_max);

#endif
