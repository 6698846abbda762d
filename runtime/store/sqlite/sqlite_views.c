/* SPDX-License-Identifier: Apache-2.0 */
/* The SQL of a call follows from the declaration of the table. It is made once for each connection
 * and shape of a call (which table and index, how many columns are bound), and stays prepared.
 * Columns that order nothing are packed into one (VIEW_REST) if the table is declared so. */
#include "runtime/store/sqlite/sqlite_views.h"

#include "runtime/base/array.h"
#include "runtime/store/packed.h"
#include "runtime/store/views_priv.h"

/* Numbers beyond INTEGER are 16 bytes big-endian; SQLite sorts every INTEGER before every BLOB, so
 * the order is that of the numbers. */
#define U128_SIZE 16

enum shape {
    SHAPE_PUT = 1,
    SHAPE_DELETE,
    SHAPE_GET,
    SHAPE_SCAN, /* plus index, direction, prefix_count and from_count */
};

static const struct view_info *views_info(const struct store_sqlite *s, const struct view_table *t)
{
    uint32_t at = 0;
    while (at < s->view_count && s->views[at].table != t)
        at++;
    check(at < s->view_count); /* else it was not given to store_sqlite_open() */
    return &s->views[at];
}

/* --- values ----------------------------------------------------------------------------------- */

/* Ids and large numbers as bytes, which must stay until their statement is released. */
struct bound {
    uint8_t bytes[VIEW_COLUMNS_MAX][U128_SIZE];
};

static int views_bind_id(struct db_use use, int at, struct id128 id, struct bound *bound)
{
    id128_store(id, bound->bytes[at - 1]);
    return sqlite3_bind_blob(use.statement, at, bound->bytes[at - 1], U128_SIZE, SQLITE_STATIC);
}

static int views_bind_u128(struct db_use use, int at, u128 big, struct bound *bound)
{
    if (big <= INT64_MAX)
        return sqlite3_bind_int64(use.statement, at, (sqlite3_int64)big);
    return views_bind_id(use, at, (struct id128){(uint64_t)(big >> 64), (uint64_t)big}, bound);
}

static void views_bind_value(struct db_use use, int at, const struct value *v, struct bound *bound)
{
    int code = SQLITE_OK;
    switch (v->type) {
    case VALUE_NULL:
        code = sqlite3_bind_null(use.statement, at);
        break;
    case VALUE_UINT: /* beyond 2^63-1 it becomes a negative number: only where nothing sorts */
        code = sqlite3_bind_int64(use.statement, at, (sqlite3_int64)v->number);
        break;
    case VALUE_U128:
        code = views_bind_u128(use, at, v->big, bound);
        break;
    case VALUE_ID:
        code = views_bind_id(use, at, v->id, bound);
        break;
    case VALUE_TEXT:
        code = sqlite3_bind_text(use.statement, at, v->text.len > 0 ? v->text.data : "",
                                 (int)v->text.len, SQLITE_STATIC);
        break;
    case VALUE_BYTES:
        db_bind_blob(use, at, v->text.data, v->text.len);
        break;
    }
    check(code == SQLITE_OK);
}

static bool views_read_u128(struct db_use use, int column, u128 *ret)
{
    uint64_t number;
    uint8_t bytes[U128_SIZE];
    if (db_read_number(use, column, &number)) {
        *ret = number;
        return true;
    }
    if (!db_read_exact(use, column, bytes, U128_SIZE))
        return false;
    struct id128 halves = id128_load(bytes);
    *ret = (u128)halves.hi << 64 | halves.lo;
    return *ret > INT64_MAX;
}

static bool views_read_uint(struct db_use use, int column, bool ordered, uint64_t *ret)
{
    if (ordered)
        return db_read_number(use, column, ret);
    *ret = (uint64_t)sqlite3_column_int64(use.statement, column);
    return sqlite3_column_type(use.statement, column) == SQLITE_INTEGER;
}

