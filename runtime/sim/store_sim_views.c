/* SPDX-License-Identifier: Apache-2.0 */
/* Views, states and positions of the simulated store. States and positions are tables like any
 * other here; every change leaves its step backwards, which rollback, a crash and a restored older
 * copy all use. */
#include <stdlib.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"
#include "runtime/sim/store_sim_priv.h"

/* --- states and positions as tables ----------------------------------------------------------- */

enum { STATE_SHARD, STATE_KIND, STATE_ID, STATE_DUE_NS, STATE_BODY, STATE_COLUMNS };

static const struct view_index state_indexes[] = {
    {"by_due", {STATE_SHARD, STATE_DUE_NS}, 2},
};

static const struct view_table states_table = {
    .name = "states",
    .column_names = (const char *const[]){"shard", "kind", "id", "due_ns", "body"},
    .column_types = (const enum value_type[]){VALUE_UINT, VALUE_UINT, VALUE_ID, VALUE_UINT,
                                              VALUE_BYTES},
    .column_count = STATE_COLUMNS,
    .key = {"key", {STATE_SHARD, STATE_KIND, STATE_ID}, 3},
    .indexes = state_indexes,
    .index_count = array_len(state_indexes),
};

enum { POSITION_SHARD, POSITION_SEQ, POSITION_HASH, POSITION_TIME_NS, POSITION_COLUMNS };

static const struct view_table positions_table = {
    .name = "position",
    .column_names = (const char *const[]){"shard", "seq", "hash", "time_ns"},
    .column_types = (const enum value_type[]){VALUE_UINT, VALUE_UINT, VALUE_BYTES, VALUE_UINT},
    .column_count = POSITION_COLUMNS,
    .key = {"key", {POSITION_SHARD}, 1},
};

#define TABLE_STATES 0
#define TABLE_POSITIONS 1
#define TABLE_KEYS 2
#define TABLES_OWN 3

static struct value number_value(uint64_t number)
{
    return (struct value){.type = VALUE_UINT, .number = number};
}

static struct value id_value(struct id128 id)
{
    return (struct value){.type = VALUE_ID, .id = id};
}

static struct value bytes_value(struct slice bytes)
{
    return (struct value){.type = VALUE_BYTES, .text = bytes};
}

static struct sim_table *table_of(struct store_sim *sim, const struct view_table *t)
{
    uint32_t at = 0;
    while (at < sim->views.table_count && sim->views.tables[at].table != t)
        at++;
    check(at < sim->views.table_count); /* else it was not given to store_sim_new() */
    return &sim->views.tables[at];
}

/* --- keys: bytes that sort like the values ---------------------------------------------------- */

struct key {
    char *data;
    uint32_t len, capacity;
};

static void key_add(struct key *k, char byte)
{
    array_reserve(k->data, k->capacity, k->len + 1);
    k->data[k->len++] = byte;
}

static void key_add_number(struct key *k, u128 number)
{
    for (int shift = 120; shift >= 0; shift -= 8)
        key_add(k, (char)(number >> shift));
}

/* NULL sorts first. Texts end with 0 1, and a 0 in them becomes 0 255: so a text sorts before its
 * own continuations, and no value is the beginning of another. */
static void key_add_value(struct key *k, const struct value *v)
{
    key_add(k, v->type != VALUE_NULL);
    switch (v->type) {
    case VALUE_NULL:
        break;
    case VALUE_UINT:
        key_add_number(k, v->number);
        break;
    case VALUE_U128:
        key_add_number(k, v->big);
        break;
    case VALUE_ID:
        key_add_number(k, (u128)v->id.hi << 64 | v->id.lo);
        break;
    case VALUE_TEXT:
    case VALUE_BYTES:
        for (uint32_t i = 0; i < v->text.len; i++) {
            key_add(k, v->text.data[i]);
            if (v->text.data[i] == 0)
                key_add(k, (char)0xff);
        }
        key_add(k, 0);
        key_add(k, 1);
        break;
    }
}

static struct slice key_slice(const struct key *k)
{
    return (struct slice){k->data, k->len};
}

