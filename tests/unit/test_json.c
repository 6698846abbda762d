/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in and out, on the messages of tests/unit/schemas/sample.toml. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "schemas/json_writer.h"
#include "schemas/result.h"
#include "tests/unit/schemas/sample.h"

#define ID_TEXT "acc_01J8Z3N5V7Q9C2K4M6P8R0T1W3"
#define BODY_MAX 4096
#define PARTS                                                                                      \
    "[{\"amount\":\"1\",\"currency\":\"USD\"},"                                                    \
    "{\"note\":\"\",\"currency\":\"JPY\",\"amount\":\"5\"}]"

static struct arena arena;
static struct json_error fault;
static struct json_input input;
static struct sample_create sample;

static int world_up(void **state)
{
    (void)state;
    arena_init(&arena, 1 << 20);
    return 0;
}

static int world_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct yyjson_val *parse(const char *text)
{
    arena_reset(&arena);
    memset(&fault, 0, sizeof fault);
    return json_parse(slice_of(text), &arena, &fault);
}

/* The members of a sound sample, in the order of `names`. */
static const char *const names[] = {
    "sample_id", "raw", "yes", "tiny", "small", "count", "big", "huge", "rate", "amount",
    "currency", "fee_currency", "name", "blob", "at", "outcome", "status", "flags", "parts",
    "later",
};
static const char *const values[] = {
    "\"" ID_TEXT "\"", "\"000102030405060708090a0b0c0d0e0f\"", "true", "255", "65535", "7", "\"8\"",
    "\"340282366920938463463374607431768211455\"", "\"1.08\"", "\"10.50\"", "\"USD\"", "\"JPY\"",
    "\"Z\\u00fcrich\"", "\"AAEC\"", "\"2026-01-31T12:00:00.5Z\"", "\"not_found\"", "\"closed\"",
    "[\"heavy\",\"fresh\"]", PARTS, "0",
};

/* A body like the sound one but for one member: changed, or left out where value is NULL, or added
 * where no member has that name. */
static bool read_body(const char *name, const char *value)
{
    char body[BODY_MAX];
    bool known = false;
    int len = snprintf(body, sizeof body, "{");
    for (size_t i = 0; i < array_len(names); i++) {
        bool here = name != NULL && strcmp(name, names[i]) == 0;
        const char *written = here ? value : values[i];
        known = known || here;
        if (written != NULL)
            len += snprintf(body + len, sizeof body - (size_t)len, "%s\"%s\":%s",
                            len > 1 ? "," : "", names[i], written);
    }
    if (name != NULL && !known)
        len += snprintf(body + len, sizeof body - (size_t)len, ",\"%s\":%s", name, value);
    snprintf(body + len, sizeof body - (size_t)len, "}");
    memset(&sample, 0, sizeof sample);
    const struct yyjson_val *root = parse(body);
    json_input_init(&input, &arena, &fault);
    return root != NULL && json_read_object(&sample_create_json, &sample, root, &input) &&
           json_complete(&sample_create_json, &sample, &input);
}

static void a_sound_body_fills_the_message(void **state)
{
    (void)state;
    assert_true(read_body(NULL, NULL));
    assert_true(sample.raw.hi == 0x0001020304050607u && sample.raw.lo == 0x08090a0b0c0d0e0fu);
    assert_true(sample.yes && sample.tiny == 255 && sample.small == 65535 && sample.number == 7);
    assert_true(sample.big == 8 && sample.huge == U128_MAX);
    assert_true(sample.rate.digits == 108 && sample.rate.scale == 2);
    assert_true(sample.amount == 1050 && sample.currency == 840 && sample.fee_currency == 392);
    assert_true(slice_equal(sample.name, slice_of("Z\303\274rich")));
    assert_true(sample.blob.len == 3 && memcmp(sample.blob.data, "\0\1\2", 3) == 0);
    assert_true(sample.at == 1769860800500000000u);
    assert_int_equal(sample.outcome, RESULT_NOT_FOUND);
    assert_int_equal(sample.status, SAMPLE_STATUS_CLOSED);
    assert_int_equal(sample.flags, SAMPLE_FLAGS_FRESH | SAMPLE_FLAGS_HEAVY);
    assert_int_equal(sample.parts_count, 2);
    assert_true(sample.parts[0].amount == 100 && !sample.parts[0].has_note);
    assert_true(sample.parts[1].amount == 5 && sample.parts[1].has_note);
    assert_false(sample.has_fee || sample.has_metadata || sample.has_part || sample.has_latest);
}

