/* SPDX-License-Identifier: Apache-2.0 */
/* Key index: where in the journal a 128-bit key was decided, for when the shard's memory does not
 * hold it any more. Keys come in no order, and a row for each would be a page read and written for
 * each once the table has outgrown the cache. So a step of the projector writes its keys as one
 * sorted run, in chunks of KEY_CHUNK_ENTRIES, and takes earlier runs that are no larger into it:
 * the sizes of the runs grow like powers of two, a look-up is one seek in each of a few runs, and
 * a key is written again only as often as its run doubles. What has expired goes run by run.
 *
 * Two kinds: idempotency keys (kept for OUTCOME_KEEP_NS; what a key is unique in says outcome.h)
 * and ids of things that happen once, a transfer say (event_rule.key_offset; kept for good).
 * The tables are those of sql/sqlite/0007_views_key_runs.sql. */
#ifndef JOURNAL_KEY_INDEX_H
#define JOURNAL_KEY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/journal/store.h"

#define KEY_CHUNK_ENTRIES 80               /* four chunks a page of 8 KiB, without overflow */
#define KEY_RUN_KEYS_MAX ((uint64_t)1 << 22) /* a run this large stays as it is */
#define KEY_RUN_SPAN_NS ((uint64_t)24 * 3600 * 1000000000) /* of keys that expire: how much longer
                                                              than promised some are kept */

enum key_kind {
    KEY_KIND_OUTCOME = 1, /* idempotency keys; the place of the record */
    KEY_KIND_EVENT = 2,   /* ids; the place of the event */
};

enum key_run_column {
    KEY_RUN_SHARD,     /* UINT: primary key, with ... */
    KEY_RUN_KIND,      /* UINT: ... */
    KEY_RUN_NUMBER,    /* UINT: a later run is newer */
    KEY_RUN_KEYS,      /* UINT: how many */
    KEY_RUN_FIRST,     /* ID: the smallest key */
    KEY_RUN_LAST,      /* ID: the largest */
    KEY_RUN_OLDEST_NS, /* UINT: Unix time of the first decision in it */
    KEY_RUN_NEWEST_NS, /* UINT: of the last */
    KEY_RUN_COLUMNS,
};

enum key_chunk_column {
    KEY_CHUNK_SHARD,   /* UINT: primary key, with ... */
    KEY_CHUNK_KIND,    /* UINT: ... */
    KEY_CHUNK_RUN,     /* UINT: ... */
    KEY_CHUNK_FIRST,   /* ID: its smallest key */
    KEY_CHUNK_BYTES,   /* BYTES: key and place by turns, big-endian, ascending */
    KEY_CHUNK_COLUMNS,
};

extern const struct view_table key_runs_view;
extern const struct view_table key_chunks_view;

/* Both: every store needs them beside the domain's. */
#define RUNTIME_VIEWS 2
extern const struct view_table *const runtime_views[RUNTIME_VIEWS];

struct key_entry {
    struct id128 key;
    uint64_t place;
};

struct key_run {
    uint64_t number, keys;
    struct id128 first, last;
    uint64_t oldest_ns, newest_ns;
};

/* One side's knowledge of a shard's runs. Used by one thread at a time. */
struct key_index {
    uint16_t shard;
    enum key_kind kind;
    uint64_t keep_ns;        /* 0 = for good */
    struct key_run *runs;    /* in the views, oldest first */
    size_t run_count, run_cap;
    bool loaded;
    struct key_entry *added; /* not in the views yet */
    size_t added_count, added_cap;
    uint64_t oldest_ns, newest_ns; /* of these */
};

/* keep_ns matters to the writer only. */
void key_index_init(struct key_index *k, uint16_t shard, enum key_kind kind, uint64_t keep_ns);
void key_index_done(struct key_index *k);

/* Forgets what was added and which runs there are. */
void key_index_clear(struct key_index *k);

/* --- writing: the projector ------------------------------------------------------------------ */

/* Begins anew: with the runs that the store has, and nothing added. */
must_check enum err key_index_load(struct key_index *k, struct store *s);

/* A key that is already there gets the new place. Times must not go back. */
void key_index_add(struct key_index *k, struct id128 key, uint64_t place, uint64_t time_ns);

/* Writes what was added and deletes some of what has expired, in the open transaction. After a
 * failure of this or of the commit: key_index_load(). */
must_check enum err key_index_flush(struct key_index *k, struct store *s, uint64_t now_ns);

/* --- reading --------------------------------------------------------------------------------- */

/* ERR_NOT_FOUND if the views do not have the key. Any lane; `k` is the asker's own, and cleared
 * now and then, at least when the views were dropped. */
must_check enum err key_index_find(struct key_index *k, struct store *s, struct id128 key,
                                   uint64_t *place);

/* The entries of a chunk; false: it is damaged. */
must_check bool key_chunk_read(const struct value *row,
                               struct key_entry entries[KEY_CHUNK_ENTRIES], uint32_t *count);

#endif
