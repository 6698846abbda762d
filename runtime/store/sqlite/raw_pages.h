/* SPDX-License-Identifier: Apache-2.0 */
/* The pages of journal.db and of its WAL, read without SQLite, which gives up at the first damage:
 * of a WAL nothing behind a damaged frame is there for it, and of a table nothing below a damaged
 * page. Here every page can be had, and the frames of the WAL up to its last commit. Whether what
 * stands in them is true is for whoever reads them: each batch has its hash. Only for salvage.c.
 *
 * Source of both formats: sqlite.org/fileformat2.html. Blocks; any one thread. Changes nothing. */
#ifndef SQLITE_RAW_PAGES_H
#define SQLITE_RAW_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/store/sqlite/db.h"

#define RAW_PAGE DB_JOURNAL_PAGE

struct raw_frame {
    uint32_t page; /* that it holds; 0: a number that cannot be */
    bool whole;    /* matches its checksum */
};

struct raw_pages {
    int file, wal;            /* -1: there is none */
    uint32_t file_pages;      /* whole ones */
    uint32_t frames;          /* of the WAL, up to its last commit */
    struct raw_frame *frame;  /* [frames] */
    uint32_t *latest;         /* [page_count + 1]: 1 + the last frame of the page, 0 = none */
    uint32_t page_count;      /* highest page number of both */
    uint64_t wal_size;        /* bytes of its file */
    bool wal_unreadable;      /* it has bytes, but its first ones are none of a WAL */
};

/* 0 or the system's error; closed then. A file that is not there is one without pages. */
must_check int raw_pages_open(struct raw_pages *r, const char *directory);
void raw_pages_close(struct raw_pages *r);

/* Page 1, 2, ... of the file; frame 0, 1, ... of the WAL. false: it cannot be read. */
must_check bool raw_pages_file(const struct raw_pages *r, uint32_t page, uint8_t bytes[RAW_PAGE]);
must_check bool raw_pages_frame(const struct raw_pages *r, uint32_t frame, uint8_t bytes[RAW_PAGE]);
/* Where the frame's page stands in the WAL's file. */
uint64_t raw_pages_frame_offset(uint32_t frame);

#endif
