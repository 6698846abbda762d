/* SPDX-License-Identifier: Apache-2.0 */
/* A query that reads a view without end: when does its reading end? */
#include "runtime/shard/query_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "runtime/base/time.h"

#define ROW_NS NS_PER_MS
#define ROWS 100000
#define KEYS 1000

struct fixture {
    struct env env;
    struct view_store store;
    uint64_t now_ns;
    uint32_t rows;      /* that the store gave */
    uint32_t leaves_at; /* at this row the asker leaves; 0 = never */
    uint32_t ends_at;   /* the same, lists end */
    atomic_bool gone;
    _Atomic bool ended;
    struct message message;
};

static uint64_t now(struct env *e)
{
    return container_of(e, struct fixture, env)->now_ns;
}

static const struct env_ops env_ops = {.mono_ns = now};

static void give(struct fixture *f)
{
    f->rows++;
    f->now_ns += ROW_NS;
    if (f->rows == f->leaves_at)
        f->gone = true;
    if (f->rows == f->ends_at)
        f->ended = true;
}

static enum err scan(struct view_store *s, const struct view_scan *q, view_row_cb row,
                     void *context)
{
    struct fixture *f = container_of(s, struct fixture, store);
    const struct value values[1] = {{.type = VALUE_NULL}};
    for (uint32_t i = 0; i < q->limit; i++) {
        give(f);
        if (!row(context, values))
            break;
    }
    return ERR_OK;
}

static enum err get(struct view_store *s, const struct view_table *t, const struct value *key,
                    view_row_cb row, void *context)
{
    (void)t, (void)key, (void)row, (void)context;
    give(container_of(s, struct fixture, store));
    return ERR_NOT_FOUND;
}

static const struct view_store_ops store_ops = {.scan = scan, .get = get};

static const enum value_type column_types[] = {VALUE_UINT};
static const struct view_table table = {
    .name = "things", .column_types = column_types, .column_count = 1, .key = {.count = 1}};

static bool take_all(void *context, const struct value *row)
{
    (void)row;
    ++*(uint32_t *)context;
    return true;
}

/* Says in its reply how many rows it was given. */
static uint16_t run_scan(struct view_store *s, const struct message *m, struct wire_writer *reply,
                         uint16_t *reply_type)
{
    uint32_t taken = 0;
    const uint32_t *rows = m->body;
    const struct view_scan q = {.table = &table, .index = &table.key, .limit = *rows};
    enum err e = views_scan(s, &q, take_all, &taken);
    if (e == ERR_OK)
        e = views_scan(s, &q, take_all, &taken);
    wire_put_uint(reply, taken);
    *reply_type = 1;
    return (uint16_t)e;
}

static uint16_t run_get(struct view_store *s, const struct message *m, struct wire_writer *reply,
                        uint16_t *reply_type)
{
    const struct value key = {VALUE_UINT, .number = 1};
    (void)m, (void)reply, (void)reply_type;
    for (int i = 0; i < KEYS; i++) {
        enum err e = views_get(s, &table, &key, take_all, NULL);
        if (e != ERR_NOT_FOUND)
            return (uint16_t)e;
    }
    return ERR_OK;
}

static const struct message_type type = {.name = "list", .number = 1, .view = true};
static const struct query scans = {&type, run_scan}, gets = {&type, run_get};

static uint64_t read_with(struct fixture *f, const struct query *query, uint32_t rows)
{
    f->env.ops = &env_ops;
    f->store.ops = &store_ops;
    f->message.type = &type;
    f->message.body = &rows;
    f->message.gone = &f->gone;
    wire_writer_init(&f->message.reply, 100);
    struct query_run run = {
        .under = &f->store, .env = &f->env, .message = &f->message, .ended = &f->ended};
    uint64_t cost = query_run(&run, query);
    if (f->message.code != ERR_OK)
        assert_int_equal(f->message.reply.len + f->message.reply_type, 0);
    wire_writer_done(&f->message.reply);
    return cost;
}

static void each_row_counts(void **state)
{
    struct fixture f = {.rows = 0};
    (void)state;
    assert_int_equal(read_with(&f, &scans, 1000), QUERY_RUN_BASE + 2000);
    assert_int_equal(f.message.code, ERR_OK);
    assert_int_equal(f.message.reply_type, 1);
    assert_int_equal(f.message.rows, 2000);
}

/* --- counting --------------------------------------------------------------------------------- */

struct ask_list {
    bool has_limit, has_cursor, has_count, count;
    uint32_t limit;
    struct slice cursor;
    uint32_t there; /* rows of the list */
};

static const struct message_paging list_paging = {
    .has_limit = offsetof(struct ask_list, has_limit),
    .limit = offsetof(struct ask_list, limit),
    .has_cursor = offsetof(struct ask_list, has_cursor),
    .cursor = offsetof(struct ask_list, cursor),
    .has_count = offsetof(struct ask_list, has_count),
    .count = offsetof(struct ask_list, count),
    .limit_max = 100,
};
static const struct message_type list_type = {.name = "list",
                                              .number = 2,
                                              .view = true,
                                              .size = sizeof(struct ask_list),
                                              .paging = &list_paging};