static void numbers_are_taken_by_their_literal(void **state)
{
    (void)state;
    assert_true(read_body("amount", "10.50"));
    assert_true(sample.amount == 1050);
    assert_true(read_body("huge", "340282366920938463463374607431768211455"));
    assert_true(sample.huge == U128_MAX);
    assert_true(read_body("rate", "0.00000001"));
    assert_true(sample.rate.digits == 1 && sample.rate.scale == 8);
}

static const struct {
    const char *name, *value, *field;
    uint16_t code;
} bad_values[] = {
    {"amount", "\"-1\"", "amount", RESULT_INVALID_FIELD},
    {"amount", "-1", "amount", RESULT_INVALID_FIELD},
    {"amount", "1e3", "amount", RESULT_INVALID_FIELD},
    {"amount", "\"1e3\"", "amount", RESULT_INVALID_FIELD},
    {"amount", "\"+1\"", "amount", RESULT_INVALID_FIELD},
    {"amount", "\"01\"", "amount", RESULT_INVALID_FIELD},
    {"amount", "\"\"", "amount", RESULT_INVALID_FIELD},
    {"amount", "true", "amount", RESULT_INVALID_FIELD},
    {"amount", "[]", "amount", RESULT_INVALID_FIELD},
    {"amount", "{\"a\":1}", "amount", RESULT_INVALID_FIELD},
    {"amount", "null", "amount", RESULT_INVALID_FIELD},
    {"amount", "\"10.505\"", "amount", RESULT_AMOUNT_TOO_PRECISE},
    {"amount", "\"10.123456789\"", "amount", RESULT_AMOUNT_TOO_PRECISE},
    {"amount", "\"340282366920938463463374607431768211455\"", "amount", RESULT_AMOUNT_OUT_OF_RANGE},
    {"amount", "\"999999999999999999999999999999999999999\"", "amount", RESULT_AMOUNT_OUT_OF_RANGE},
    {"amount", NULL, "amount", RESULT_MISSING_FIELD},
    {"currency", "\"usd\"", "currency", RESULT_INVALID_FIELD},
    {"currency", "\"XXX\"", "currency", RESULT_INVALID_FIELD},
    {"currency", "840", "currency", RESULT_INVALID_FIELD},
    {"currency", NULL, "currency", RESULT_MISSING_FIELD},
    {"sample_id", "\"wal_01J8Z3N5V7Q9C2K4M6P8R0T1W3\"", "sample_id", RESULT_INVALID_FIELD},
    {"sample_id", "\"acc_01J8Z3N5V7Q9C2K4M6P8R0T1W\"", "sample_id", RESULT_INVALID_FIELD},
    {"sample_id", "\"acc_Z1J8Z3N5V7Q9C2K4M6P8R0T1W3\"", "sample_id", RESULT_INVALID_FIELD},
    {"raw", "\"000102030405060708090A0B0C0D0E0F\"", "raw", RESULT_INVALID_FIELD},
    {"yes", "\"true\"", "yes", RESULT_INVALID_FIELD},
    {"yes", "1", "yes", RESULT_INVALID_FIELD},
    {"tiny", "256", "tiny", RESULT_INVALID_FIELD},
    {"tiny", "-0", "tiny", RESULT_INVALID_FIELD},
    {"tiny", "\"7\"", "tiny", RESULT_INVALID_FIELD},
    {"tiny", "7.5", "tiny", RESULT_INVALID_FIELD},
    {"tiny", "256.0", "tiny", RESULT_INVALID_FIELD},
    {"tiny", "7e0", "tiny", RESULT_INVALID_FIELD},
    {"count", "4294967296", "count", RESULT_INVALID_FIELD},
    {"number", "1", "number", RESULT_UNKNOWN_FIELD},
    {"big", "\"18446744073709551616\"", "big", RESULT_INVALID_FIELD},
    {"huge", "340282366920938463463374607431768211456", "huge", RESULT_INVALID_FIELD},
    {"rate", "\"1.1234567890123456789012345678901234567890123456789\"", "rate",
     RESULT_AMOUNT_TOO_PRECISE},
    {"name", "\"\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"a\\nb\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"a\\u0000b\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"a\\u0080b\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"a\\u009f\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"\\u202a\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"abcdefghijklmnop\\u202e\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"\\u2066b\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"\\u2069\"", "name", RESULT_INVALID_FIELD},
    {"name", "\"0123456789012345678901234567890123456789x\"", "name", RESULT_INVALID_FIELD},
    {"name", "7", "name", RESULT_INVALID_FIELD},
    {"blob", "\"AA==\"", "blob", RESULT_INVALID_FIELD},
    {"blob", "\"AAEB\\u002b\"", "blob", RESULT_INVALID_FIELD},
    {"blob", "\"AB\"", "blob", RESULT_INVALID_FIELD},
    {"blob", "\"AA\"", "blob", RESULT_INVALID_FIELD},
    {"at", "\"2026-02-29T00:00:00Z\"", "at", RESULT_INVALID_FIELD},
    {"at", "1769860800", "at", RESULT_INVALID_FIELD},
    {"outcome", "\"rain\"", "outcome", RESULT_INVALID_FIELD},
    {"outcome", "5", "outcome", RESULT_INVALID_FIELD},
    {"status", "\"opened\"", "status", RESULT_INVALID_FIELD},
    {"status", "1", "status", RESULT_INVALID_FIELD},
    {"flags", "[\"fresh\",\"fresh\"]", "flags", RESULT_INVALID_FIELD},
    {"flags", "[1]", "flags", RESULT_INVALID_FIELD},
    {"flags", "\"fresh\"", "flags", RESULT_INVALID_FIELD},
    {"metadata", "{\"a\":1}", "metadata", RESULT_INVALID_FIELD},
    {"metadata", "{\"\":\"x\"}", "metadata", RESULT_INVALID_FIELD},
    {"metadata", "{\"a\":\"\\u202e\"}", "metadata", RESULT_INVALID_FIELD},
    {"metadata", "{\"\\u009b\":\"x\"}", "metadata", RESULT_INVALID_FIELD},
    {"metadata", "{\"a\":\"x\",\"a\":\"y\"}", "metadata.a", RESULT_DUPLICATE_FIELD},
    {"metadata", "[]", "metadata", RESULT_INVALID_FIELD},
    {"parts", "[]", "parts", RESULT_INVALID_FIELD},
    {"parts", "[1]", "parts[0]", RESULT_INVALID_FIELD},
    {"parts", "[{},{},{},{}]", "parts", RESULT_INVALID_FIELD},
    {"parts", "[{\"amount\":\"1\",\"currency\":\"USD\"},{\"amount\":\"x\"}]", "parts[1].amount",
     RESULT_INVALID_FIELD},
    {"parts", "[{\"amount\":\"1.5\",\"currency\":\"JPY\"}]", "parts[0].amount",
     RESULT_AMOUNT_TOO_PRECISE},
    {"parts", "[{\"amount\":\"1\"}]", "parts[0].currency", RESULT_MISSING_FIELD},
    {"part", "{\"colour\":\"red\"}", "part.colour", RESULT_UNKNOWN_FIELD},
    {"part", "\"x\"", "part", RESULT_INVALID_FIELD},
    {"hidden", "\"1\"", "hidden", RESULT_UNKNOWN_FIELD},
    {"Amount", "\"1\"", "Amount", RESULT_UNKNOWN_FIELD},
    {"", "1", "", RESULT_UNKNOWN_FIELD},
};

