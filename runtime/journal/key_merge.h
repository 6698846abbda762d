/* SPDX-License-Identifier: Apache-2.0 */
/* Key merge: several runs of a key index become one, slice by slice. The newest runs are taken as
 * soon as the oldest of them is no more than a seventh of what is newer: a key is written once each
 * time its run grows by eight. While a merge is under way newer runs come, and may be merged among
 * themselves; merges take turns.
 *
 * The new run is unfinished until its last slice, and its sources stay as they are until then:
 * whoever looks up a key finds it in the one or in the others. Where a merge stands says the last
 * key of the new run, so it goes on after a crash from what was committed. */
#ifndef JOURNAL_KEY_MERGE_H
#define JOURNAL_KEY_MERGE_H

#include "runtime/journal/key_index.h"

/* Begins a merge if there is one to make, and copies about `most` keys of those under way. */
must_check enum err key_merges_advance(struct key_index *k, struct store *s, size_t most);

/* Copies up to *left entries from the sources, the newest first, into the sink: of a key's entries
 * that of the newest. *left is lessened by how many were read: if some is left, nothing remains. */
must_check enum err key_merge_sources(struct key_index *k, struct store *s,
                                      struct key_source *sources, size_t count, size_t *left);

/* The newest runs that are worth a merge with so many keys newer than they, down to the run that is
 * returned (among the runs; run_count: none are). It has keys_max keys at most. */
size_t key_merge_choose(const struct key_index *k, uint64_t keys, uint64_t newest_ns,
                        uint64_t keys_max);

#endif