/* The key under which an index holds a row. */
static struct key row_key(const struct view_table *t, const struct view_index *index,
                          const struct value *row)
{
    uint8_t columns[VIEW_ORDER_COLUMNS_MAX];
    uint8_t count = view_index_order(t, index, columns);
    struct key k = {0};
    for (uint8_t i = 0; i < count; i++)
        key_add_value(&k, &row[columns[i]]);
    return k;
}

/* --- rows ------------------------------------------------------------------------------------- */

static bool is_text(const struct value *v)
{
    return v->type == VALUE_TEXT || v->type == VALUE_BYTES;
}

static struct sim_row *copy_row(const struct view_table *t, const struct value *row)
{
    uint32_t bytes = 0;
    for (uint8_t i = 0; i < t->column_count; i++)
        bytes += is_text(&row[i]) ? row[i].text.len : 0;
    size_t values_size = t->column_count * sizeof(struct value);
    struct sim_row *copy = memory_take(sizeof *copy + values_size + bytes);
    copy->bytes = bytes;
    memcpy(copy->values, row, values_size);
    char *text = (char *)copy->values + values_size;
    for (uint8_t i = 0; i < t->column_count; i++) {
        if (!is_text(&row[i]))
            continue;
        if (row[i].text.len > 0)
            memcpy(text, row[i].text.data, row[i].text.len);
        copy->values[i].text.data = text;
        text += row[i].text.len;
    }
    return copy;
}

static void link_row(struct sim_table *st, struct sim_row *row)
{
    const struct view_table *t = st->table;
    struct key k = row_key(t, &t->key, row->values);
    check(ordered_put(&st->rows, key_slice(&k), row) == NULL);
    free(k.data);
    for (uint8_t i = 0; i < t->index_count; i++) {
        k = row_key(t, &t->indexes[i], row->values);
        check(ordered_put(&st->indexes[i], key_slice(&k), row) == NULL);
        free(k.data);
    }
}

static void unlink_row(struct sim_table *st, struct sim_row *row)
{
    const struct view_table *t = st->table;
    struct key k = row_key(t, &t->key, row->values);
    check(ordered_remove(&st->rows, key_slice(&k)) == row);
    free(k.data);
    for (uint8_t i = 0; i < t->index_count; i++) {
        k = row_key(t, &t->indexes[i], row->values);
        check(ordered_remove(&st->indexes[i], key_slice(&k)) == row);
        free(k.data);
    }
}

/* Puts `after` in the place of `before`; either may be NULL. */
static void sim_views_change(struct sim_views *v, struct sim_table *st, struct sim_row *before,
                             struct sim_row *after)
{
    struct sim_undo *u = memory_take(sizeof *u);
    *u = (struct sim_undo){v->undo, st, before, after};
    v->undo = u;
    if (before != NULL)
        unlink_row(st, before);
    if (after != NULL)
        link_row(st, after);
}

static enum err sim_views_put(struct sim_views *v, struct sim_table *st, const struct value *row)
{
    const struct view_table *t = st->table;
    if (!view_row_fits(t, st->ordered_columns, row))
        return ERR_TOO_LARGE;
    for (uint8_t i = 0; i < t->key.count; i++)
        if (row[t->key.columns[i]].type == VALUE_NULL)
            return ERR_FAILED;
    struct key k = row_key(t, &t->key, row);
    struct sim_row *before = ordered_find(&st->rows, key_slice(&k));
    free(k.data);
    sim_views_change(v, st, before, copy_row(t, row));
    return ERR_OK;
}

static struct sim_row *find_row(struct sim_table *st, const struct value *key)
{
    struct key k = {0};
    for (uint8_t i = 0; i < st->table->key.count; i++)
        key_add_value(&k, &key[i]);
    struct sim_row *row = ordered_find(&st->rows, key_slice(&k));
    free(k.data);
    return row;
}

/* --- steps backwards -------------------------------------------------------------------------- */

static void undo_all(struct sim_undo *u)
{
    while (u != NULL) {
        struct sim_undo *older = u->older;
        if (u->after != NULL) {
            unlink_row(u->table, u->after);
            free(u->after);
        }
        if (u->before != NULL)
            link_row(u->table, u->before);
        free(u);
        u = older;
    }
}

