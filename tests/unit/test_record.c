/* SPDX-License-Identifier: Apache-2.0 */
/* Records come back as they were written, a body that does not follow the grammar is damaged, and
 * a batch's hash is the one that an auditor computes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/base/hex.h"
#include "runtime/journal/record.h"
#include "runtime/store/journal_store.h"

static const struct id128 key = {1, 2}, fingerprint = {3, 4};

static struct slice body_of(const struct wire_writer *w)
{
    return (struct slice){(const char *)w->data, (uint32_t)w->len};
}

static void start(struct wire_writer *w)
{
    wire_writer_init(w, 1000);
    record_body_start(w);
}

static const struct principal ada = {.tenant = {"acme", 4},
                                     .subject = {"ada", 3},
                                     .client = {"app", 3},
                                     .token_id = {5, 6},
                                     .id = {7, 8}};

/* The first one names ada, all others her number. */
static void begin(struct wire_writer *w, uint64_t time_ns, bool keyed)
{
    const struct record_head head = {.time_ns = time_ns,
                                     .key = keyed ? &key : NULL,
                                     .fingerprint = keyed ? &fingerprint : NULL,
                                     .who = &ada,
                                     .request = slice_of("my-1")};
    record_begin(w, &head, 0, w->len == 1);
}

static enum record_part last_part(struct wire_writer *w)
{
    struct record_reader r;
    enum record_part part;
    record_reader_init(&r, body_of(w));
    do
        part = record_next(&r);
    while (part < RECORD_DONE);
    wire_writer_done(w);
    return part;
}

static void a_record_comes_back_as_it_was_written(void **state)
{
    (void)state;
    const struct record_answer answer = {.code = 5, .reply_type = 6, .version = 7,
                                         .has_reply = true, .reply = slice_of("reply")};
    struct wire_writer w;
    struct record_reader r;
    start(&w);
    begin(&w, 100, true);
    record_event(&w, 8);
    wire_put_uint(&w, 9);
    record_event(&w, 10);
    wire_put_uint(&w, 11);
    record_end(&w, &answer);
    begin(&w, 200, false);
    record_end(&w, &(struct record_answer){.code = 12});

    record_reader_init(&r, body_of(&w));
    assert_int_equal(record_next(&r), RECORD_BEGIN);
    assert_true(r.keyed && id128_equal(r.key, key) && id128_equal(r.fingerprint, fingerprint));
    assert_true(r.time_ns == 100 && r.item == 0);
    assert_int_equal(record_next(&r), RECORD_EVENT);
    assert_true(r.number == 8 && r.event.len == 1 && r.time_ns == 100 && r.item == 1);
    assert_int_equal(record_next(&r), RECORD_EVENT);
    assert_true(r.number == 10 && r.time_ns == 100 && r.item == 2);
    assert_int_equal(record_next(&r), RECORD_END);
    assert_true(r.time_ns == 100 && r.item == 0);
    assert_true(r.answer.code == 5 && r.answer.reply_type == 6 && r.answer.version == 7);
    assert_true(r.answer.has_reply && slice_equal(r.answer.reply, answer.reply));
    assert_int_equal(record_next(&r), RECORD_BEGIN);
    assert_true(!r.keyed && r.time_ns == 200 && r.item == 3);
    assert_int_equal(record_next(&r), RECORD_END);
    assert_true(r.answer.code == 12 && !r.answer.has_reply && r.item == 3);
    assert_int_equal(record_next(&r), RECORD_DONE);
    wire_writer_done(&w);
}

static void what_does_not_follow_the_grammar_is_damaged(void **state)
{
    (void)state;
    struct wire_writer w;

    start(&w); /* ends inside a record */
    begin(&w, 1, false);
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* begins inside a record */
    begin(&w, 1, false);
    begin(&w, 2, false);
    record_end(&w, &(struct record_answer){0});
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* an event outside */
    record_event(&w, 1);
    wire_put_nil(&w);
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* an end outside */
    record_end(&w, &(struct record_answer){0});
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* a fingerprint without a key */
    wire_put_array(&w, 5);
    wire_put_uint(&w, 1);
    wire_put_nil(&w);
    wire_put_id(&w, fingerprint);
    attribution_put(&w, &ada, 0, true, (struct slice){0});
    record_end(&w, &(struct record_answer){0});
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* a principal that has not appeared */
    record_begin(&w, &(struct record_head){.time_ns = 1, .who = &ada}, 0, false);
    record_end(&w, &(struct record_answer){0});
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    start(&w); /* without a principal */
    wire_put_array(&w, 3);
    wire_put_uint(&w, 1);
    wire_put_nil(&w);
    wire_put_nil(&w);
    record_end(&w, &(struct record_answer){0});
    assert_int_equal(last_part(&w), RECORD_DAMAGED);

    wire_writer_init(&w, 1000); /* another schema version */
    wire_put_uint(&w, RECORD_SCHEMA_VERSION + 1);
    assert_int_equal(last_part(&w), RECORD_DAMAGED);
}