/* Column i of the row, which is `column` of the result. */
static bool views_read_value(struct db_use use, int column, uint8_t i, const struct view_info *info,
                             struct value *v)
{
    enum value_type type = info->table->column_types[i];
    if (sqlite3_column_type(use.statement, column) == SQLITE_NULL) {
        v->type = VALUE_NULL;
        return true;
    }
    v->type = type;
    uint8_t bytes[16];
    switch (type) {
    case VALUE_UINT:
        return views_read_uint(use, column, (info->ordered >> i & 1) != 0, &v->number);
    case VALUE_U128:
        return views_read_u128(use, column, &v->big);
    case VALUE_ID:
        if (!db_read_exact(use, column, bytes, sizeof bytes))
            return false;
        v->id = id128_load(bytes);
        return true;
    case VALUE_TEXT:
        if (sqlite3_column_type(use.statement, column) != SQLITE_TEXT)
            return false;
        v->text.data = (const char *)sqlite3_column_text(use.statement, column);
        v->text.len = (uint32_t)sqlite3_column_bytes(use.statement, column);
        return v->text.data != NULL;
    case VALUE_BYTES:
        return db_read_blob(use, column, &v->text);
    case VALUE_NULL:
        break;
    }
    return false;
}

/* --- SQL -------------------------------------------------------------------------------------- */

static void views_add_column(struct db_sql *sql, const struct view_table *t, uint8_t column)
{
    db_sql_add(sql, "\"%s\"", t->column_names[column]);
}

/* The columns of the SQL table; returns their number. */
static int views_add_columns(struct db_sql *sql, const struct view_info *info)
{
    int count = 0;
    for (uint8_t i = 0; i < info->table->column_count; i++) {
        if ((info->packed >> i & 1) != 0)
            continue;
        db_sql_add(sql, count++ > 0 ? ", " : "");
        views_add_column(sql, info->table, i);
    }
    if (info->packed != 0)
        db_sql_add(sql, count++ > 0 ? ", " VIEW_REST : VIEW_REST);
    return count;
}

/* " WHERE key = ?1 AND ..." */
static void views_add_key(struct db_sql *sql, const struct view_table *t)
{
    for (uint8_t i = 0; i < t->key.count; i++) {
        db_sql_add(sql, i > 0 ? " AND " : " WHERE ");
        views_add_column(sql, t, t->key.columns[i]);
        db_sql_add(sql, " = ?%d", i + 1);
    }
}

static void views_write_put(struct db_sql *sql, const void *context)
{
    const struct view_info *info = context;
    db_sql_add(sql, "INSERT OR REPLACE INTO \"%s\" (", info->table->name);
    int count = views_add_columns(sql, info);
    for (int i = 0; i < count; i++)
        db_sql_add(sql, "%s?%d", i > 0 ? ", " : ") VALUES (", i + 1);
    db_sql_add(sql, ")");
}

static void views_write_delete(struct db_sql *sql, const void *context)
{
    const struct view_table *t = context;
    db_sql_add(sql, "DELETE FROM \"%s\"", t->name);
    views_add_key(sql, t);
}

static void views_write_get(struct db_sql *sql, const void *context)
{
    const struct view_info *info = context;
    db_sql_add(sql, "SELECT ");
    views_add_columns(sql, info);
    db_sql_add(sql, " FROM \"%s\"", info->table->name);
    views_add_key(sql, info->table);
}

struct scan_shape {
    const struct view_scan *q;
    const struct view_info *info;
    uint8_t columns[VIEW_ORDER_COLUMNS_MAX];
    uint8_t count;
};

/* "(a, b) > (?1, ?2)": SQLite seeks it in the index. */
static void scan_add_from_plain(struct db_sql *sql, const struct scan_shape *s)
{
    const struct view_scan *q = s->q;
    uint8_t first = q->prefix_count;
    for (uint8_t i = 0; i < q->from_count; i++) {
        db_sql_add(sql, i > 0 ? ", " : "(");
        views_add_column(sql, q->table, s->columns[first + i]);
    }
    for (uint8_t i = 0; i < q->from_count; i++)
        db_sql_add(sql, "%s?%d", i > 0 ? ", " : q->descending ? ") < (" : ") > (", first + i + 1);
    db_sql_add(sql, ")");
}

/* The same where a column may be NULL, which sorts first but compares as neither: spelled out as
 * a > ?1 OR (a = ?1 AND b > ?2). Slower: the index gives the prefix and the order only. */
static void scan_add_from_nullable(struct db_sql *sql, const struct scan_shape *s)
{
    const struct view_scan *q = s->q;
    uint8_t first = q->prefix_count;
    for (uint8_t i = 0; i < q->from_count; i++) {
        const char *name = q->table->column_names[s->columns[first + i]];
        int at = first + i + 1;
        db_sql_add(sql, i > 0 ? " OR (" : "((");
        for (uint8_t k = 0; k < i; k++)
            db_sql_add(sql, "\"%s\" IS ?%d AND ", q->table->column_names[s->columns[first + k]],
                       first + k + 1);
        if (q->descending)
            db_sql_add(sql, "(\"%s\" < ?%d OR (\"%s\" IS NULL AND ?%d IS NOT NULL))", name, at,
                       name, at);
        else
            db_sql_add(sql, "(\"%s\" > ?%d OR (\"%s\" IS NOT NULL AND ?%d IS NULL))", name, at,
                       name, at);
        db_sql_add(sql, ")");
    }
    db_sql_add(sql, ")");
}

