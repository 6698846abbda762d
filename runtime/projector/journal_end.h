/* SPDX-License-Identifier: Apache-2.0 */
/* Journal end: does a shard's journal reach as far as what stands beside it knows? The store's
 * commit mark and the views each remember a batch; a journal that ends before it, or has another
 * batch there, has lost its end or is not the one they were made from. Any one thread; blocks in
 * the stores and changes nothing. */
#ifndef PROJECTOR_JOURNAL_END_H
#define PROJECTOR_JOURNAL_END_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/store/journal_store.h"
#include "runtime/store/view_store.h"

/* false: `reason` has what is missing or different, in one sentence. What cannot be read is no
 * finding: whoever reads it next reports it. */
must_check bool journal_end_holds(struct journal_store *journal, struct view_store *views,
                                  uint16_t shard, char *reason, size_t reason_size);

#endif