static void a_bad_value_is_refused_with_its_field(void **state)
{
    (void)state;
    for (size_t i = 0; i < array_len(bad_values); i++) {
        assert_false(read_body(bad_values[i].name, bad_values[i].value));
        assert_string_equal(fault.field, bad_values[i].field);
        assert_int_equal(fault.code, bad_values[i].code);
        assert_non_null(fault.rule);
    }
}

static void too_precise_and_too_large_are_told_apart(void **state)
{
    (void)state;
    assert_false(read_body("amount", "\"10.505\""));
    assert_non_null(strstr(fault.rule, "decimals"));
    assert_false(read_body("amount", "\"340282366920938463463374607431768211455\""));
    assert_non_null(strstr(fault.rule, "2^128"));
}

static void a_whole_number_may_have_zeros_behind_a_point(void **state)
{
    (void)state;
    assert_true(read_body("tiny", "100.0") && sample.tiny == 100);
    assert_true(read_body("tiny", "0.00") && sample.tiny == 0);
    assert_true(read_body("huge", "8.000") && sample.huge == 8);
}

static void signs_beside_those_that_are_refused_are_text(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\\u00a0", "\\u2029", "\\u202f", "\\u2065", "\\u206a", "\\u04aa", "\\u00e2",
    };
    for (size_t i = 0; i < array_len(texts); i++) {
        char value[16];
        snprintf(value, sizeof value, "\"%s\"", texts[i]);
        assert_true(read_body("name", value));
    }
}