static void scan_write(struct db_sql *sql, const void *context)
{
    const struct scan_shape *s = context;
    const struct view_scan *q = s->q;
    db_sql_add(sql, "SELECT ");
    views_add_columns(sql, s->info);
    db_sql_add(sql, " FROM \"%s\"", q->table->name);
    if (q->index != &q->table->key)
        db_sql_add(sql, " INDEXED BY \"%s_%s\"", q->table->name, q->index->name);
    for (uint8_t i = 0; i < q->prefix_count; i++) {
        db_sql_add(sql, i > 0 ? " AND " : " WHERE ");
        views_add_column(sql, q->table, s->columns[i]);
        db_sql_add(sql, " IS ?%d", i + 1);
    }
    uint64_t from_columns = 0;
    for (uint8_t i = 0; i < q->from_count; i++)
        from_columns |= 1ull << s->columns[q->prefix_count + i];
    if (q->from_count > 0)
        db_sql_add(sql, q->prefix_count > 0 ? " AND " : " WHERE ");
    if (q->from_count > 0 && (from_columns & s->info->nullable) == 0)
        scan_add_from_plain(sql, s);
    else if (q->from_count > 0)
        scan_add_from_nullable(sql, s);
    for (uint8_t i = q->prefix_count; i < s->count; i++) {
        db_sql_add(sql, i > q->prefix_count ? ", " : " ORDER BY ");
        views_add_column(sql, q->table, s->columns[i]);
        db_sql_add(sql, q->descending ? " DESC" : "");
    }
    db_sql_add(sql, " LIMIT ?%d", q->prefix_count + q->from_count + 1);
}

/* --- reading ---------------------------------------------------------------------------------- */

enum err sqlite_views_borrow(struct store_sqlite *s, struct db **ret)
{
    if (atomic_load(&s->views_thread) == (uintptr_t)pthread_self()) {
        *ret = &s->views_writer;
        return ERR_OK;
    }
    return db_pool_borrow(&s->views_readers, ret);
}

void sqlite_views_return(struct store_sqlite *s, struct db *d)
{
    if (d != &s->views_writer)
        db_pool_return(&s->views_readers, d);
}

static bool views_read_rest(struct db_use use, int column, const struct view_info *info,
                            struct value *row)
{
    struct slice rest;
    if (!db_read_blob(use, column, &rest))
        return false;
    const uint8_t *from = (const uint8_t *)rest.data;
    if (packed_read(from, from + rest.len, row, info->packed) != from + rest.len)
        return false;
    for (uint64_t left = info->packed; left > 0; left &= left - 1) {
        int i = __builtin_ctzll(left);
        if (row[i].type != VALUE_NULL && row[i].type != info->table->column_types[i])
            return false;
    }
    return true;
}

static bool views_read_row(struct db_use use, const struct view_info *info, struct value *row)
{
    int column = 0;
    for (uint8_t i = 0; i < info->table->column_count; i++)
        if ((info->packed >> i & 1) == 0 && !views_read_value(use, column++, i, info, &row[i]))
            return false;
    return info->packed == 0 || views_read_rest(use, column, info, row);
}

static enum err views_give_rows(struct db_use use, const struct view_info *info, view_row_cb row,
                                void *context, uint64_t *given)
{
    struct value values[VIEW_COLUMNS_MAX];
    enum err e = ERR_OK;
    int code;
    while ((code = sqlite3_step(use.statement)) == SQLITE_ROW) {
        if (!views_read_row(use, info, values)) {
            e = ERR_CORRUPT;
            break;
        }
        (*given)++;
        if (!row(context, values))
            break;
    }
    if (code != SQLITE_ROW && code != SQLITE_DONE)
        e = db_error(code);
    db_release(use);
    return e;
}

static uint32_t scan_shape_number(const struct view_scan *q)
{
    uint32_t index = q->index == &q->table->key ? 0 : (uint32_t)(q->index - q->table->indexes) + 1;
    check(index <= q->table->index_count);
    return SHAPE_SCAN | index << 4 | (uint32_t)q->descending << 8 |
           (uint32_t)q->prefix_count << 12 | (uint32_t)q->from_count << 16;
}