/* They will not be needed any more. */
static void forget_undo(struct sim_undo *u)
{
    while (u != NULL) {
        struct sim_undo *older = u->older;
        free(u->before);
        free(u);
        u = older;
    }
}

void sim_views_abandon(struct sim_views *v)
{
    undo_all(v->undo);
    v->undo = NULL;
    v->open = false;
}

bool sim_views_back(struct sim_views *v)
{
    check(!v->open);
    if (v->commit_count == 0)
        return false;
    undo_all(v->commits[--v->commit_count]);
    return true;
}

static void keep_commit(struct sim_views *v)
{
    if (v->commit_count == STORE_SIM_COMMITS_KEPT) {
        forget_undo(v->commits[0]);
        v->commit_count--;
        memmove(v->commits, v->commits + 1, v->commit_count * sizeof v->commits[0]);
    }
    v->commits[v->commit_count++] = v->undo;
    v->undo = NULL;
    v->open = false;
}

/* --- life ------------------------------------------------------------------------------------- */

void sim_views_init(struct sim_views *v, const struct view_table *const *tables, uint32_t count)
{
    v->table_count = TABLES_OWN + count;
    v->tables = memory_take_zeroed(v->table_count, sizeof *v->tables);
    v->tables[TABLE_STATES].table = &states_table;
    v->tables[TABLE_POSITIONS].table = &positions_table;
    v->tables[TABLE_KEYS].table = &sim_keys_table;
    for (uint32_t i = 0; i < count; i++)
        v->tables[TABLES_OWN + i].table = tables[i];
    for (uint32_t i = 0; i < v->table_count; i++)
        v->tables[i].ordered_columns = view_ordered_columns(v->tables[i].table);
}

static void empty_tables(struct sim_views *v)
{
    while (v->commit_count > 0)
        forget_undo(v->commits[--v->commit_count]);
    for (uint32_t i = 0; i < v->table_count; i++) {
        struct sim_table *st = &v->tables[i];
        struct ordered_entry entry;
        bool more = ordered_at_or_after(&st->rows, (struct slice){NULL, 0}, &entry);
        while (more) {
            free(entry.value);
            more = ordered_after(&st->rows, entry.key, &entry);
        }
        ordered_done(&st->rows);
        for (uint8_t k = 0; k < st->table->index_count; k++)
            ordered_done(&st->indexes[k]);
    }
}

void sim_views_done(struct sim_views *v)
{
    sim_views_abandon(v);
    empty_tables(v);
    free(v->tables);
}

enum err sim_views_size(struct view_store *base, uint64_t *bytes)
{
    const struct sim_views *v = &sim_of_views(base)->views;
    *bytes = 0;
    for (uint32_t i = 0; i < v->table_count; i++)
        *bytes += v->tables[i].rows.count * v->tables[i].table->column_count * sizeof(struct value);
    return ERR_OK;
}

