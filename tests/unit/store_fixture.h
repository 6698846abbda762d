/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the stores share: a small view, batches, and a store of either kind. */
#ifndef TESTS_STORE_FIXTURE_H
#define TESTS_STORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/sim/store_sim.h"
#include "runtime/store/sqlite/store_sqlite.h"

#define REASON_SIZE 512

/* owner, place (key); amount; name; parent may be absent; tag is any number. name and tag order
 * nothing: packed. */
enum { COIN_OWNER, COIN_PLACE, COIN_AMOUNT, COIN_NAME, COIN_PARENT, COIN_TAG, COIN_COLUMNS };
enum { COIN_BY_AMOUNT, COIN_BY_PARENT };

static const struct view_index coin_indexes[] = {
    [COIN_BY_AMOUNT] = {"by_amount", {COIN_OWNER, COIN_AMOUNT}, 2},
    [COIN_BY_PARENT] = {"by_parent", {COIN_PARENT}, 1},
};

static const struct view_table coins_view = {
    .name = "coins",
    .column_names = (const char *const[]){"owner", "place", "amount", "name", "parent",
                                            "tag"},
    .column_types = (const enum value_type[]){VALUE_ID, VALUE_UINT, VALUE_U128, VALUE_TEXT,
                                              VALUE_ID, VALUE_UINT},
    .column_count = COIN_COLUMNS,
    .key = {"key", {COIN_OWNER, COIN_PLACE}, 2},
    .indexes = coin_indexes,
    .index_count = array_len(coin_indexes),
    .packed = true,
};

#define COINS_SQL                                                                                  \
    "CREATE TABLE coins (owner BLOB NOT NULL, place INTEGER NOT NULL, amount ANY NOT NULL,"        \
    " parent BLOB, rest BLOB NOT NULL,"                                                            \
    " PRIMARY KEY (owner, place)) STRICT, WITHOUT ROWID;"                                          \
    "CREATE INDEX coins_by_amount ON coins (owner, amount);"                                       \
    "CREATE INDEX coins_by_parent ON coins (parent);"

static const struct view_table *const fixture_tables[] = {&coins_view};

#define FIXTURE_MIGRATIONS_MAX 16

struct fixture {
    struct journal_store *journal;
    struct view_store *views; /* NULL, as `journal`: closed */
    struct store_sim *sim; /* NULL: the embedded store */
    struct rng rng;
    char directory[256];
    struct sqlite_migration migrations[FIXTURE_MIGRATIONS_MAX];
    uint32_t migration_count;
    uint16_t shards;         /* it is opened with; 0 = any */
    size_t key_merge_keys;   /* the same; 0 = as many as the store likes */
    char reason[REASON_SIZE];
};

static inline struct store_sqlite_options fixture_options(const struct fixture *f)
{
    return (struct store_sqlite_options){
        .directory = f->directory,
        .tables = fixture_tables,
        .table_count = array_len(fixture_tables),
        .migrations = f->migrations,
        .migration_count = f->migration_count,
        .shards = f->shards,
        .key_merge_keys = f->key_merge_keys,
        .key_filter_bytes = 1 << 20,
    };
}

static inline enum err fixture_open_sqlite(struct fixture *f)
{
    struct store_sqlite_options options = fixture_options(f);
    return store_sqlite_open(&options, &f->journal, &f->views, f->reason, sizeof f->reason);
}

/* The product's migrations and one for the coins. */
static inline void fixture_migrations(struct fixture *f)
{
    static const struct sqlite_migration coins = {"9000_views_coins.sql", COINS_SQL, false};
    for (uint32_t i = 0; i < sqlite_migration_count; i++)
        f->migrations[f->migration_count++] = sqlite_migrations[i];
    f->migrations[f->migration_count++] = coins;
}

static inline void fixture_directory(struct fixture *f)
{
    const char *temporary = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(f->directory, sizeof f->directory, "%s/store-test-XXXXXX", temporary);
    assert_non_null(mkdtemp(f->directory));
}

/* Changes a closed database from outside. */
static inline void alter(struct fixture *f, const char *file, const char *sql)
{
    char path[600];
    sqlite3 *handle;
    const char *vfs = strcmp(file, "views.db") == 0 ? "payd-pages" : NULL; /* puts checksums */
    snprintf(path, sizeof path, "%s/%s", f->directory, file);
    assert_int_equal(sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, vfs), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static inline int fixture_sqlite(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    fixture_directory(f);
    fixture_migrations(f);
    assert_int_equal(fixture_open_sqlite(f), ERR_OK);
    *state = f;
    return 0;
}

static inline int fixture_sim_options(void **state, bool in_flight)
{
    struct fixture *f = calloc(1, sizeof *f);
    rng_seed(&f->rng, 7);
    f->sim = store_sim_new(&(struct store_sim_options){
        .tables = fixture_tables,
        .table_count = array_len(fixture_tables),
        .rng = &f->rng,
        .in_flight = in_flight,
    });
    f->journal = store_sim_journal(f->sim);
    f->views = store_sim_views(f->sim);
    *state = f;
    return 0;
}

static inline int fixture_sim(void **state)
{
    return fixture_sim_options(state, false);
}

static inline int fixture_sim_in_flight(void **state)
{
    return fixture_sim_options(state, true);
}

static inline void remove_directory(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        return;
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        unlink(name);
    }
    closedir(directory);
    rmdir(path);
}

