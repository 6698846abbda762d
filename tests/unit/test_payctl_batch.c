/* SPDX-License-Identifier: Apache-2.0 */
/* What payctl shows of a batch: names, values and currencies as declared; of a damaged one, what
 * can be read, and which promise does not hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>
#include <yyjson.h>

#include "bin/payctl/payctl_batch_json.h"
#include "runtime/journal/record.h"
#include "runtime/projector/replay.h"
#include "schemas/json_writer.h"
#include "schemas/ledger.h"

#define BODY_MAX 4096
#define TEXT_MAX ((size_t)1 << 20)
#define TIME_NS UINT64_C(1700000000000000000)
#define UNDECLARED 0x0fff

struct fixture {
    struct wire_writer body;
    struct json_writer text;
    struct batch_copy copy;
    yyjson_doc *doc;
};

static void put_transfer(struct wire_writer *w, uint64_t amount)
{
    const struct transfer_posted event = {
        .id = {1, 2}, .debit_account_id = {3, 4}, .credit_account_id = {5, 6},
        .amount = amount, .currency = 840, .code = 7};
    record_event(w, TRANSFER_POSTED_NUMBER);
    transfer_posted_write(w, &event);
}

static void put_end(struct wire_writer *w)
{
    record_end(w, &(struct record_answer){0});
}

static void seal(struct fixture *f)
{
    f->copy.row.body = wire_written(&f->body);
    f->copy.row.hash = batch_hash(&f->copy.row);
}

static int given(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    wire_writer_init(&f->body, BODY_MAX);
    json_writer_init(&f->text, TEXT_MAX);
    struct id128 key = {7, 8}, fingerprint = {9, 10};
    record_body_start(&f->body);
    const struct principal who = {.tenant = slice_of("acme"),
                                  .subject = slice_of("ada"),
                                  .client = slice_of("app"),
                                  .token_id = {11, 12}};
    record_begin(&f->body,
                 &(struct record_head){.time_ns = TIME_NS,
                                       .key = &key,
                                       .fingerprint = &fingerprint,
                                       .who = &who,
                                       .request = slice_of("req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40")},
                 0, true);
    put_transfer(&f->body, 1050);
    put_transfer(&f->body, 5);
    put_end(&f->body);
    f->copy = (struct batch_copy){
        .row = {.shard = 2, .seq = 3, .epoch = 4, .count = 1}, .has_before = true};
    seal(f);
    *state = f;
    return 0;
}

static int done(void **state)
{
    struct fixture *f = *state;
    yyjson_doc_free(f->doc);
    wire_writer_done(&f->body);
    json_writer_done(&f->text);
    free(f);
    return 0;
}

static yyjson_val *shown(struct fixture *f)
{
    yyjson_doc_free(f->doc);
    json_writer_clear(&f->text);
    batch_json_put(&f->text, &f->copy);
    assert_false(f->text.failed);
    f->doc = yyjson_read(f->text.data, f->text.len, 0);
    assert_non_null(f->doc);
    return yyjson_doc_get_root(f->doc);
}

static const char *at(yyjson_val *root, const char *pointer)
{
    const char *text = yyjson_get_str(yyjson_ptr_get(root, pointer));
    return text != NULL ? text : "";
}

static void test_events_are_shown_as_declared(void **state)
{
    yyjson_val *root = shown(*state);
    assert_string_equal(at(root, "/seq"), "3");
    assert_string_equal(at(root, "/time"), "2023-11-14T22:13:20Z");
    assert_true(yyjson_get_bool(yyjson_obj_get(root, "holds")));
    assert_string_equal(at(root, "/records/0/key"), "00000000000000070000000000000008");
    assert_string_equal(at(root, "/records/0/by"), "ada");
    assert_string_equal(at(root, "/records/0/tenant"), "acme");
    assert_string_equal(at(root, "/records/0/client_id"), "app");
    assert_string_equal(at(root, "/records/0/token"), "000000000000000b000000000000000c");
    assert_string_equal(at(root, "/records/0/request_id"), "req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40");
    assert_string_equal(at(root, "/records/0/result"), "ok");
    assert_string_equal(at(root, "/records/0/events/0/event"), "transfer_posted");
    assert_string_equal(at(root, "/records/0/events/0/fields/amount"), "10.50");
    assert_string_equal(at(root, "/records/0/events/0/fields/currency"), "USD");
    assert_string_equal(at(root, "/records/0/events/1/fields/amount"), "0.05");
    assert_string_equal(at(root, "/records/0/events/1/time"), "2023-11-14T22:13:20Z");
    assert_null(yyjson_obj_get(root, "unreadable"));
}

static void test_an_unknown_event_is_shown_as_its_bytes(void **state)
{
    struct fixture *f = *state;
    const struct principal ada = {.subject = slice_of("ada")};
    record_begin(&f->body, &(struct record_head){.time_ns = TIME_NS + 9, .who = &ada}, 0, false);
    record_event(&f->body, UNDECLARED);
    wire_put_uint(&f->body, 42);
    put_transfer(&f->body, 100);
    put_end(&f->body);
    seal(f);
    yyjson_val *root = shown(f);
    assert_string_equal(at(root, "/records/1/by"), "ada");
    assert_string_equal(at(root, "/records/1/tenant"), "acme");
    assert_string_equal(at(root, "/records/1/events/0/event"), "4095");
    assert_string_equal(at(root, "/records/1/events/0/bytes"), "Kg");
    assert_string_equal(at(root, "/records/1/events/1/fields/amount"), "1.00");
}

static void test_what_does_not_hold_is_named(void **state)
{
    struct fixture *f = *state;
    f->copy.before.bytes[0] = 1;
    assert_non_null(strstr(at(shown(f), "/fault"), "hash chain"));
    f->copy.has_before = false;
    assert_non_null(strstr(at(shown(f), "/fault"), "missing"));
    f->copy.row.epoch++;
    yyjson_val *root = shown(f);
    assert_non_null(strstr(at(root, "/fault"), "its hash"));
    assert_false(yyjson_get_bool(yyjson_obj_get(root, "holds")));
}

/* Whatever is lost at the end or changed within, an answer in JSON comes out. */
static void test_damage_hides_no_more_than_it_must(void **state)
{
    struct fixture *f = *state;
    struct slice whole = f->copy.row.body;
    size_t most = yyjson_arr_size(yyjson_ptr_get(shown(f), "/records/0/events"));
    for (uint32_t len = 0; len < whole.len; len++) {
        f->copy.row.body.len = len;
        assert_true(yyjson_arr_size(yyjson_ptr_get(shown(f), "/records/0/events")) <= most);
    }
    f->copy.row.body.len = whole.len - 1;
    assert_non_null(strstr(at(shown(f), "/unreadable"), "item"));
    assert_string_equal(at(shown(f), "/records/0/events/1/fields/amount"), "0.05");
    f->copy.row.body.len = whole.len;
    for (uint32_t i = 0; i < whole.len; i++) {
        char *byte = (char *)(uintptr_t)whole.data + i;
        *byte ^= 0x55;
        (void)shown(f);
        *byte ^= 0x55;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_events_are_shown_as_declared, given, done),
        cmocka_unit_test_setup_teardown(test_an_unknown_event_is_shown_as_its_bytes, given, done),
        cmocka_unit_test_setup_teardown(test_what_does_not_hold_is_named, given, done),
        cmocka_unit_test_setup_teardown(test_damage_hides_no_more_than_it_must, given, done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
