/* SPDX-License-Identifier: Apache-2.0 */
/* Each migration is applied once, in a transaction of its own that also records its name and hash.
 * The recorded ones must be the first of the program's own list; the rest of the list is applied.
 * Afterwards each view is compared with its declaration, so that a forgotten migration stops the
 * start and not the first query. */
#include "runtime/store/sqlite/sqlite_migrate.h"

#include <stdarg.h>
#include <stdio.h>

#include "runtime/store/sqlite/sqlite_views.h"
#include "runtime/store/views_priv.h"

/* Which file a complaint is about, and the buffer it is written to. */
struct complaint {
    struct store_sqlite *store;
    const struct db_kind *kind;
    char *reason;
    size_t reason_size;
};

#define complain(c, ...)                                                                           \
    migrate_complain_to(c,                                                                         \
                        snprintf((c)->reason, (c)->reason_size, "%s/%s: ", (c)->store->directory,  \
                                 (c)->kind->file_name),                                            \
                        __VA_ARGS__)

printf_like(3, 4) static void migrate_complain_to(const struct complaint *c, int at,
                                                  const char *format, ...)
{
    if (at < 0 || (size_t)at >= c->reason_size)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(c->reason + at, c->reason_size - (size_t)at, format, arguments);
    va_end(arguments);
}

static enum err migrate_complain_sqlite(const struct complaint *c, struct db *d, const char *doing)
{
    enum err e = db_error(sqlite3_extended_errcode(d->handle));
    bool damaged = e == ERR_CORRUPT;
    complain(c, "%s: %s%s%s", doing, sqlite3_errmsg(d->handle), damaged ? "; " : "",
             damaged ? c->kind->remedy : "");
    return e;
}

/* --- migrations ------------------------------------------------------------------------------- */

static const struct sqlite_migration *migrate_next(const struct store_sqlite_options *options,
                                                   const struct db_kind *kind, uint32_t *at)
{
    while (*at < options->migration_count) {
        const struct sqlite_migration *m = &options->migrations[(*at)++];
        if (m->journal == (kind == &db_journal))
            return m;
    }
    return NULL;
}

static struct sha256_digest migrate_digest(const struct sqlite_migration *m)
{
    struct slice text = slice_of(m->sql);
    return sha256(&text, 1);
}