/* The n-th fault that is told; a field of "" if there are fewer. */
static const struct json_error *told(uint32_t n)
{
    static const struct json_error none;
    const struct json_error *e = &fault;
    while (n-- > 0 && e != NULL)
        e = e->next;
    return e != NULL ? e : &none;
}

static bool read_raw(const char *body)
{
    memset(&sample, 0, sizeof sample);
    const struct yyjson_val *root = parse(body);
    json_input_init(&input, &arena, &fault);
    bool read = json_read_object(&sample_create_json, &sample, root, &input);
    return json_complete(&sample_create_json, &sample, &input) && read;
}

static void all_faults_of_an_object_are_told(void **state)
{
    (void)state;
    assert_false(read_raw("{\"tiny\":256,\"colour\":1,\"amount\":\"x\",\"yes\":null}"));
    assert_string_equal(told(0)->field, "tiny");
    assert_int_equal(told(1)->code, RESULT_UNKNOWN_FIELD);
    assert_string_equal(told(2)->field, "amount");
    assert_string_equal(told(3)->field, "yes");
    assert_string_equal(told(4)->field, "sample_id");
    assert_int_equal(told(4)->code, RESULT_MISSING_FIELD);
    assert_int_equal(input.faults, JSON_FAULTS_MAX);
    assert_string_equal(told(JSON_FAULTS_MAX)->field, "");
}

static void faults_within_a_part_say_where_it_is(void **state)
{
    (void)state;
    assert_false(read_body("parts", "[{\"amount\":\"1\",\"currency\":\"USD\"},"
                                    "{\"note\":7,\"amount\":\"x\"}]"));
    assert_string_equal(told(0)->field, "parts[1].note");
    assert_string_equal(told(1)->field, "parts[1].amount");
    assert_string_equal(told(2)->field, "parts[1].currency");
    assert_string_equal(told(3)->field, "");
}

/* The sample's amount in yen has too many decimals, as its fee has. */
static void amounts_at_fault_are_told_together(void **state)
{
    (void)state;
    assert_false(read_body("currency", "\"JPY\", \"fee\": \"0.5\""));
    assert_string_equal(told(0)->field, "amount");
    assert_string_equal(told(1)->field, "fee");
    assert_string_equal(told(2)->field, "");
}

