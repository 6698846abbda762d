/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of views.db: its WAL is copied into the file, and the commit mark records how far, so
 * that an opening notices if the two do not belong together. Views worker, or while opening and
 * closing; blocks. Those without a result leave everything in the WAL if they fail. */
#ifndef SQLITE_CHECKPOINT_H
#define SQLITE_CHECKPOINT_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* NULL, or why file and WAL, just opened, may not belong together or something may be missing. */
must_check const char *sqlite_checkpoint_fault(struct store_sqlite *s);
/* Before the first opening of an empty file. */
void sqlite_checkpoint_fresh(struct store_sqlite *s);
/* After the opening: from now on the frames in the WAL are counted. */
void sqlite_checkpoint_watch(struct store_sqlite *s);
/* After each commit: copies if the WAL has grown enough. */
void sqlite_checkpoint_due(struct store_sqlite *s);
/* Before the last connection closes. false: the WAL must stay. */
must_check bool sqlite_checkpoint_all(struct store_sqlite *s);

#endif
