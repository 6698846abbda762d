/* SPDX-License-Identifier: Apache-2.0 */
/* What is made of tests/unit/schemas/sample.toml beyond round trips: versions, lists, rows and the
 * catalog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schemas/catalog.h"
#include "schemas/result.h"
#include "tests/unit/schemas/sample.h"

#define OUTPUT_MAX 4096

static struct arena arena;
static struct wire_writer writer;

static int world_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    wire_writer_init(&writer, OUTPUT_MAX);
    return 0;
}

static int world_down(void **state)
{
    (void)state;
    arena_done(&arena);
    wire_writer_done(&writer);
    return 0;
}

static struct sample_part parts[] = {{.amount = 5, .currency = 840}};

static struct sample_create sound(void)
{
    return (struct sample_create){
        .currency = 840, .fee_currency = 840, .name = {"n", 1}, .blob = {"bb", 2},
        .status = SAMPLE_STATUS_OPEN, .parts = parts, .parts_count = 1, .later = 7,
        .has_latest = true, .latest = {"now", 3},
    };
}

static bool read(struct sample_create *m)
{
    struct wire_reader r;
    wire_reader_init(&r, writer.data, writer.len);
    arena_reset(&arena);
    return sample_create_read(&r, &arena, m) && wire_finished(&r);
}

/* The message with `count` elements: the first ones, then nils. */
static void write_elements(uint32_t count)
{
    struct wire_writer whole;
    struct wire_reader r;
    struct sample_create m = sound();
    wire_writer_init(&whole, OUTPUT_MAX);
    sample_create_write(&whole, &m);
    wire_reader_init(&r, whole.data, whole.len);
    uint32_t have = wire_get_array(&r, 255);
    wire_writer_clear(&writer);
    wire_put_array(&writer, count);
    for (uint32_t i = 0; i < count; i++) {
        if (i < have)
            wire_put_raw(&writer, wire_skip(&r));
        else
            wire_put_nil(&writer);
    }
    wire_writer_done(&whole);
}

static void bytes_of_older_versions_stay_readable(void **state)
{
    (void)state;
    struct sample_create m;
    write_elements(25);
    assert_true(read(&m) && m.later == 7 && m.has_latest);
    write_elements(24);
    assert_true(read(&m) && m.later == 7 && !m.has_latest);
    write_elements(23);
    assert_true(read(&m) && m.later == 0 && !m.has_latest);
    write_elements(22);
    assert_false(read(&m));
}

/* So a request has the fingerprint that it had before the field was declared. */
static void a_later_field_that_is_absent_is_not_written(void **state)
{
    (void)state;
    struct sample_create m = sound();
    struct wire_reader r;
    m.has_latest = false;
    wire_writer_clear(&writer);
    sample_create_write(&writer, &m);
    wire_reader_init(&r, writer.data, writer.len);
    assert_int_equal(wire_get_array(&r, 255), 24);
    assert_true(read(&m) && m.later == 7 && !m.has_latest);
}

static void elements_of_newer_versions_are_ignored(void **state)
{
    (void)state;
    struct sample_create m;
    write_elements(30);
    assert_true(read(&m) && m.later == 7 && m.has_latest);
    write_elements(255);
    assert_true(read(&m));
    write_elements(256);
    assert_false(read(&m));
}

static void a_list_longer_than_its_bytes_takes_no_memory(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x92, 0xDD, 0x00, 0x00, 0x00, 0x04, 0x00};
    struct sample_reply m;
    struct wire_reader r;
    wire_reader_init(&r, bytes, sizeof bytes);
    arena_reset(&arena);
    assert_false(sample_reply_read(&r, &arena, &m));
    assert_int_equal(arena.allocated, 0);
}

static void values_that_are_not_listed_are_refused(void **state)
{
    (void)state;
    struct sample_create good = sound(), bad, m;
    sample_create_write(&writer, &good);
    struct sample_create cases[8];
    for (size_t i = 0; i < array_len(cases); i++)
        cases[i] = good;
    cases[0].status = 0;
    cases[1].status = SAMPLE_STATUS_COUNT + 1;
    cases[2].flags = SAMPLE_FLAGS_ALL + 1;
    cases[3].name = (struct slice){"", 0};
    cases[4].name = slice_of("0123456789012345678901234567890123456789x");
    cases[5].parts_count = 0;
    cases[6].currency = CURRENCY_NUMBER_MAX + 1;
    cases[7].name = slice_of("a\nb");
    for (size_t i = 0; i < array_len(cases); i++) {
        bad = cases[i];
        wire_writer_clear(&writer);
        sample_create_write(&writer, &bad);
        assert_false(writer.failed);
        assert_false(read(&m));
    }
}

static void rows_become_values_and_back(void **state)
{
    (void)state;
    struct samples_row row = {
        .sample_id = {1, 2}, .status = SAMPLE_STATUS_LOST, .at = 9, .amount = U128_MAX,
        .currency = 840, .flags = SAMPLE_FLAGS_ALL, .has_name = true, .name = {"x", 1},
        .open = true,
    };
    struct samples_row back;
    struct value values[SAMPLES_COLUMNS];
    samples_row_to_values(&row, values);
    assert_int_equal(values[SAMPLES_COLUMN_AMOUNT].type, VALUE_U128);
    assert_int_equal(values[SAMPLES_COLUMN_BLOB].type, VALUE_NULL);
    assert_true(samples_row_from_values(values, &back));
    assert_true(id128_equal(back.sample_id, row.sample_id) && back.amount == U128_MAX);
    assert_true(back.has_name && !back.has_blob && back.open && back.status == row.status);
    for (int i = 0; i < SAMPLES_COLUMNS; i++) {
        struct value kept = values[i];
        values[i].type = kept.type == VALUE_UINT ? VALUE_TEXT : VALUE_UINT;
        assert_false(samples_row_from_values(values, &back));
        values[i] = kept;
    }
    values[SAMPLES_COLUMN_STATUS].number = SAMPLE_STATUS_COUNT + 1;
    assert_false(samples_row_from_values(values, &back));
}