/* A stranger learns the limit from the refusal. */
static void a_rule_names_its_limits(void **state)
{
    static const struct {
        const char *name, *value, *rule;
    } rows[] = {
        {"tiny", "256", "must be a whole number from 0 to 255"},
        {"tiny", "\"x\"", "must be a whole number from 0 to 255"},
        {"name", "\"\"", "must have 1 to 40 bytes"},
        {"name", "\"0123456789012345678901234567890123456789x\"", "must have 1 to 40 bytes"},
        {"blob", "\"AA\"", "must be 3 to 44 characters of base64url, for 2 to 33 bytes"},
        {"parts", "[]", "must have 1 to 3 items"},
        {"parts", "[{},{},{},{}]", "must have 1 to 3 items"},
    };
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        assert_false(read_body(rows[i].name, rows[i].value));
        assert_string_equal(fault.rule, rows[i].rule);
    }
}

static void null_is_absent_where_that_is_allowed(void **state)
{
    (void)state;
    assert_true(read_body("metadata", "null"));
    assert_false(sample.has_metadata);
    assert_true(read_body("fee", "null"));
    assert_false(sample.has_fee);
    assert_true(read_body("fee", "\"7\""));
    assert_true(sample.has_fee && sample.fee == 7);
    assert_false(read_body("fee", "\"7.0\"")); /* yen */
    assert_string_equal(fault.field, "fee");
}

static void what_is_not_strict_json_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{'a':1}", "NaN", "[Infinity]", "01",
        "[+1]", "[.5]", "[1.]", "// x\n1", "/* x */1", "1 2", "{\"a\":1}x", "\"\\x\"", "\"a\nb\"",
        "\xEF\xBB\xBF{}", "\"\xC3\"", "\"\xED\xA0\x80\"", "\"\\ud800\"", "nul", "tru", "[1e]",
    };
    for (size_t i = 0; i < array_len(texts); i++) {
        assert_null(parse(texts[i]));
        assert_int_equal(fault.code, RESULT_INVALID_JSON);
    }
}

static void repeated_keys_and_nul_are_refused_at_any_depth(void **state)
{
    (void)state;
    assert_null(parse("{\"a\":[{\"b\":1,\"c\":{\"d\":1,\"d\":2}}]}"));
    assert_string_equal(fault.field, "a[0].c.d");
    assert_int_equal(fault.code, RESULT_DUPLICATE_FIELD);
    assert_null(parse("{\"a\":1,\"\\u0061\":2}"));
    assert_int_equal(fault.code, RESULT_DUPLICATE_FIELD);
    assert_null(parse("{\"a\":[\"x\\u0000\"]}"));
    assert_string_equal(fault.field, "a[0]");
    assert_null(parse("{\"a\":{\"b\\u0000\":1}}")); /* JSON it is, and said of what has the key */
    assert_int_equal(fault.code, RESULT_INVALID_FIELD);
    assert_string_equal(fault.field, "a");
    assert_string_equal(fault.rule, "must not have a key with U+0000");
}

static void depth_and_keys_are_limited(void **state)
{
    (void)state;
    assert_non_null(parse("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]"));
    assert_null(parse("[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]"));
    assert_int_equal(fault.code, RESULT_TOO_LARGE);
    char body[BODY_MAX];
    int len = snprintf(body, sizeof body, "{\"k\":0");
    for (int i = 1; i < JSON_KEYS_MAX; i++)
        len += snprintf(body + len, sizeof body - (size_t)len, ",\"k%d\":0", i);
    snprintf(body + len, sizeof body - (size_t)len, "}");
    assert_non_null(parse(body));
    snprintf(body + len, sizeof body - (size_t)len, ",\"last\":0}");
    assert_null(parse(body));
    assert_int_equal(fault.code, RESULT_TOO_LARGE);
}

