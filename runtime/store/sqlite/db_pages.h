/* SPDX-License-Identifier: Apache-2.0 */
/* Checksums of the pages of a database file: a VFS of SQLite's that puts them when a page is
 * written and compares them when it is read. A page that does not match fails its read
 * (SQLITE_IOERR_DATA) and leaves a mark beside the file for the next start. */
#ifndef SQLITE_DB_PAGES_H
#define SQLITE_DB_PAGES_H

#define DB_PAGES_VFS "payd-pages"
#define DB_PAGES_SIZE 8192       /* of the pages of a file opened with it */
#define DB_PAGES_RESERVED 8      /* of these, for the checksum */
#define DB_PAGES_MARK "-damaged" /* suffix of the mark's name */

/* Before the first connection; more than once does no harm. Any thread. */
void db_pages_install(void);

/* Makes the mark of the file at `path`, with one line about what was found. A failure is ignored:
 * the next start then finds the damage when it reads the page again. */
void db_pages_mark(const char *path, const char *found);

#endif
