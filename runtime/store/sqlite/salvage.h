/* SPDX-License-Identifier: Apache-2.0 */
/* Salvage: whatever is whole of a damaged journal, put into a new data directory, and exactly what
 * is missing. A batch is whole if it matches its own hash, wherever in journal.db or its WAL it was
 * found, also behind a damaged place. Nothing of the damaged directory is changed, and no node may
 * run on it. Blocks; any one thread. */
#ifndef SQLITE_SALVAGE_H
#define SQLITE_SALVAGE_H

#include "runtime/store/sqlite/journal_copy.h"

#define SALVAGE_PLACES_MAX 1000 /* kept in the report */

struct salvage_options {
    const char *directory;              /* the damaged one */
    struct store_sqlite_options target; /* .directory: the new one, which must not exist yet */
    bool until_gap; /* copy of each shard only what is before its first missing batch */
    bool (*whole)(const struct batch_row *row); /* does it match its hash? */
    /* While it runs; NULL: nobody wants to know. `total` as far as it is known. */
    void (*progress)(uint64_t done, uint64_t total);
};

/* Batches first to last of a shard that were committed and of which nothing whole was found. */
struct salvage_gap {
    uint16_t shard;
    uint64_t first, last;
    bool end; /* there is none behind them */
};

/* Bytes from which nothing could be taken, although something must have stood there. */
struct salvage_place {
    const char *file; /* "journal.db", "journal.db-wal" */
    uint64_t offset, bytes;
};

struct salvage_shard {
    uint64_t found, copied; /* batches */
    uint64_t bytes;         /* copied, of their bodies */
    uint64_t last;          /* the newest copied */
    uint64_t epoch;
};

struct salvage_report {
    struct salvage_shard shards[JOURNAL_COPY_SHARDS];
    uint16_t shard_count;
    struct salvage_gap *gaps;
    uint32_t gap_count, gap_cap;
    struct salvage_place *places;
    uint32_t place_count, place_cap;
    bool hole; /* copied with a gap in the middle: no node starts on it */
};

/* ERR_OK also if something is missing: the report says so. On failure `reason` has file, cause and
 * remedy in one line. The report is to be freed in every case. */
must_check enum err salvage_run(const struct salvage_options *options,
                                struct salvage_report *report, char *reason, size_t reason_size);
void salvage_report_done(struct salvage_report *report);

#endif