static void a_text_beyond_the_arena_is_too_large(void **state)
{
    (void)state;
    struct arena small;
    arena_init(&small, 256);
    char body[1024];
    memset(body, '[', sizeof body);
    assert_null(json_parse((struct slice){body, sizeof body}, &small, &fault));
    assert_int_equal(fault.code, RESULT_TOO_LARGE);
    arena_done(&small);
}

static bool set(const char *name, const char *text)
{
    return json_text_get(&sample_create_json, &sample, slice_of(name), slice_of(text), &input);
}

static bool set_pairs(const char *text)
{
    arena_reset(&arena);
    memset(&sample, 0, sizeof sample);
    json_input_init(&input, &arena, &fault);
    return set("metadata", text);
}

static void pairs_in_a_text_have_lines_of_their_own(void **state)
{
    (void)state;
    assert_true(set_pairs("order=17\ntable=7"));
    assert_int_equal(sample.metadata.count, 2);
    assert_true(slice_equal(sample.metadata.items[1].key, slice_of("table")));
    assert_false(set_pairs("order=17\ntable"));
    assert_false(set_pairs("order=17\n"));
    assert_false(set_pairs("order=17\norder=18"));
}

static void path_and_options_fill_fields_as_text(void **state)
{
    (void)state;
    arena_reset(&arena);
    memset(&sample, 0, sizeof sample);
    json_input_init(&input, &arena, &fault);
    assert_true(set("sample_id", ID_TEXT) && set("yes", "true") && set("tiny", "7"));
    assert_true(set("amount", "10.50") && set("currency", "USD") && set("status", "lost"));
    assert_true(set("flags", "sealed,heavy") && set("metadata", "order=a=b"));
    assert_true(set("parts", "[{\"amount\":\"5\",\"currency\":\"JPY\"}]"));
    assert_int_equal(sample.flags, SAMPLE_FLAGS_SEALED | SAMPLE_FLAGS_HEAVY);
    assert_true(slice_equal(sample.metadata.items[0].value, slice_of("a=b")));
    assert_true(sample.parts[0].amount == 5);
    assert_false(json_complete(&sample_create_json, &sample, &input));
    assert_string_equal(fault.field, "raw");
    assert_int_equal(fault.code, RESULT_MISSING_FIELD);
    assert_false(set("small", "65536"));
    assert_string_equal(input.last->field, "small");
    assert_false(set("flags", "sealed"));
    assert_int_equal(input.last->code, RESULT_DUPLICATE_FIELD);
    assert_false(set("colour", "red"));
    assert_int_equal(input.last->code, RESULT_UNKNOWN_FIELD);
}

static void the_body_may_not_repeat_the_path(void **state)
{
    (void)state;
    const struct yyjson_val *root = parse("{\"sample_id\":\"" ID_TEXT "\"}");
    memset(&sample, 0, sizeof sample);
    json_input_init(&input, &arena, &fault);
    assert_true(set("sample_id", ID_TEXT));
    assert_false(json_read_object(&sample_create_json, &sample, root, &input));
    assert_string_equal(fault.field, "sample_id");
    assert_int_equal(fault.code, RESULT_DUPLICATE_FIELD);
}

static void what_is_repeatable_counts_as_it_comes_last(void **state)
{
    (void)state;
    const struct yyjson_val *root = parse("{\"tiny\":8}");
    memset(&sample, 0, sizeof sample);
    json_input_init(&input, &arena, &fault);
    assert_true(set("tiny", "7"));
    input.repeatable = input.seen;
    assert_true(json_read_object(&sample_create_json, &sample, root, &input));
    assert_int_equal(sample.tiny, 8);
    assert_false(set("tiny", "9"));
    assert_int_equal(fault.code, RESULT_DUPLICATE_FIELD);
}