/* Leaves the pointers: a simulated store is used again. */
static inline void fixture_close(struct fixture *f)
{
    f->views->ops->close(f->views);
    f->journal->ops->close(f->journal);
}

static inline void fixture_shut(struct fixture *f)
{
    fixture_close(f);
    f->journal = NULL;
    f->views = NULL;
}

static inline int fixture_done(void **state)
{
    struct fixture *f = *state;
    if (f->views != NULL)
        fixture_close(f);
    store_sim_free(f->sim);
    if (f->directory[0] != '\0')
        remove_directory(f->directory);
    free(f);
    return 0;
}

/* Ends the process's use of the store and begins anew. */
static inline void fixture_restart(struct fixture *f)
{
    fixture_close(f);
    if (f->sim == NULL)
        assert_int_equal(fixture_open_sqlite(f), ERR_OK);
}

/* --- batches ---------------------------------------------------------------------------------- */

static inline struct sha256_digest digest_of(uint64_t number)
{
    struct sha256_digest d = {{0}};
    memcpy(d.bytes, &number, sizeof number);
    return d;
}

static inline struct batch_row batch(uint16_t shard, uint64_t seq, uint64_t epoch,
                                     const char *body)
{
    return (struct batch_row){
        .shard = shard,
        .seq = seq,
        .epoch = epoch,
        .count = (uint32_t)seq + 1,
        .prev_hash = digest_of(seq - 1),
        .hash = digest_of(seq),
        .body = slice_of(body),
    };
}

static inline uint64_t lease(struct journal_store *s, uint16_t shard)
{
    uint64_t epoch = 0;
    assert_int_equal(s->ops->lease_take(s, shard, slice_of("test"), &epoch), ERR_OK);
    return epoch;
}

/* Batches of one shard. */
static inline enum err append_rows(struct journal_store *s, const struct batch_row *rows,
                                   uint32_t count)
{
    struct batch_run run = {.rows = rows, .count = count};
    s->ops->append(s, &run, 1);
    return run.result;
}

static inline enum err append_one(struct journal_store *s, uint16_t shard, uint64_t seq,
                                  uint64_t epoch, const char *body)
{
    struct batch_row row = batch(shard, seq, epoch, body);
    return append_rows(s, &row, 1);
}

static inline uint64_t head(struct journal_store *s, uint16_t shard)
{
    uint64_t seq = UINT64_MAX;
    assert_int_equal(s->ops->head(s, shard, &seq), ERR_OK);
    return seq;
}

/* What a walk gave, as text: "1:a 2:b " for batches. */
struct seen {
    char text[1024];
    uint32_t stop_after; /* 0 = never */
    uint32_t count;
};

static inline bool seen_one(struct seen *seen, uint64_t number, struct slice text)
{
    size_t len = strlen(seen->text);
    snprintf(seen->text + len, sizeof seen->text - len, "%lu:%.*s ",
             (unsigned long)number, (int)text.len, text.data);
    return ++seen->count != seen->stop_after;
}

static inline bool see_batch(void *context, const struct batch_row *row)
{
    assert_memory_equal(row->hash.bytes, digest_of(row->seq).bytes, SHA256_SIZE);
    assert_memory_equal(row->prev_hash.bytes, digest_of(row->seq - 1).bytes, SHA256_SIZE);
    assert_int_equal(row->count, row->seq + 1);
    return seen_one(context, row->seq, row->body);
}

static inline void assert_tail(struct journal_store *s, uint16_t shard, uint64_t first_seq,
                               const char *expected)
{
    struct seen seen = {{0}, 0, 0};
    assert_int_equal(s->ops->tail(s, shard, first_seq, see_batch, &seen), ERR_OK);
    assert_string_equal(seen.text, expected);
}

static inline bool see_state(void *context, const struct state_row *row)
{
    return seen_one(context, row->id.lo, row->body);
}

/* --- coins ------------------------------------------------------------------------------------ */

static inline enum err put_coin(struct view_store *s, uint64_t owner, uint64_t place, u128 amount,
                                const char *name, uint64_t parent)
{
    struct value row[COIN_COLUMNS] = {
        [COIN_OWNER] = {.type = VALUE_ID, .id = {0, owner}},
        [COIN_PLACE] = {.type = VALUE_UINT, .number = place},
        [COIN_AMOUNT] = {.type = VALUE_U128, .big = amount},
        [COIN_NAME] = {.type = VALUE_TEXT, .text = slice_of(name)},
        [COIN_PARENT] = {.type = parent != 0 ? VALUE_ID : VALUE_NULL, .id = {0, parent}},
        [COIN_TAG] = {.type = VALUE_UINT, .number = ~place},
    };
    return s->ops->put_row(s, &coins_view, row);
}

static inline bool see_coin(void *context, const struct value *row)
{
    assert_int_equal(row[COIN_TAG].number, ~row[COIN_PLACE].number);
    return seen_one(context, row[COIN_PLACE].number, row[COIN_NAME].text);
}

static inline enum err commit_at(struct view_store *s, uint16_t shard, uint64_t seq)
{
    struct store_position position = {seq, digest_of(seq), seq * 10};
    enum err e = s->ops->move(s, shard, &position);
    if (e == ERR_OK)
        return s->ops->commit(s);
    s->ops->rollback(s);
    return e;
}

static inline uint64_t views_seq(struct view_store *s, uint16_t shard)
{
    struct store_position position;
    assert_int_equal(s->ops->position(s, shard, &position), ERR_OK);
    return position.seq;
}

#endif