/* Compares one recorded migration with the one of the same number in our list. */
static enum err migrate_compare_recorded(const struct complaint *c, struct db_use recorded,
                                         const struct sqlite_migration *ours)
{
    const char *name = (const char *)sqlite3_column_text(recorded.statement, 0);
    struct sha256_digest found;
    if (name == NULL || !db_read_exact(recorded, 1, found.bytes, SHA256_SIZE)) {
        complain(c, "the table of migrations is damaged");
        return ERR_CORRUPT;
    }
    if (ours == NULL || strcmp(name, ours->name) != 0) {
        complain(c, "has migration %s, which this program does not know; start the version that "
                    "wrote it or a later one", name);
        return ERR_UNSUPPORTED;
    }
    struct sha256_digest digest = migrate_digest(ours);
    if (memcmp(found.bytes, digest.bytes, SHA256_SIZE) != 0) {
        complain(c, "migration %s was applied with another content than this program has; start "
                    "the version that wrote it", name);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

/* Steps *at over the migrations already there. */
static enum err migrate_skip_applied(const struct complaint *c, struct db *d,
                                     const struct store_sqlite_options *options, uint32_t *at)
{
    struct db_use recorded = {.temporary = true};
    if (sqlite3_prepare_v2(d->handle, "SELECT name, sha256 FROM migrations ORDER BY number", -1,
                           &recorded.statement, NULL) != SQLITE_OK)
        return migrate_complain_sqlite(c, d, "cannot read the table of migrations");
    enum err e = ERR_OK;
    int code;
    while (e == ERR_OK && (code = sqlite3_step(recorded.statement)) == SQLITE_ROW)
        e = migrate_compare_recorded(c, recorded, migrate_next(options, c->kind, at));
    if (e == ERR_OK && code != SQLITE_DONE)
        e = migrate_complain_sqlite(c, d, "cannot read the table of migrations");
    db_release(recorded);
    return e;
}

static enum err migrate_apply_statements(const struct complaint *c, struct db *d,
                                         const struct sqlite_migration *m)
{
    char doing[256];
    snprintf(doing, sizeof doing, "migration %s failed", m->name);
    if (sqlite3_exec(d->handle, m->sql, NULL, NULL, NULL) != SQLITE_OK)
        return migrate_complain_sqlite(c, d, doing);
    struct db_use record = {.temporary = true};
    if (sqlite3_prepare_v2(d->handle, "INSERT INTO migrations (name, sha256) VALUES (?1, ?2)", -1,
                           &record.statement, NULL) != SQLITE_OK)
        return migrate_complain_sqlite(c, d, doing);
    struct sha256_digest digest = migrate_digest(m);
    check(sqlite3_bind_text(record.statement, 1, m->name, -1, SQLITE_STATIC) == SQLITE_OK);
    db_bind_blob(record, 2, digest.bytes, SHA256_SIZE);
    if (db_finish(record) != SQLITE_DONE)
        return migrate_complain_sqlite(c, d, doing);
    return ERR_OK;
}

static enum err migrate_apply(const struct complaint *c, struct db *d,
                              const struct sqlite_migration *m)
{
    atomic_store(&c->store->used, true);
    if (db_run(d, DB_BEGIN) != ERR_OK)
        return migrate_complain_sqlite(c, d, "cannot begin a migration");
    enum err e = migrate_apply_statements(c, d, m);
    if (e == ERR_OK && db_run(d, DB_COMMIT) != ERR_OK)
        e = migrate_complain_sqlite(c, d, "cannot commit a migration");
    db_rollback(d);
    return e;
}

bool sqlite_migrate_begun(struct db *d)
{
    static const char sql[] = "SELECT 1 FROM sqlite_schema WHERE tbl_name <> 'migrations'";
    sqlite3_stmt *statement = NULL;
    bool none = sqlite3_prepare_v2(d->handle, sql, -1, &statement, NULL) == SQLITE_OK &&
                sqlite3_step(statement) == SQLITE_DONE;
    sqlite3_finalize(statement);
    return !none;
}

static enum err migrate_file(const struct complaint *c, struct db *d,
                             const struct store_sqlite_options *options)
{
    uint32_t at = 0;
    if (options->look)
        return migrate_skip_applied(c, d, options, &at);
    if (sqlite3_exec(d->handle,
                     "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, "
                     "name TEXT NOT NULL UNIQUE, sha256 BLOB NOT NULL) STRICT",
                     NULL, NULL, NULL) != SQLITE_OK)
        return migrate_complain_sqlite(c, d, "cannot create the table of migrations");
    enum err e = migrate_skip_applied(c, d, options, &at);
    const struct sqlite_migration *m;
    while (e == ERR_OK && (m = migrate_next(options, c->kind, &at)) != NULL)
        e = migrate_apply(c, d, m);
    return e;
}

/* --- comparison of views with their declarations ---------------------------------------------- */

static const char *const type_names[] = {
    [VALUE_NULL] = "",      [VALUE_UINT] = "INTEGER", [VALUE_U128] = "ANY",
    [VALUE_ID] = "BLOB",    [VALUE_TEXT] = "TEXT",    [VALUE_BYTES] = "BLOB",
};

static enum err migrate_query(const struct complaint *c, struct db *d, const char *sql,
                              const char *name, struct db_use *ret)
{
    *ret = (struct db_use){.temporary = true};
    if (sqlite3_prepare_v2(d->handle, sql, -1, &ret->statement, NULL) != SQLITE_OK)
        return migrate_complain_sqlite(c, d, "cannot read the schema");
    check(sqlite3_bind_text(ret->statement, 1, name, -1, SQLITE_STATIC) == SQLITE_OK);
    return ERR_OK;
}

static bool migrate_text_is(struct db_use use, int column, const char *expected)
{
    const char *text = (const char *)sqlite3_column_text(use.statement, column);
    return text != NULL && strcmp(text, expected) == 0;
}

static enum err migrate_compare_kind(const struct complaint *c, struct db *d,
                                     const struct view_table *t)
{
    struct db_use use;
    enum err e = migrate_query(c, d,
                               "SELECT wr, strict FROM pragma_table_list WHERE name = ?1 "
                               "AND schema = 'main'",
                               t->name, &use);
    if (e != ERR_OK)
        return e;
    if (sqlite3_step(use.statement) != SQLITE_ROW) {
        complain(c, "view %s is declared but no migration creates its table", t->name);
        e = ERR_UNSUPPORTED;
    } else if (sqlite3_column_int(use.statement, 0) != 1 ||
               sqlite3_column_int(use.statement, 1) != 1) {
        complain(c, "table %s must be STRICT, WITHOUT ROWID: its indexes end with the key",
                 t->name);
        e = ERR_UNSUPPORTED;
    }
    db_release(use);
    return e;
}

/* 1-based place of a column in the primary key, 0 if it is not in it: as SQLite reports it. */
static int migrate_place_in_key(const struct view_table *t, uint8_t column)
{
    for (uint8_t i = 0; i < t->key.count; i++)
        if (t->key.columns[i] == column)
            return i + 1;
    return 0;
}

/* The column at this place of the table; VIEW_COLUMNS_MAX for VIEW_REST, -1 for none. */
static int migrate_column_at(const struct view_info *info, uint8_t at)
{
    for (uint8_t i = 0; i < info->table->column_count; i++)
        if ((info->packed >> i & 1) == 0 && at-- == 0)
            return i;
    return info->packed != 0 && at == 0 ? VIEW_COLUMNS_MAX : -1;
}

static bool migrate_compare_column(const struct complaint *c, struct db_use use,
                                   const struct view_info *info, uint8_t at)
{
    const struct view_table *t = info->table;
    const char *name = (const char *)sqlite3_column_text(use.statement, 0);
    int column = migrate_column_at(info, at);
    bool rest = column == VIEW_COLUMNS_MAX;
    if (column < 0) {
        complain(c, "table %s has a column %s more than its declaration", t->name, name);
        return false;
    }
    const char *declared = rest ? VIEW_REST : t->column_names[column];
    const char *type = type_names[rest ? VALUE_BYTES : t->column_types[column]];
    if (!migrate_text_is(use, 0, declared)) {
        complain(c, "table %s: column %d is %s, declared is %s", t->name, at + 1, name, declared);
        return false;
    }
    if (!migrate_text_is(use, 1, type)) {
        complain(c, "table %s: column %s is %s, declared is %s", t->name, declared,
                 (const char *)sqlite3_column_text(use.statement, 1), type);
        return false;
    }
    if (sqlite3_column_int(use.statement, 3) !=
        (rest ? 0 : migrate_place_in_key(t, (uint8_t)column))) {
        complain(c, "table %s: column %s stands elsewhere in the primary key than declared",
                 t->name, declared);
        return false;
    }
    return true;
}

static enum err migrate_compare_columns(const struct complaint *c, struct db *d,
                                        struct view_info *info)
{
    const struct view_table *t = info->table;
    struct db_use use;
    enum err e = migrate_query(c, d,
                               "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1) "
                               "ORDER BY cid",
                               t->name, &use);
    if (e != ERR_OK)
        return e;
    uint8_t found = 0;
    for (; e == ERR_OK && sqlite3_step(use.statement) == SQLITE_ROW; found++) {
        if (!migrate_compare_column(c, use, info, found))
            e = ERR_UNSUPPORTED;
        else if (sqlite3_column_int(use.statement, 2) == 0)
            info->nullable |= 1ull << migrate_column_at(info, found);
    }
    db_release(use);
    int declared = __builtin_popcountll(view_columns(t) & ~info->packed) + (info->packed != 0);
    if (e == ERR_OK && found != declared) {
        complain(c, "table %s has %d columns, %d are declared", t->name, found, declared);
        e = ERR_UNSUPPORTED;
    }
    return e;
}

static enum err migrate_compare_index(const struct complaint *c, struct db *d,
                                      const struct view_table *t, const struct view_index *index)
{
    char name[128];
    snprintf(name, sizeof name, "%s_%s", t->name, index->name);
    struct db_use use;
    enum err e =
        migrate_query(c, d,
                      "SELECT x.name, x.\"desc\", x.coll, l.partial FROM pragma_index_list(?2) l, "
                      "pragma_index_xinfo(?1) x WHERE l.name = ?1 AND x.key = 1 ORDER BY x.seqno",
                      name, &use);
    if (e != ERR_OK)
        return e;
    check(sqlite3_bind_text(use.statement, 2, t->name, -1, SQLITE_STATIC) == SQLITE_OK);
    uint8_t same = 0, found = 0;
    for (; sqlite3_step(use.statement) == SQLITE_ROW; found++)
        if (found < index->count &&
            migrate_text_is(use, 0, t->column_names[index->columns[found]]) &&
            sqlite3_column_int(use.statement, 1) == 0 && migrate_text_is(use, 2, "BINARY") &&
            sqlite3_column_int(use.statement, 3) == 0)
            same++;
    db_release(use);
    if (same == index->count && found == index->count)
        return ERR_OK;
    complain(c, "index %s %s", name,
             found == 0 ? "is declared but no migration creates it"
                        : "has other columns, order or collation than declared, or is partial");
    return ERR_UNSUPPORTED;
}

static enum err migrate_compare_view(const struct complaint *c, struct db *d,
                                     struct view_info *info)
{
    const struct view_table *t = info->table;
    check(t->column_count <= VIEW_COLUMNS_MAX && t->index_count <= VIEW_INDEXES_MAX);
    enum err e = migrate_compare_kind(c, d, t);
    if (e == ERR_OK)
        e = migrate_compare_columns(c, d, info);
    for (uint8_t i = 0; e == ERR_OK && i < t->index_count; i++)
        e = migrate_compare_index(c, d, t, &t->indexes[i]);
    return e;
}

enum err sqlite_migrate_journal(struct store_sqlite *s,
                                const struct store_sqlite_options *options, char *reason,
                                size_t reason_size)
{
    struct complaint c = {s, &db_journal, reason, reason_size};
    return migrate_file(&c, &s->journal, options);
}

enum err sqlite_migrate_views(struct store_sqlite *s, const struct store_sqlite_options *options,
                              char *reason, size_t reason_size)
{
    struct complaint c = {s, &db_views, reason, reason_size};
    enum err e = migrate_file(&c, &s->views_writer, options);
    for (uint32_t i = 0; e == ERR_OK && !options->look && i < s->view_count; i++)
        e = migrate_compare_view(&c, &s->views_writer, &s->views[i]);
    return e;
}
