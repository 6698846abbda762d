/* SPDX-License-Identifier: Apache-2.0 */
/* Migrations of the embedded store: each brings one of the two files up to what this program
 * expects, and the views are then compared with what is declared. On failure `reason` has file,
 * cause and remedy in one line: ERR_UNSUPPORTED for a file of another version, else the database's
 * error. Looking, the files stay as they are: only those of a later version are refused. Blocks;
 * while opening. */
#ifndef SQLITE_MIGRATE_H
#define SQLITE_MIGRATE_H

#include "runtime/store/sqlite/store_sqlite_priv.h"

/* Has any migration been applied to this file. If none, nothing was ever in it, all was in a WAL
 * that is lost, or whoever made it was cut off. */
bool sqlite_migrate_begun(struct db *d);

must_check enum err sqlite_migrate_journal(struct store_sqlite *s,
                                           const struct store_sqlite_options *options, char *reason,
                                           size_t reason_size);
must_check enum err sqlite_migrate_views(struct store_sqlite *s,
                                         const struct store_sqlite_options *options, char *reason,
                                         size_t reason_size);

#endif
