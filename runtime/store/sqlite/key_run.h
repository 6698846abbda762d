/* SPDX-License-Identifier: Apache-2.0 */
/* Key run: 128-bit keys and where in the journal each was decided, sorted by key, in the views.
 * Three tables (sql/sqlite/0001_views_initial.sql): a row for each run, its keys in chunks, and a
 * filter (key_filter.h) for every KEY_FILTER_KEYS keys. A run is written in ascending order, over
 * several transactions if it is large: the last key in its row is how far writing has come.
 *
 * The rows are read and written like those of any view, through the connection in key_rows. */
#ifndef SQLITE_KEY_RUN_H
#define SQLITE_KEY_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/store/sqlite/key_filter.h"
#include "runtime/store/view_store.h"

struct db;
struct store_sqlite;

#define KEY_CHUNK_ENTRIES 80 /* four chunks a page of 8 KiB, without overflow */
#define KEY_PAGE_CHUNKS 8    /* chunks of a run that a reader has in memory at once */

enum key_run_column {
    KEY_RUN_SHARD,     /* UINT: primary key, with ... */
    KEY_RUN_KIND,      /* UINT: ... */
    KEY_RUN_NUMBER,    /* UINT: a run of a higher number has later decisions */
    KEY_RUN_KEYS,      /* UINT: their number */
    KEY_RUN_FIRST,     /* ID: the smallest key */
    KEY_RUN_LAST,      /* ID: the largest */
    KEY_RUN_OLDEST_NS, /* UINT: Unix time of the first decision in it */
    KEY_RUN_NEWEST_NS, /* UINT: of the last */
    KEY_RUN_STATE,     /* UINT: enum key_run_state */
    KEY_RUN_COLUMNS,
};

enum key_chunk_column {
    KEY_CHUNK_SHARD,   /* UINT: primary key, with ... */
    KEY_CHUNK_KIND,    /* UINT: ... */
    KEY_CHUNK_RUN,     /* UINT: ... */
    KEY_CHUNK_FIRST,   /* ID: its smallest key */
    KEY_CHUNK_BYTES,   /* BYTES: key and position by turns, big-endian, ascending */
    KEY_CHUNK_COLUMNS,
};

enum key_filter_column {
    KEY_FILTER_SHARD,  /* UINT: primary key, with ... */
    KEY_FILTER_KIND,   /* UINT: ... */
    KEY_FILTER_RUN,    /* UINT: ... */
    KEY_FILTER_FIRST,  /* ID: the smallest key in it */
    KEY_FILTER_LAST,   /* ID: the largest */
    KEY_FILTER_BITS,   /* BYTES: key_filter.h */
    KEY_FILTER_COLUMNS,
};

extern const struct view_table key_runs_view;
extern const struct view_table key_chunks_view;
extern const struct view_table key_filters_view;

#define KEY_VIEWS 3
extern const struct view_table *const key_views[KEY_VIEWS]; /* all of them */

enum key_run_state {
    KEY_RUN_LIVE = 1,       /* keys are looked up in it */
    KEY_RUN_SOURCE = 2,     /* the same, while it is being merged into the next unfinished run */
    KEY_RUN_UNFINISHED = 3, /* being written */
    KEY_RUN_GONE = 4,       /* merged or expired: its rows are being deleted */
};

/* The rows of a space's runs, through one connection: the writer's in its open transaction, or a
 * reader's. */
struct key_rows {
    struct store_sqlite *store;
    struct db *db;
    struct key_space space;
};

struct key_entry {
    struct id128 key;
    uint64_t position;
};

struct key_run {
    uint64_t number, keys;
    struct id128 first, last;
    uint64_t oldest_ns, newest_ns;
    enum key_run_state state;
    bool changed; /* its row must be written; the writer's */
};

/* All calls block in the store; those that write are made in its open transaction. */

/* All runs, the oldest first. */
typedef void (*key_run_cb)(void *context, const struct key_run *run);
must_check enum err key_runs_each(const struct key_rows *rows, key_run_cb each,
                                  void *context);

must_check enum err key_run_put(const struct key_rows *rows,
                                const struct key_run *run);

/* Deletes up to *left rows of its chunks and filters and takes their number off *left: if it is
 * still above 0, all are deleted. */
must_check enum err key_run_erase(const struct key_rows *rows, uint64_t run,
                                  size_t *left);

/* Deletes its own row, the last. */
must_check enum err key_run_delete(const struct key_rows *rows, uint64_t run);

/* --- looking up ------------------------------------------------------------------------------- */

static inline bool key_run_spans(const struct key_run *run, struct id128 key)
{
    return run->keys > 0 && id128_compare(key, run->first) >= 0 &&
           id128_compare(key, run->last) <= 0;
}

/* ERR_NOT_FOUND if the run does not have the key. */
must_check enum err key_run_find(const struct key_rows *rows, uint64_t run,
                                 struct id128 key, uint64_t *position);

/* Gives the filter that would have the key: the last one whose first key is not above it.
 * ERR_NOT_FOUND if there is none, as for runs written before there were filters. */
typedef void (*key_run_filter_cb)(void *context, struct id128 first, struct id128 last,
                                  struct slice bits);
must_check enum err key_run_filter(const struct key_rows *rows, uint64_t run,
                                   struct id128 key, key_run_filter_cb give, void *context);

/* As view_store.h says of keys_walk. */
must_check enum err key_chunks_walk(const struct key_rows *rows, struct key_cursor *cursor,
                                    uint32_t most, key_cb key, void *context);

/* --- reading all of it ------------------------------------------------------------------------ */

/* Reads the entries of a run in order: while at < count, entries[at] is the next. */
struct key_source {
    struct key_entry *entries; /* KEY_PAGE_CHUNKS chunks of a run, or the caller's sorted array */
    size_t at, count;
    bool ended;                /* nothing comes after these */
    uint64_t run;
    bool begun;                /* a chunk was read, and ... */
    struct id128 chunk;        /* ... this is the first key of the last one */
    bool damaged;
};

/* Begins at the first key, or with `after` at the first one above it. After a success the caller
 * ends it with key_source_done(). */
must_check enum err key_source_init(struct key_source *source, const struct key_rows *rows,
                                    uint64_t run, const struct id128 *after);
void key_source_done(struct key_source *source);
must_check enum err key_source_next(struct key_source *source, const struct key_rows *rows);

/* --- writing ---------------------------------------------------------------------------------- */

/* Appends keys to a run, in ascending order. The run's own row is written by its owner. */
struct key_sink {
    struct key_run *run; /* keys, first and last follow what is put */
    uint8_t chunk[KEY_CHUNK_ENTRIES * 24];
    uint32_t chunk_count;
    struct id128 chunk_first;
    uint64_t hashes[KEY_FILTER_KEYS]; /* since the last filter */
    uint32_t hash_count;
    struct id128 filter_first;
};

void key_sink_init(struct key_sink *sink, struct key_run *run);
must_check enum err key_sink_put(struct key_sink *sink, const struct key_rows *rows,
                                 const struct key_entry *entry);
/* Writes what is left: all that was put is in the store then. */
must_check enum err key_sink_flush(struct key_sink *sink, const struct key_rows *rows);

#endif
