/* SPDX-License-Identifier: Apache-2.0 */
/* Raw row: a row of a table with a rowid, taken out of a leaf page of its tree without SQLite. What
 * does not fit its page lies on further pages, each of which names the next; a page may be found
 * in the WAL and in the file, and one of the two may be damaged. Only for salvage.c.
 *
 * Source of the format: sqlite.org/fileformat2.html. Blocks; any one thread. */
#ifndef SQLITE_RAW_ROW_H
#define SQLITE_RAW_ROW_H

#include "runtime/base/slice.h"
#include "runtime/store/sqlite/raw_pages.h"

#define RAW_COLUMNS_MAX 16

enum raw_type { RAW_NULL, RAW_INTEGER, RAW_BLOB, RAW_OTHER };

struct raw_value {
    enum raw_type type;
    int64_t number;
    struct slice bytes;
};

/* Reused from row to row; zeroed before the first. */
struct raw_row {
    int64_t rowid;
    uint32_t count; /* of columns */
    struct raw_value columns[RAW_COLUMNS_MAX];
    uint8_t *payload; /* the columns point into it */
    size_t cap;
    uint32_t first_page; /* of the further ones, or 0 */
    uint32_t first_local; /* bytes of the payload on the leaf */
    size_t size;
};

enum raw_page_kind { RAW_PAGE_LEAF, RAW_PAGE_OTHER, RAW_PAGE_UNKNOWN };

/* A leaf of a table, another page of a tree, or nothing that can be told from rubbish: what a row
 * goes on upon looks like that too. */
enum raw_page_kind raw_page_kind(const uint8_t page[RAW_PAGE]);
/* Does the file begin as a database does? Its first page has no row of a batch. */
bool raw_page_first(const uint8_t page[RAW_PAGE]);
/* Rows on a leaf. */
uint32_t raw_page_rows(const uint8_t page[RAW_PAGE]);

/* Reads row number `at` of a leaf; the further pages from the WAL where it has them, or with
 * `from_file` from the file. false: it is none that can be read. */
must_check bool raw_row_read(struct raw_row *row, const struct raw_pages *r,
                             const uint8_t page[RAW_PAGE], uint32_t at, bool from_file);
/* Calls each further page of the row that was just read. */
void raw_row_pages(const struct raw_row *row, const struct raw_pages *r, bool from_file,
                   void (*each)(void *context, uint32_t page), void *context);
void raw_row_done(struct raw_row *row);

#endif