enum err sqlite_views_scan_with(struct store_sqlite *s, struct db *d, const struct view_scan *q,
                                view_row_cb row, void *context)
{
    const struct view_info *info = views_info(s, q->table);
    struct scan_shape shape = {.q = q, .info = info};
    shape.count = view_index_order(q->table, q->index, shape.columns);
    struct bound bound;
    struct db_use use;
    enum err e =
        db_prepare(d, (struct db_key){q->table, scan_shape_number(q)}, scan_write, &shape, &use);
    if (e != ERR_OK)
        return e;
    int at = 1;
    for (uint8_t i = 0; i < q->prefix_count; i++)
        views_bind_value(use, at++, &q->prefix[i], &bound);
    for (uint8_t i = 0; i < q->from_count; i++)
        views_bind_value(use, at++, &q->from[i], &bound);
    db_bind_number(use, at, q->limit);
    uint64_t given = 0;
    return views_give_rows(use, info, row, context, &given);
}

enum err sqlite_views_scan(struct view_store *base, const struct view_scan *q, view_row_cb row,
                           void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d;
    enum err e = sqlite_views_borrow(s, &d);
    if (e != ERR_OK)
        return e;
    e = sqlite_views_scan_with(s, d, q, row, context);
    sqlite_views_return(s, d);
    return e;
}

enum err sqlite_views_get(struct view_store *base, const struct view_table *t,
                          const struct value *key, view_row_cb row, void *context)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    const struct view_info *info = views_info(s, t);
    struct db *d;
    enum err e = sqlite_views_borrow(s, &d);
    if (e != ERR_OK)
        return e;
    uint64_t given = 0;
    struct bound bound;
    struct db_use use;
    e = db_prepare(d, (struct db_key){t, SHAPE_GET}, views_write_get, info, &use);
    if (e == ERR_OK) {
        for (uint8_t i = 0; i < t->key.count; i++)
            views_bind_value(use, i + 1, &key[i], &bound);
        e = views_give_rows(use, info, row, context, &given);
    }
    sqlite_views_return(s, d);
    return e == ERR_OK && given == 0 ? ERR_NOT_FOUND : e;
}

/* --- writing ---------------------------------------------------------------------------------- */

static void views_bind_rest(struct store_sqlite *s, struct db_use use, int at,
                            const struct view_info *info, const struct value *row)
{
    size_t size = packed_size_max(row, info->packed);
    array_reserve(s->rest, s->rest_cap, size);
    const uint8_t *end = packed_write(s->rest, row, info->packed);
    db_bind_blob(use, at, s->rest, (size_t)(end - s->rest));
}

enum err sqlite_views_put_row(struct view_store *base, const struct view_table *t,
                              const struct value *row)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d = &s->views_writer;
    const struct view_info *info = views_info(s, t);
    if (!view_row_fits(t, info->ordered, row))
        return ERR_TOO_LARGE;
    struct bound bound;
    struct db_use use;
    enum err e = db_in_transaction(d);
    if (e == ERR_OK)
        e = db_prepare(d, (struct db_key){t, SHAPE_PUT}, views_write_put, info, &use);
    if (e != ERR_OK)
        return e;
    int at = 1;
    for (uint8_t i = 0; i < t->column_count; i++)
        if ((info->packed >> i & 1) == 0)
            views_bind_value(use, at++, &row[i], &bound);
    if (info->packed != 0)
        views_bind_rest(s, use, at, info, row);
    int code = db_finish_bound(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}

enum err sqlite_views_delete_row(struct view_store *base, const struct view_table *t,
                                 const struct value *key)
{
    struct store_sqlite *s = store_sqlite_of_views(base);
    struct db *d = &s->views_writer;
    for (uint8_t i = 0; i < t->key.count; i++)
        if (!value_fits(&key[i], t->column_types[t->key.columns[i]]))
            return ERR_TOO_LARGE;
    struct bound bound;
    struct db_use use;
    enum err e = db_in_transaction(d);
    if (e == ERR_OK)
        e = db_prepare(d, (struct db_key){t, SHAPE_DELETE}, views_write_delete, t, &use);
    if (e != ERR_OK)
        return e;
    for (uint8_t i = 0; i < t->key.count; i++)
        views_bind_value(use, i + 1, &key[i], &bound);
    int code = db_finish(use);
    return code == SQLITE_DONE ? ERR_OK : db_error(code);
}