/* Every second row is wanted; a cursor is where the next page begins. */
static uint16_t run_list(struct view_store *s, const struct message *m, struct wire_writer *reply,
                         uint16_t *reply_type)
{
    const struct ask_list *asked = m->body;
    uint32_t at = 0, taken = 0;
    if (asked->has_cursor)
        memcpy(&at, asked->cursor.data, sizeof at);
    uint32_t left = asked->there - at, rows = left < 2 * asked->limit ? left : 2 * asked->limit;
    const struct view_scan q = {.table = &table, .index = &table.key, .limit = rows};
    enum err e = rows > 0 ? views_scan(s, &q, take_all, &taken) : ERR_OK;
    at += rows;
    wire_put_array(reply, 4);
    wire_put_array(reply, taken / 2);
    for (uint32_t i = 0; i < taken / 2; i++)
        wire_put_uint(reply, i);
    if (at < asked->there)
        wire_put_bytes(reply, (struct slice){(const char *)&at, sizeof at});
    else
        wire_put_nil(reply);
    wire_put_nil(reply);
    wire_put_nil(reply);
    *reply_type = 1;
    return (uint16_t)e;
}

static const struct query lists = {&list_type, run_list};

static void expect_total(uint32_t there, uint32_t total, bool exact)
{
    struct fixture f = {.rows = 0};
    uint32_t from = 20;
    const struct ask_list asked = {.has_limit = true,
                                   .limit = 10,
                                   .has_cursor = true,
                                   .cursor = {(const char *)&from, sizeof from},
                                   .has_count = true,
                                   .count = true,
                                   .there = there};
    f.env.ops = &env_ops;
    f.store.ops = &store_ops;
    f.message = (struct message){.type = &list_type, .body = &asked, .gone = &f.gone};
    wire_writer_init(&f.message.reply, 10000);
    struct query_run run = {
        .under = &f.store, .env = &f.env, .message = &f.message, .ended = &f.ended};
    assert_in_range(query_run(&run, &lists), 1, QUERY_COUNT_ROWS_MAX + 400);
    assert_int_equal(f.message.code, ERR_OK);
    struct wire_reader r;
    wire_reader_init(&r, f.message.reply.data, f.message.reply.len);
    assert_int_equal(wire_get_array(&r, 4), 4);
    assert_int_equal(wire_get_array(&r, 10), 10); /* the page itself is as without */
    for (int i = 0; i < 11; i++)
        (void)wire_skip(&r);
    assert_int_equal(wire_get_uint(&r, UINT32_MAX), total);
    assert_int_equal(wire_get_bool(&r), exact);
    assert_true(wire_finished(&r));
    wire_writer_done(&f.message.reply);
}

static void what_is_wanted_is_counted_from_the_first_page_on(void **state)
{
    (void)state;
    expect_total(60, 30, true);
    expect_total(1000, 500, true);
    expect_total(QUERY_COUNT_ROWS_MAX, QUERY_COUNT_ROWS_MAX / 2, true);
}

static void beyond_its_limit_a_total_is_not_exact(void **state)
{
    (void)state;
    expect_total(QUERY_COUNT_ROWS_MAX + 1, QUERY_COUNT_ROWS_MAX / 2, false);
    expect_total(1000000, QUERY_COUNT_ROWS_MAX / 2, false);
}

static void reading_ends_at_the_deadline(void **state)
{
    struct fixture f = {.message.deadline_ns = 500 * ROW_NS};
    (void)state;
    assert_true(read_with(&f, &scans, ROWS) < ROWS);
    assert_int_equal(f.message.code, ERR_EXPIRED);
    assert_in_range(f.rows, 500, 500 + QUERY_RUN_LOOK);
}

/* Between two walks too. */
static void reading_ends_when_nobody_waits(void **state)
{
    const uint32_t leaves[] = {1, 700, 1500};
    (void)state;
    for (size_t i = 0; i < array_len(leaves); i++) {
        struct fixture f = {.leaves_at = leaves[i]};
        read_with(&f, &scans, 1000);
        assert_int_equal(f.message.code, ERR_EXPIRED);
        assert_in_range(f.rows, leaves[i], leaves[i] + QUERY_RUN_LOOK);
    }
}

static void reading_ends_when_lists_end(void **state)
{
    struct fixture f = {.ends_at = 100};
    (void)state;
    read_with(&f, &scans, ROWS);
    assert_int_equal(f.message.code, ERR_UNAVAILABLE);
    assert_in_range(f.rows, 100, 100 + QUERY_RUN_LOOK);
}

static void what_is_looked_for_by_key_counts_too(void **state)
{
    struct fixture f = {.rows = 0}, late = {.message.deadline_ns = 100 * ROW_NS};
    (void)state;
    assert_int_equal(read_with(&f, &gets, 0), QUERY_RUN_BASE + KEYS * QUERY_RUN_GET);
    assert_int_equal(f.message.code, ERR_OK);
    read_with(&late, &gets, 0);
    assert_int_equal(late.message.code, ERR_EXPIRED);
    assert_in_range(late.rows, 100, 100 + QUERY_RUN_LOOK);
}

static void nothing_is_read_too_late(void **state)
{
    struct fixture f = {.gone = true};
    (void)state;
    assert_int_equal(read_with(&f, &scans, ROWS), 0);
    assert_int_equal(f.message.code, ERR_EXPIRED);
    assert_int_equal(f.rows, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_counts),
        cmocka_unit_test(what_is_wanted_is_counted_from_the_first_page_on),
        cmocka_unit_test(beyond_its_limit_a_total_is_not_exact),
        cmocka_unit_test(reading_ends_at_the_deadline),
        cmocka_unit_test(reading_ends_when_nobody_waits),
        cmocka_unit_test(reading_ends_when_lists_end),
        cmocka_unit_test(what_is_looked_for_by_key_counts_too),
        cmocka_unit_test(nothing_is_read_too_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
