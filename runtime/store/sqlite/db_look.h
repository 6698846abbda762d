/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at a database without changing any file: VFSs for connections that only read a directory
 * that no node uses, WAL included. */
#ifndef SQLITE_DB_LOOK_H
#define SQLITE_DB_LOOK_H

#define DB_LOOK_VFS "payd-look"             /* in front of SQLite's own */
#define DB_LOOK_PAGES_VFS "payd-look-pages" /* in front of DB_PAGES_VFS */

/* After db_pages_install(); more than once does no harm. Any thread. */
void db_look_install(void);

#endif
