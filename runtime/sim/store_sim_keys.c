/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in the simulated store: a row for each, in a table like any other. What a crash, a failed
 * commit or a restored copy does to rows it does to them. */
#include "runtime/sim/store_sim_priv.h"

enum { KEY_SHARD, KEY_KIND, KEY_KEY, KEY_POSITION, KEY_TIME_NS, KEY_COLUMNS };

static const struct view_index key_indexes[] = {
    {"by_time", {KEY_SHARD, KEY_KIND, KEY_TIME_NS}, 3},
};

const struct view_table sim_keys_table = {
    .name = "keys",
    .column_names = (const char *const[]){"shard", "kind", "key", "position", "time_ns"},
    .column_types = (const enum value_type[]){VALUE_UINT, VALUE_UINT, VALUE_ID, VALUE_UINT,
                                              VALUE_UINT},
    .column_count = KEY_COLUMNS,
    .key = {"key", {KEY_SHARD, KEY_KIND, KEY_KEY}, 3},
    .indexes = key_indexes,
    .index_count = array_len(key_indexes),
};

/* Of one key; position and time are filled in by keys_add. */
struct key_row {
    struct value values[KEY_COLUMNS];
};

static struct key_row key_row_of(struct key_space space, struct id128 key)
{
    return (struct key_row){{
        [KEY_SHARD] = {.type = VALUE_UINT, .number = space.shard},
        [KEY_KIND] = {.type = VALUE_UINT, .number = space.kind},
        [KEY_KEY] = {.type = VALUE_ID, .id = key},
    }};
}

/* --- any worker ------------------------------------------------------------------------------- */

static bool take_position(void *context, const struct value *row)
{
    *(uint64_t *)context = row[KEY_POSITION].number;
    return false;
}

enum err sim_key_find(struct view_store *base, struct key_space space, struct id128 key,
                      uint64_t *position)
{
    const struct key_row row = key_row_of(space, key);
    return sim_get(base, &sim_keys_table, row.values, take_position, position);
}

struct key_walk {
    struct key_cursor *cursor;
    key_cb key;
    void *context;
    uint32_t given;
};

static bool give_key(void *context, const struct value *row)
{
    struct key_walk *w = context;
    w->given++;
    w->cursor->begun = true;
    w->cursor->after = row[KEY_KEY].id;
    w->key(w->context, row[KEY_KEY].id);
    return true;
}

enum err sim_keys_walk(struct view_store *base, struct key_space space, struct key_cursor *cursor,
                       uint32_t most, key_cb key, void *context)
{
    struct key_walk walk = {.cursor = cursor, .key = key, .context = context};
    const struct key_row from = key_row_of(space, cursor->after);
    const struct view_scan q = {
        .table = &sim_keys_table,
        .index = &sim_keys_table.key,
        .prefix = from.values,
        .prefix_count = KEY_KEY,
        .from = cursor->begun ? &from.values[KEY_KEY] : NULL,
        .from_count = cursor->begun ? 1 : 0,
        .limit = most,
    };
    check(most >= KEYS_WALK_MIN && !cursor->ended);
    enum err e = sim_scan(base, &q, give_key, &walk);
    cursor->ended = e == ERR_OK && walk.given < most;
    return e;
}

static bool give_between(void *context, const struct value *row)
{
    const struct key_range *range = context;
    const struct id128 key = row[KEY_KEY].id;
    return id128_compare(key, range->to) <= 0 && range->key(range->context, key);
}

enum err sim_keys_between(struct view_store *base, const struct key_range *range)
{
    check(!id128_is_zero(range->from));
    const struct key_row from = key_row_of(range->space, id128_before(range->from));
    const struct view_scan q = {
        .table = &sim_keys_table,
        .index = &sim_keys_table.key,
        .prefix = from.values,
        .prefix_count = KEY_KEY,
        .from = &from.values[KEY_KEY],
        .from_count = 1,
        .limit = UINT32_MAX,
    };
    struct key_range copy = *range;
    return sim_scan(base, &q, give_between, &copy);
}

/* --- views worker ----------------------------------------------------------------------------- */

enum err sim_keys_add(struct view_store *base, struct key_space space,
                      const struct key_decision *decisions, size_t count)
{
    enum err e = ERR_OK;
    for (size_t i = 0; e == ERR_OK && i < count; i++) {
        struct key_row row = key_row_of(space, decisions[i].key);
        row.values[KEY_POSITION] =
            (struct value){.type = VALUE_UINT, .number = decisions[i].position};
        row.values[KEY_TIME_NS] =
            (struct value){.type = VALUE_UINT, .number = decisions[i].time_ns};
        e = sim_put_row(base, &sim_keys_table, row.values);
    }
    return e;
}

struct expiry {
    uint64_t until_ns;
    struct id128 key;
    bool found;
};

static bool take_expired(void *context, const struct value *row)
{
    struct expiry *x = context;
    x->found = row[KEY_TIME_NS].number <= x->until_ns;
    x->key = row[KEY_KEY].id;
    return false;
}

/* The oldest, as long as it has expired. */
enum err sim_keys_expire(struct view_store *base, struct key_space space, uint64_t until_ns)
{
    const struct key_row prefix = key_row_of(space, ID128_ZERO);
    const struct view_scan q = {
        .table = &sim_keys_table,
        .index = &key_indexes[0],
        .prefix = prefix.values,
        .prefix_count = KEY_KEY,
        .limit = 1,
    };
    struct expiry x = {.until_ns = until_ns};
    enum err e;
    do {
        x.found = false;
        e = sim_scan(base, &q, take_expired, &x);
        const struct key_row row = key_row_of(space, x.key);
        if (e == ERR_OK && x.found)
            e = sim_delete_row(base, &sim_keys_table, row.values);
    } while (e == ERR_OK && x.found);
    return e;
}
