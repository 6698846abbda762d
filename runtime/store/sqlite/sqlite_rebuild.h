/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of views.db, which is derived from the journal: a damaged one is made anew. */
#ifndef SQLITE_REBUILD_H
#define SQLITE_REBUILD_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* Opens s->views_writer. If the file is damaged and the options allow it (`rebuilding`), it is
 * removed and an empty one opened. While opening; on failure `reason` has file, cause and remedy.
 */
must_check enum err sqlite_rebuild_open(struct store_sqlite *s,
                                        const struct store_sqlite_options *options, char *reason,
                                        size_t reason_size);

/* The view store's `damaged`: marks the file, so that the next opening finds it damaged. */
void sqlite_rebuild_damaged(struct view_store *base);

#endif