static void a_long_path_of_a_fault_is_cut(void **state)
{
    (void)state;
    char body[BODY_MAX];
    memset(body, 'x', sizeof body);
    memcpy(body, "{\"", 2);
    memcpy(body + 1000, "\":1}", 5);
    const struct yyjson_val *root = parse(body);
    assert_non_null(root);
    json_input_init(&input, &arena, &fault);
    assert_false(json_read_object(&sample_create_json, &sample, root, &input));
    assert_int_equal(fault.code, RESULT_UNKNOWN_FIELD);
    assert_true(strlen(fault.field) < sizeof fault.field);
    for (int i = 0; i < 20; i++)
        json_error_within(&fault, "field_with_a_long_name", i);
    assert_true(strlen(fault.field) == sizeof fault.field - 1);
}

static void members_and_items_are_found(void **state)
{
    (void)state;
    const struct yyjson_val *root = parse("{\"keys\":[{\"kid\":\"a\"},{\"kid\":\"b\"}],"
                                          "\"n\":1.50}");
    const struct yyjson_val *keys = json_member(root, "keys");
    struct json_token kid = json_token_of(json_member(json_item(keys, 1), "kid"));
    assert_true(kid.kind == JSON_STRING && slice_equal(kid.text, slice_of("b")));
    struct json_token number = json_token_of(json_member(root, "n"));
    assert_true(number.kind == JSON_NUMBER && slice_equal(number.text, slice_of("1.50")));
    assert_null(json_member(root, "absent"));
    assert_null(json_member(NULL, "n"));
    assert_null(json_member(keys, "n"));
    assert_null(json_item(keys, 2));
    assert_null(json_item(root, 0));
}

static void text_is_escaped_and_never_invalid(void **state)
{
    (void)state;
    static const struct {
        const char *text, *json;
    } cases[] = {
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"\"\\/", "\"\\\"\\\\/\""},
        {"\n\r\t\x01\x1F\x7F", "\"\\n\\r\\t\\u0001\\u001f\x7F\""},
        {"Z\303\274\360\237\222\266", "\"Z\303\274\360\237\222\266\""},
        {"\xFF", "\"\xEF\xBF\xBD\""},
        {"a\xC3", "\"a\xEF\xBF\xBD\""},
        {"\xC0\xAF", "\"\xEF\xBF\xBD\xEF\xBF\xBD\""},
        {"\xED\xA0\x80x", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDx\""},
        {"\xF4\x90\x80\x80", "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\""},
    };
    struct json_writer w;
    json_writer_init(&w, 1024);
    for (size_t i = 0; i < array_len(cases); i++) {
        json_writer_clear(&w);
        json_put_text(&w, slice_of(cases[i].text));
        assert_true(slice_equal(json_written(&w), slice_of(cases[i].json)));
    }
    json_writer_done(&w);
}

static void containers_are_written_by_hand(void **state)
{
    (void)state;
    struct json_writer w;
    json_writer_init(&w, 1024);
    size_t object = json_open(&w);
    json_put_key(&w, "a \"b\"");
    json_put_uint(&w, 7);
    json_put_key(&w, "list");
    size_t list = json_open(&w);
    json_put_comma(&w);
    json_put_null(&w);
    json_put_comma(&w);
    json_close_object(&w, json_open(&w));
    json_put_comma(&w);
    json_close_array(&w, json_open(&w));
    json_close_array(&w, list);
    json_put_key(&w, "money");
    json_put_amount(&w, 1050, 840);
    json_put_key(&w, "none");
    json_put_currency(&w, 0);
    json_put_key(&w, "gone");
    json_put_currency(&w, 42);
    json_put_key(&w, "code");
    json_put_result(&w, 60000);
    json_close_object(&w, object);
    assert_true(slice_equal(json_written(&w), slice_of(
        "{\"a \\\"b\\\"\":7,\"list\":[null,{},[]],\"money\":\"10.50\",\"none\":\"XXX\","
        "\"gone\":\"042\",\"code\":\"result_60000\"}")));
    json_writer_done(&w);
}