void sim_views_close(struct view_store *base)
{
    struct sim_views *v = &sim_of_views(base)->views;
    sim_views_abandon(v);
    sim_views_renew(v);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool read_fails(struct store_sim *sim)
{
    return sim_fault(sim, STORE_SIM_READ_IO, sim->faults.read_io_ppm);
}

static bool begins_with(struct slice key, struct slice prefix)
{
    return key.len >= prefix.len &&
           (prefix.len == 0 || memcmp(key.data, prefix.data, prefix.len) == 0);
}

/* Keys of the walk's order. A 255 behind a key stands after all its continuations, for none of them
 * goes on with a byte above 1. */
static void sim_views_walk(struct sim_table *st, const struct view_scan *q, view_row_cb row,
                           void *context)
{
    const struct ordered *o = q->index == &q->table->key
                                  ? &st->rows
                                  : &st->indexes[q->index - q->table->indexes];
    struct key at = {0};
    for (uint8_t i = 0; i < q->prefix_count; i++)
        key_add_value(&at, &q->prefix[i]);
    struct slice prefix = {NULL, at.len};
    for (uint8_t i = 0; i < q->from_count; i++)
        key_add_value(&at, &q->from[i]);
    if (q->descending == (q->from_count == 0))
        key_add(&at, (char)0xff);
    struct ordered_entry entry;
    for (uint32_t given = 0; given < q->limit; given++) {
        bool found = q->descending ? ordered_before(o, key_slice(&at), &entry)
                                   : ordered_at_or_after(o, key_slice(&at), &entry);
        prefix.data = at.data;
        if (!found || !begins_with(entry.key, prefix))
            break;
        /* Where to go on, kept apart from the row: the callback may change the table. */
        at.len = 0;
        for (uint32_t i = 0; i < entry.key.len; i++)
            key_add(&at, entry.key.data[i]);
        if (!q->descending)
            key_add(&at, (char)0xff);
        if (!row(context, ((const struct sim_row *)entry.value)->values))
            break;
    }
    free(at.data);
}

enum err sim_scan(struct view_store *base, const struct view_scan *q, view_row_cb row,
                  void *context)
{
    struct store_sim *sim = sim_of_views(base);
    if (read_fails(sim))
        return ERR_IO;
    sim_views_walk(table_of(sim, q->table), q, row, context);
    return ERR_OK;
}

enum err sim_get(struct view_store *base, const struct view_table *t, const struct value *key,
                 view_row_cb row, void *context)
{
    struct store_sim *sim = sim_of_views(base);
    if (read_fails(sim))
        return ERR_IO;
    const struct sim_row *found = find_row(table_of(sim, t), key);
    if (found == NULL)
        return ERR_NOT_FOUND;
    row(context, found->values);
    return ERR_OK;
}

enum err sim_position(struct view_store *base, uint16_t shard, struct store_position *position)
{
    struct store_sim *sim = sim_of_views(base);
    if (read_fails(sim))
        return ERR_IO;
    struct value key = number_value(shard);
    const struct sim_row *row = find_row(&sim->views.tables[TABLE_POSITIONS], &key);
    *position = (struct store_position){0};
    if (row == NULL)
        return ERR_OK;
    position->seq = row->values[POSITION_SEQ].number;
    position->time_ns = row->values[POSITION_TIME_NS].number;
    check(row->values[POSITION_HASH].text.len == SHA256_SIZE);
    memcpy(position->hash.bytes, row->values[POSITION_HASH].text.data, SHA256_SIZE);
    return ERR_OK;
}

struct state_walk {
    state_row_cb row;
    void *context;
    uint64_t due_ns_max;
};

static bool give_state(void *context, const struct value *row)
{
    const struct state_walk *w = context;
    if (row[STATE_DUE_NS].number > w->due_ns_max)
        return false;
    struct state_row state = {
        .shard = (uint16_t)row[STATE_SHARD].number,
        .kind = (uint16_t)row[STATE_KIND].number,
        .id = row[STATE_ID].id,
        .due_ns = row[STATE_DUE_NS].number,
        .body = row[STATE_BODY].text,
    };
    return w->row(w->context, &state);
}

enum err sim_state_load(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 id,
                        state_row_cb row, void *context)
{
    struct value key[] = {number_value(shard), number_value(kind), id_value(id)};
    struct state_walk w = {row, context, UINT64_MAX};
    return sim_get(base, &states_table, key, give_state, &w);
}

enum err sim_states_due(struct view_store *base, uint16_t shard, uint64_t due_ns_max,
                        state_row_cb row, void *context)
{
    struct value prefix = number_value(shard), none = number_value(0);
    struct state_walk w = {row, context, due_ns_max};
    struct view_scan q = {
        .table = &states_table,
        .index = &state_indexes[0],
        .prefix = &prefix,
        .prefix_count = 1,
        .from = &none, /* due_ns 0 is no deadline */
        .from_count = 1,
        .limit = UINT32_MAX,
    };
    return sim_scan(base, &q, give_state, &w);
}

enum err sim_states_each(struct view_store *base, uint16_t shard, uint16_t kind, struct id128 after,
                         state_row_cb row, void *context)
{
    struct value prefix[] = {number_value(shard), number_value(kind)};
    struct value from = id_value(after);
    struct state_walk w = {row, context, UINT64_MAX};
    struct view_scan q = {
        .table = &states_table,
        .index = &states_table.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = &from,
        .from_count = 1,
        .limit = UINT32_MAX,
    };
    return sim_scan(base, &q, give_state, &w);
}

/* --- the transaction -------------------------------------------------------------------------- */

enum err sim_begin(struct view_store *base)
{
    struct store_sim *sim = sim_of_views(base);
    check(!sim->views.open);
    sim->views.open = true;
    return ERR_OK;
}

enum err sim_put_row(struct view_store *base, const struct view_table *t, const struct value *row)
{
    struct store_sim *sim = sim_of_views(base);
    check(sim->views.open);
    return sim_views_put(&sim->views, table_of(sim, t), row);
}

static void delete_found(struct sim_views *v, struct sim_table *st, struct sim_row *found)
{
    if (found != NULL)
        sim_views_change(v, st, found, NULL);
}

enum err sim_delete_row(struct view_store *base, const struct view_table *t,
                        const struct value *key)
{
    struct store_sim *sim = sim_of_views(base);
    check(sim->views.open);
    struct sim_table *st = table_of(sim, t);
    delete_found(&sim->views, st, find_row(st, key));
    return ERR_OK;
}

enum err sim_put_state(struct view_store *base, const struct state_row *row)
{
    struct store_sim *sim = sim_of_views(base);
    check(sim->views.open);
    struct sim_table *st = &sim->views.tables[TABLE_STATES];
    struct value values[STATE_COLUMNS] = {
        [STATE_SHARD] = number_value(row->shard),
        [STATE_KIND] = number_value(row->kind),
        [STATE_ID] = id_value(row->id),
        [STATE_DUE_NS] = number_value(row->due_ns),
        [STATE_BODY] = bytes_value(row->body),
    };
    if (row->body.len > 0)
        return sim_views_put(&sim->views, st, values);
    delete_found(&sim->views, st, find_row(st, values)); /* they begin with the key */
    return ERR_OK;
}

enum err sim_move(struct view_store *base, uint16_t shard, const struct store_position *position)
{
    struct sim_views *v = &sim_of_views(base)->views;
    check(v->open);
    struct value values[POSITION_COLUMNS] = {
        [POSITION_SHARD] = number_value(shard),
        [POSITION_SEQ] = number_value(position->seq),
        [POSITION_HASH] =
            bytes_value((struct slice){(const char *)position->hash.bytes, SHA256_SIZE}),
        [POSITION_TIME_NS] = number_value(position->time_ns),
    };
    return sim_views_put(v, &v->tables[TABLE_POSITIONS], values);
}

enum err sim_commit(struct view_store *base)
{
    struct store_sim *sim = sim_of_views(base);
    struct sim_views *v = &sim->views;
    check(v->open);
    enum err e = sim->disk_full ? ERR_STORE_FULL : ERR_OK;
    if (e == ERR_OK && sim_fault(sim, STORE_SIM_VIEWS_COMMIT, sim->faults.views_commit_ppm))
        e = ERR_IO;
    if (e != ERR_OK) {
        sim_views_abandon(v);
        return e;
    }
    keep_commit(v);
    bool unknown = sim_fault(sim, STORE_SIM_VIEWS_UNKNOWN, sim->faults.views_unknown_ppm);
    return unknown ? ERR_IO : ERR_OK;
}

void sim_rollback(struct view_store *base)
{
    sim_views_abandon(&sim_of_views(base)->views);
}

enum err sim_views_drop(struct view_store *base)
{
    struct store_sim *sim = sim_of_views(base);
    check(!sim->views.open);
    empty_tables(&sim->views);
    return ERR_OK;
}

void sim_views_damaged(struct view_store *base)
{
    struct store_sim *sim = sim_of_views(base);
    sim->views.damaged |= !sim->unreachable;
}

void sim_views_renew(struct sim_views *v)
{
    if (v->damaged)
        empty_tables(v);
    v->damaged = false;
}