static void a_view_tells_its_columns_key_and_indexes(void **state)
{
    (void)state;
    assert_string_equal(samples_view.name, "samples");
    assert_int_equal(samples_view.column_count, SAMPLES_COLUMNS);
    assert_string_equal(samples_view.column_names[SAMPLES_COLUMN_NAME], "name");
    assert_int_equal(samples_view.column_types[SAMPLES_COLUMN_BLOB], VALUE_BYTES);
    assert_int_equal(samples_view.key.count, 1);
    const struct view_index *by_status = &samples_view.indexes[SAMPLES_INDEX_BY_STATUS];
    assert_string_equal(by_status->name, "by_status");
    assert_int_equal(by_status->count, 2);
    assert_int_equal(by_status->columns[1], SAMPLES_COLUMN_AT);
}

static void the_catalog_finds_by_number_and_by_name(void **state)
{
    (void)state;
    const struct catalog_entry *create = catalog_by_number(SAMPLE_CREATE_NUMBER);
    assert_ptr_equal(create->type, &sample_create_type);
    assert_ptr_equal(create->reply, &sample_reply_type);
    assert_ptr_equal(catalog_by_name(slice_of("sample_create")), create);
    assert_true(catalog_by_number(SAMPLE_CREATED_NUMBER)->event);
    assert_null(catalog_by_number(0));
    assert_null(catalog_by_number(UINT16_MAX));
    assert_null(catalog_by_name(slice_of("sample_part")));
    assert_int_equal(create->type->target_kind, KIND_ACCOUNT);
    assert_int_equal(create->type->target_offset, offsetof(struct sample_create, sample_id));
    assert_true(create->type->mutates && !create->type->view);
}

static void routes_and_commands_are_complete(void **state)
{
    (void)state;
    assert_int_equal(catalog_route_count, 2);
    const struct route *post = &catalog_routes[0], *get = &catalog_routes[1];
    assert_true(post->body && post->idempotency_required && post->etag && post->status == 201);
    assert_string_equal(post->scope, "samples:write");
    assert_ptr_equal(post->service, &catalog_platform); /* samples have no port of their own */
    assert_string_equal(post->any_owner_scope, "samples:admin");
    assert_int_equal(post->query_field_count, 0);
    assert_string_equal(post->path_fields[0], "sample_id");
    assert_int_equal(post->location_count, 1);
    assert_string_equal(post->location[0].text, "/samples/");
    assert_string_equal(post->location[0].prefix, "acc");
    assert_int_equal(post->location[0].offset, offsetof(struct sample_reply, sample_id));
    assert_null(get->location);
    assert_true(!get->body && !get->idempotency_required && get->any_owner_scope == NULL);
    assert_string_equal(get->query_fields[0], "limit");
    assert_int_equal(catalog_command_count, 1);
    const struct command *c = &catalog_commands[0];
    assert_string_equal(c->name, "samples create");
    assert_ptr_equal(c->reply_json, &sample_reply_json);
    assert_string_equal(c->options[0].name, "sample_id");
    assert_true(c->options[0].required);
}

static void kinds_and_results_are_found(void **state)
{
    (void)state;
    assert_int_equal(kind_by_prefix(slice_of("acc"))->number, KIND_ACCOUNT);
    assert_string_equal(kind_by_number(KIND_WALLET)->prefix, "wal");
    assert_null(kind_by_number(KIND_LEDGER)->prefix);
    assert_int_equal(kind_by_name(slice_of("payment"))->number, KIND_PAYMENT);
    assert_null(kind_by_number(0));
    assert_null(kind_by_prefix(slice_of("")));
    assert_string_equal(result_info(RESULT_BUSY)->name, "busy");
    assert_int_equal(result_info(RESULT_BUSY)->status, 429);
    assert_int_equal(result_by_name(slice_of("not_found"))->code, RESULT_NOT_FOUND);
    assert_null(result_info(UINT16_MAX));
    assert_null(result_by_name(slice_of("rain")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_of_older_versions_stay_readable),
        cmocka_unit_test(a_later_field_that_is_absent_is_not_written),
        cmocka_unit_test(elements_of_newer_versions_are_ignored),
        cmocka_unit_test(a_list_longer_than_its_bytes_takes_no_memory),
        cmocka_unit_test(values_that_are_not_listed_are_refused),
        cmocka_unit_test(rows_become_values_and_back),
        cmocka_unit_test(a_view_tells_its_columns_key_and_indexes),
        cmocka_unit_test(the_catalog_finds_by_number_and_by_name),
        cmocka_unit_test(routes_and_commands_are_complete),
        cmocka_unit_test(kinds_and_results_are_found),
    };
    return cmocka_run_group_tests(tests, world_up, world_down);
}