static void a_full_writer_fails_and_stays_failed(void **state)
{
    (void)state;
    assert_true(read_body(NULL, NULL));
    struct json_writer whole, w;
    json_writer_init(&whole, BODY_MAX);
    sample_create_to_json(&whole, &sample);
    assert_false(whole.failed);
    for (size_t max = 0; max < whole.len; max++) {
        json_writer_init(&w, max);
        sample_create_to_json(&w, &sample);
        assert_true(w.failed && w.len <= max);
        json_writer_done(&w);
    }
    json_writer_init(&w, whole.len);
    sample_create_to_json(&w, &sample);
    assert_true(!w.failed && slice_equal(json_written(&w), json_written(&whole)));
    json_writer_done(&w);
    json_writer_done(&whole);
}

static void who_knows_the_old_types_gets_them(void **state)
{
    struct sample_part part = {.amount = 1050, .currency = 840};
    const struct sample_page page = {
        .parts = &part, .parts_count = 1, .has_total = true, .total = 7};
    struct json_writer w;
    (void)state;
    json_writer_init(&w, 1024);
    sample_page_to_json(&w, &page);
    assert_true(slice_equal(
        json_written(&w),
        slice_of("{\"parts\":[{\"amount\":\"10.50\",\"currency\":\"USD\"}],\"total\":7}")));
    json_writer_clear(&w);
    w.compat = true;
    sample_page_to_json(&w, &page);
    assert_true(
        slice_equal(json_written(&w), slice_of("[{\"amount\":10.50,\"currency\":\"USD\"}]")));
    json_writer_done(&w);
}

/* Also within a message that is a part of another. */
static void currency_codes_in_small_letters_are_for_old_clients(void **state)
{
    struct sample_page page;
    (void)state;
    for (int any_case = 0; any_case < 2; any_case++) {
        memset(&page, 0, sizeof page);
        const struct yyjson_val *root = parse("{\"parts\":[{\"amount\":1,\"currency\":\"uSd\"}]}");
        json_input_init(&input, &arena, &fault);
        input.any_case = any_case;
        assert_int_equal(json_read_object(&sample_page_json, &page, root, &input), any_case);
    }
    assert_int_equal(page.parts[0].currency, 840);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_body_fills_the_message),
        cmocka_unit_test(numbers_are_taken_by_their_literal),
        cmocka_unit_test(a_bad_value_is_refused_with_its_field),
        cmocka_unit_test(too_precise_and_too_large_are_told_apart),
        cmocka_unit_test(a_whole_number_may_have_zeros_behind_a_point),
        cmocka_unit_test(signs_beside_those_that_are_refused_are_text),
        cmocka_unit_test(all_faults_of_an_object_are_told),
        cmocka_unit_test(faults_within_a_part_say_where_it_is),
        cmocka_unit_test(amounts_at_fault_are_told_together),
        cmocka_unit_test(a_rule_names_its_limits),
        cmocka_unit_test(null_is_absent_where_that_is_allowed),
        cmocka_unit_test(what_is_not_strict_json_is_refused),
        cmocka_unit_test(repeated_keys_and_nul_are_refused_at_any_depth),
        cmocka_unit_test(depth_and_keys_are_limited),
        cmocka_unit_test(a_text_beyond_the_arena_is_too_large),
        cmocka_unit_test(pairs_in_a_text_have_lines_of_their_own),
        cmocka_unit_test(path_and_options_fill_fields_as_text),
        cmocka_unit_test(the_body_may_not_repeat_the_path),
        cmocka_unit_test(what_is_repeatable_counts_as_it_comes_last),
        cmocka_unit_test(a_long_path_of_a_fault_is_cut),
        cmocka_unit_test(members_and_items_are_found),
        cmocka_unit_test(text_is_escaped_and_never_invalid),
        cmocka_unit_test(containers_are_written_by_hand),
        cmocka_unit_test(a_full_writer_fails_and_stays_failed),
        cmocka_unit_test(who_knows_the_old_types_gets_them),
        cmocka_unit_test(currency_codes_in_small_letters_are_for_old_clients),
    };
    return cmocka_run_group_tests(tests, world_up, world_down);
}