static void expect_text(struct slice text, const char *wanted)
{
    assert_true(slice_equal(text, slice_of(wanted)));
}

static void a_record_names_who_asked_and_by_which_request(void **state)
{
    (void)state;
    struct wire_writer w;
    struct record_reader r;
    struct attribution_list principals = {0};
    start(&w);
    for (int i = 0; i < 2; i++) {
        begin(&w, 100, false);
        record_end(&w, &(struct record_answer){0});
    }
    record_reader_init(&r, body_of(&w));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(record_next(&r), RECORD_BEGIN);
        assert_true(r.attribution.first == (i == 0));
        attribution_resolve(&principals, &r.attribution);
        expect_text(r.attribution.tenant, "acme");
        expect_text(r.attribution.subject, "ada");
        expect_text(r.attribution.client, "app");
        expect_text(r.attribution.request, "my-1");
        assert_true(id128_equal(r.attribution.token_id, ada.token_id));
        assert_int_equal(record_next(&r), RECORD_END);
    }
    attribution_list_done(&principals);
    wire_writer_done(&w);
}

/* What the bridge made is kept as 16 bytes, all else as it is; either comes back to the letter. */
static void a_request_id_comes_back_as_it_was_given(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool made;
    } cases[] = {
        {"req_01J9ZQ4Z6C8Y3N5T7V9X1B2D40", true},
        {"req_01j9zq4z6c8y3n5t7v9x1b2d40", false},
        {"req_01J9ZQ4Z6C8Y3N5T7V9X1B2D4", false},
        {"REQ_01J9ZQ4Z6C8Y3N5T7V9X1B2D40", false},
        {"req_81J9ZQ4Z6C8Y3N5T7V9X1B2D40", false},
        {"f81d4fae-7dec-11d0-a765-00a0c91e6bf6", false},
        {"", false},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        struct wire_writer w;
        struct wire_reader r;
        struct attribution a;
        uint32_t known = 0;
        char text[ATTRIBUTION_REQUEST_MAX];
        wire_writer_init(&w, 1000);
        attribution_put(&w, &ada, 0, true, slice_of(cases[i].text));
        wire_reader_init(&r, w.data, w.len);
        attribution_get(&r, &known, &a);
        assert_true(wire_finished(&r));
        assert_true(a.request_made == cases[i].made);
        uint32_t len = (uint32_t)attribution_request_text(&a, text);
        expect_text((struct slice){text, len}, cases[i].text);
        wire_writer_done(&w);
    }
}

/* The same as in Python: sha256(0102, 0304..0a, 0b..12, 00000000 13141516, 32 times 17, "body"). */
static void an_auditor_computes_the_hash_of_a_batch(void **state)
{
    (void)state;
    struct batch_row row = {.shard = 0x0102,
                            .seq = 0x030405060708090a,
                            .epoch = 0x0b0c0d0e0f101112,
                            .count = 0x13141516,
                            .body = slice_of("body")};
    memset(row.prev_hash.bytes, 0x17, SHA256_SIZE);
    struct sha256_digest hash = batch_hash(&row);
    char text[2 * SHA256_SIZE + 1] = "";
    hex_write(hash.bytes, SHA256_SIZE, text);
    assert_string_equal(text, "08a83119f1b5abd755d2db93fea975ec94854159eb8bd62d947b7f7bbae53f08");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_comes_back_as_it_was_written),
        cmocka_unit_test(a_record_names_who_asked_and_by_which_request),
        cmocka_unit_test(a_request_id_comes_back_as_it_was_given),
        cmocka_unit_test(what_does_not_follow_the_grammar_is_damaged),
        cmocka_unit_test(an_auditor_computes_the_hash_of_a_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
