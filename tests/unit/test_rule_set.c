/* SPDX-License-Identifier: Apache-2.0 */
/* Rules and what they decide: the seed set case by case, sets written for one question each, and
 * the mistakes of a document with the lines where they are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "actors/rule_engine/seed_rules.h"
#include "runtime/base/time.h"
#include "runtime/base/u128.h"

#define EUR 978
#define USD 840
#define SUNDAY_NS (UINT64_C(1780185600) * NS_PER_S) /* 2026-05-31 00:00:00 UTC */

struct case_set {
    struct arena arena;
    struct rule_set set;
};

static struct case_set read_set(const char *document)
{
    struct case_set c;
    struct rule_faults faults;
    arena_init(&c.arena, RULE_SET_BYTES_MAX);
    bool good = rule_set_read(&c.set, slice_of(document), &c.arena, &faults);
    if (!good)
        print_message("%s: %s\n", faults.items[0].path, faults.items[0].rule);
    assert_true(good);
    return c;
}

static struct decimal number(const char *text)
{
    struct decimal d;
    assert_int_equal(decimal_parse(text, strlen(text), &d), DECIMAL_GOOD);
    return d;
}

static struct facts facts_of(const char *amount, const char *type, const char *country)
{
    struct facts f = {.failed = 0};
    facts_amount(&f, number(amount), 0);
    facts_text(&f, FACT_TYPE, slice_of(type));
    facts_text(&f, FACT_USER, slice_of("ann"));
    assert_true(facts_country(&f, slice_of(country)));
    f.all[FACT_COUNTRY].text = slice_of(country); /* f moves; small letters are a case of its own */
    return f;
}

/* --- the seed set ----------------------------------------------------------------------------- */

static void seed_decides(const char *amount, const char *type, const char *country,
                         const char *rule, enum rule_outcome outcome, uint16_t score)
{
    const struct rule_set *set = seed_rules();
    struct facts f = facts_of(amount, type, country);
    struct rule_decision d;
    rule_set_decide(set, &f, &d);
    assert_int_not_equal(d.hit, RULE_NONE);
    assert_true(slice_equal(set->rules[d.hit].id, slice_of(rule)));
    assert_int_equal(d.outcome, outcome);
    assert_int_equal(d.score, score);
}

static void the_seed_rules_decide_as_the_replaced_platform_did(void **state)
{
    (void)state;
    seed_decides("0", "transfer", "US", "rule_005", RULE_APPROVE, 200);
    seed_decides("10000", "transfer", "US", "rule_005", RULE_APPROVE, 200);
    seed_decides("9999.99", "transfer", "VE", "rule_005", RULE_APPROVE, 200);
    seed_decides("1000", "transfer", "IR", "rule_001", RULE_DECLINE, 1000);
    seed_decides("100000.01", "withdrawal", "KP", "rule_001", RULE_DECLINE, 1000);
    seed_decides("100000.01", "transfer", "US", "rule_002", RULE_REVIEW, 900);
    seed_decides("100000", "transfer", "US", "rule_006", RULE_APPROVE, 300);
    seed_decides("75000", "withdrawal", "US", "rule_003", RULE_REVIEW, 700);
    seed_decides("50000", "withdrawal", "US", "rule_006", RULE_APPROVE, 300);
    seed_decides("10000", "transfer", "RU", "rule_004", RULE_APPROVE, 600);
    seed_decides("50000", "transfer", "CN", "rule_004", RULE_APPROVE, 600);
    seed_decides("50000.01", "transfer", "CN", "rule_006", RULE_APPROVE, 300);
    seed_decides("10000.01", "transfer", "US", "rule_006", RULE_APPROVE, 300);
}

static void a_country_is_the_same_in_small_letters_and_nothing_but_two_letters(void **state)
{
    (void)state;
    struct facts f = {.failed = 0};
    assert_true(facts_country(&f, slice_of("ir")));
    assert_true(slice_equal(f.all[FACT_COUNTRY].text, slice_of("IR")));
    assert_false(facts_country(&f, slice_of("")));
    assert_false(facts_country(&f, slice_of("I1")));
    assert_false(facts_country(&f, slice_of("IRN")));
}

/* --- conditions ------------------------------------------------------------------------------- */

/* Does a condition hold of these facts? */
static bool holds(const char *condition, const struct facts *f)
{
    char document[2048];
    struct rule_decision d;
    snprintf(document, sizeof document,
             "{\"name\": \"n\", \"hit\": \"first\", \"rules\": [{\"id\": \"r\", \"name\": \"n\","
             "\"type\": \"t\", \"when\": %s, \"outcome\": \"decline\", \"score\": 1,"
             "\"reasons\": [\"r\"], \"message\": \"m\"}]}",
             condition);
    struct case_set c = read_set(document);
    rule_set_decide(&c.set, f, &d);
    arena_done(&c.arena);
    return d.outcome == RULE_DECLINE;
}

static void conditions_are_put_together_with_all_any_and_not(void **state)
{
    (void)state;
    struct facts f = facts_of("100", "transfer", "US");
    const char *yes = "{\"always\": true}", *no = "{\"not\": {\"always\": true}}";
    char text[512];
    const struct {
        const char *form, *first, *second;
        bool held;
    } cases[] = {
        {"{\"all\": [%s, %s]}", yes, yes, true},  {"{\"all\": [%s, %s]}", yes, no, false},
        {"{\"all\": [%s, %s]}", no, yes, false},  {"{\"any\": [%s, %s]}", no, yes, true},
        {"{\"any\": [%s, %s]}", yes, no, true},   {"{\"any\": [%s, %s]}", no, no, false},
        {"{\"not\": {\"all\": [%s, %s]}}", yes, no, true},
        {"{\"any\": [{\"all\": [%s, %s]}, {\"always\": true}]}", yes, no, true},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, cases[i].form, cases[i].first, cases[i].second);
#pragma GCC diagnostic pop
        assert_int_equal(holds(text, &f), cases[i].held);
    }
}

static void bounds_are_exact_at_any_number_of_decimals(void **state)
{
    (void)state;
    const char *over = "{\"fact\": \"transaction_amount\", \"over\": \"100000\"}";
    const char *range =
        "{\"fact\": \"transaction_amount\", \"at_least\": 10, \"under\": \"20.5\"}";
    struct facts f = facts_of("100000", "transfer", "US");
    assert_false(holds(over, &f));
    f = facts_of("100000.000000000000000001", "transfer", "US");
    assert_true(holds(over, &f));
    f = facts_of("340282366920938463463374607431768211455", "transfer", "US");
    assert_true(holds(over, &f));
    assert_false(holds(range, &f));
    f = facts_of("10.0", "transfer", "US");
    assert_true(holds(range, &f));
    f = facts_of("20.50", "transfer", "US");
    assert_false(holds(range, &f));
}

static void a_figure_in_a_currency_is_compared_with_amounts_in_that_currency_only(void **state)
{
    (void)state;
    struct facts f = facts_of("100", "transfer", "US");
    const char *plain = "{\"fact\": \"transaction_amount\", \"over\": 50, \"currency\": \"USD\"}";
    const char *absent = "{\"fact\": \"transaction_amount\", \"over\": 50, \"currency\": \"USD\","
                         "\"absent\": true}";
    facts_amount(&f, number("100"), USD);
    assert_true(holds(plain, &f));
    facts_amount(&f, number("100"), EUR);
    assert_false(holds(plain, &f));
    assert_true(holds(absent, &f));
}

static void the_rule_says_what_holds_of_a_fact_that_is_absent(void **state)
{
    (void)state;
    struct facts f = {.failed = 0};
    assert_false(holds("{\"fact\": \"country\", \"is\": \"US\"}", &f));
    assert_true(holds("{\"fact\": \"country\", \"is\": \"US\", \"absent\": true}", &f));
}

static void a_long_list_has_its_own_and_nothing_else(void **state)
{
    (void)state;
    static char text[64 * 1024];
    size_t len = (size_t)snprintf(text, sizeof text, "{\"fact\": \"user_id\", \"in\": [\"u0\"");
    for (int i = 1; i < 1000; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ",\"u%d\"", i);
    snprintf(text + len, sizeof text - len, "]}");
    static char document[80 * 1024];
    snprintf(document, sizeof document,
             "{\"name\":\"n\",\"hit\":\"all\",\"rules\":[{\"id\":\"r\",\"name\":\"n\","
             "\"type\":\"t\",\"when\":%s,\"outcome\":\"review\",\"score\":1,"
             "\"reasons\":[\"r\"],\"message\":\"m\"}]}",
             text);
    struct case_set c = read_set(document);
    for (int i = 0; i < 2000; i++) {
        char user[16];
        struct facts f = {.failed = 0};
        struct rule_decision d;
        snprintf(user, sizeof user, "u%d", i);
        facts_text(&f, FACT_USER, slice_of(user));
        rule_set_decide(&c.set, &f, &d);
        assert_int_equal(d.outcome, i < 1000 ? RULE_REVIEW : RULE_APPROVE);
    }
    arena_done(&c.arena);
}

/* --- time ------------------------------------------------------------------------------------- */

static bool holds_at(const char *condition, int64_t second)
{
    struct facts f = {.now_ns = SUNDAY_NS + (uint64_t)second * NS_PER_S};
    return holds(condition, &f);
}

static void the_night_crosses_midnight_its_start_included_and_its_end_not(void **state)
{
    (void)state;
    const char *night = "{\"time\": {\"from\": \"22:00\", \"to\": \"06:00\", \"zone\": \"UTC\"}}";
    assert_false(holds_at(night, 21 * 3600 + 59 * 60 + 59));
    assert_true(holds_at(night, 22 * 3600));
    assert_true(holds_at(night, 24 * 3600));
    assert_true(holds_at(night, 5 * 3600 + 59 * 60 + 59));
    assert_false(holds_at(night, 6 * 3600));
    const char *there =
        "{\"time\": {\"from\": \"22:00\", \"to\": \"06:00\", \"zone\": \"+05:30\"}}";
    assert_false(holds_at(there, 16 * 3600 + 29 * 60 + 59));
    assert_true(holds_at(there, 16 * 3600 + 30 * 60));
    const char *day = "{\"time\": {\"from\": \"09:00\", \"to\": \"17:00\", \"zone\": \"UTC\"}}";
    assert_true(holds_at(day, 9 * 3600));
    assert_false(holds_at(day, 17 * 3600));
}

static void the_weekday_is_that_of_the_local_time(void **state)
{
    (void)state;
    const char *utc = "{\"weekday\": {\"in\": [\"sunday\"], \"zone\": \"UTC\"}}";
    const char *west = "{\"weekday\": {\"in\": [\"saturday\"], \"zone\": \"-01:00\"}}";
    assert_true(holds_at(utc, 0));
    assert_true(holds_at(utc, 24 * 3600 - 1));
    assert_false(holds_at(utc, 24 * 3600));
    assert_true(holds_at(west, 3599));
    assert_false(holds_at(west, 3600));
}

/* --- outcomes --------------------------------------------------------------------------------- */

struct wanted {
    const char *outcome, *when;
    int score;
};

static const char every[] = "{\"always\": true}";
static const char on_country[] = "{\"fact\": \"country\", \"is\": \"US\"}";

static void decide(const char *hit, const struct wanted *rules, size_t count,
                   const struct facts *f, struct rule_decision *d)
{
    char document[4096];
    size_t len = (size_t)snprintf(document, sizeof document,
                                  "{\"name\": \"n\", \"hit\": \"%s\", \"rules\": [", hit);
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(document + len, sizeof document - len,
                                "%s{\"id\": \"r%zu\", \"name\": \"n\", \"type\": \"t\","
                                "\"when\": %s, \"outcome\": \"%s\", \"score\": %d,"
                                "\"reasons\": [\"r\"], \"message\": \"m\"}",
                                i > 0 ? "," : "", i, rules[i].when, rules[i].outcome,
                                rules[i].score);
    snprintf(document + len, sizeof document - len, "]}");
    struct case_set c = read_set(document);
    rule_set_decide(&c.set, f, d);
    arena_done(&c.arena);
}

static void of_all_rules_decline_goes_over_review_and_review_over_approve(void **state)
{
    (void)state;
    struct facts f = facts_of("1", "transfer", "US");
    struct rule_decision d;
    const struct wanted rules[] = {
        {"approve", every, 400}, {"review", every, 500}, {"decline", every, 300}};
    decide("all", rules, 3, &f, &d);
    assert_int_equal(d.outcome, RULE_DECLINE);
    assert_int_equal(d.score, RULE_SCORE_MAX); /* 1200 is capped */
    assert_int_equal(d.held[0], 7);
    decide("all", rules, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_REVIEW);
    assert_int_equal(d.score, 900);
    decide("first", rules, 3, &f, &d);
    assert_int_equal(d.outcome, RULE_APPROVE);
    assert_int_equal(d.held[0], 1);
}

static void allow_lifts_a_review_and_never_a_decline(void **state)
{
    (void)state;
    struct facts f = facts_of("1", "transfer", "US");
    struct rule_decision d;
    const struct wanted reviewed[] = {{"review", every, 1}, {"allow", every, 0}};
    const struct wanted declined[] = {{"allow", every, 0}, {"decline", every, 1}};
    decide("all", reviewed, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_APPROVE);
    decide("all", declined, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_DECLINE);
}

static void a_fact_that_failed_leads_to_review_and_nothing_lifts_it(void **state)
{
    (void)state;
    struct facts f = facts_of("1", "transfer", "US");
    struct rule_decision d;
    facts_fail(&f, FACT_COUNTRY);
    const struct wanted lifted[] = {{"approve", on_country, 1}, {"allow", every, 0}};
    const struct wanted declined[] = {{"approve", on_country, 1}, {"decline", every, 0}};
    decide("all", lifted, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_REVIEW);
    assert_true(rule_set_bit(d.error, 0));
    assert_true(rule_set_bit(d.held, 1));
    decide("first", lifted, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_REVIEW);
    decide("all", declined, 2, &f, &d);
    assert_int_equal(d.outcome, RULE_DECLINE);
}

static void where_no_rule_holds_nothing_is_wrong(void **state)
{
    (void)state;
    struct facts f = facts_of("1", "transfer", "DE");
    struct rule_decision d;
    const struct wanted rules[] = {{"decline", on_country, 1000}};
    decide("all", rules, 1, &f, &d);
    assert_int_equal(d.outcome, RULE_APPROVE);
    assert_int_equal(d.hit, RULE_NONE);
    assert_int_equal(d.score, 0);
}

/* --- mistakes --------------------------------------------------------------------------------- */

static void every_mistake_is_told_with_its_line_and_path(void **state)
{
    (void)state;
    static const char document[] =
        "{\n \"name\": \"n\",\n \"hit\": \"last\",\n \"rules\": [\n"
        "  {\"id\": \"a\", \"name\": \"n\", \"type\": \"t\",\n"
        "   \"when\": {\"all\": [\n"
        "     {\"fact\": \"shoe_size\", \"over\": 4},\n"
        "     {\"fact\": \"country\", \"in\": [\"US\",\n"
        "        \"us\"]},\n"
        "     {\"time\": {\"from\": \"24:00\", \"to\": \"06:00\", \"zone\": \"UTC\"}}]},\n"
        "   \"outcome\": \"approve\",\n   \"score\": 1001,\n   \"colour\": \"red\",\n"
        "   \"reasons\": [\"ok\"], \"message\": \"m\"}]}\n";
    static const struct {
        const char *path;
        uint32_t line;
    } wanted[] = {
        {"hit", 3},
        {"rules[0].colour", 13},
        {"rules[0].score", 12},
        {"rules[0].when.all[0].fact", 7},
        {"rules[0].when.all[1].in[1]", 9},
        {"rules[0].when.all[2].time.from", 10},
    };
    struct arena arena;
    struct rule_set set;
    struct rule_faults faults;
    arena_init(&arena, RULE_SET_BYTES_MAX);
    assert_false(rule_set_read(&set, slice_of(document), &arena, &faults));
    assert_int_equal(faults.count, array_len(wanted));
    for (size_t i = 0; i < array_len(wanted); i++) {
        assert_string_equal(faults.items[i].path, wanted[i].path);
        assert_int_equal(faults.items[i].line, wanted[i].line);
    }
    arena_done(&arena);
}

static void refused(const char *document, const char *path)
{
    struct arena arena;
    struct rule_set set;
    struct rule_faults faults;
    arena_init(&arena, RULE_SET_BYTES_MAX);
    assert_false(rule_set_read(&set, slice_of(document), &arena, &faults));
    assert_true(faults.count > 0);
    assert_string_equal(faults.items[0].path, path);
    arena_done(&arena);
}

static void a_text_that_is_no_rule_set_is_refused(void **state)
{
    (void)state;
    refused("", "");
    refused("[]", "");
    refused("7", "");
    refused("{", "");
    refused("{}", "name");
    refused("{\"name\": \"n\", \"hit\": \"all\", \"rules\": []}", "rules");
    refused("{\"name\": \"n\", \"hit\": \"all\", \"rules\": [4]}", "rules[0]");
    refused("{\"name\": \"n\", \"hit\": \"all\", \"name\": \"n\"}", "name");
}

static void a_mistake_in_the_json_itself_has_its_line_too(void **state)
{
    (void)state;
    struct arena arena;
    struct rule_set set;
    struct rule_faults faults;
    arena_init(&arena, RULE_SET_BYTES_MAX);
    assert_false(rule_set_read(&set, slice_of("{\n \"name\": \"n\",\n wrong"), &arena, &faults));
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].line, 3);
    arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_seed_rules_decide_as_the_replaced_platform_did),
        cmocka_unit_test(a_country_is_the_same_in_small_letters_and_nothing_but_two_letters),
        cmocka_unit_test(conditions_are_put_together_with_all_any_and_not),
        cmocka_unit_test(bounds_are_exact_at_any_number_of_decimals),
        cmocka_unit_test(a_figure_in_a_currency_is_compared_with_amounts_in_that_currency_only),
        cmocka_unit_test(the_rule_says_what_holds_of_a_fact_that_is_absent),
        cmocka_unit_test(a_long_list_has_its_own_and_nothing_else),
        cmocka_unit_test(the_night_crosses_midnight_its_start_included_and_its_end_not),
        cmocka_unit_test(the_weekday_is_that_of_the_local_time),
        cmocka_unit_test(of_all_rules_decline_goes_over_review_and_review_over_approve),
        cmocka_unit_test(allow_lifts_a_review_and_never_a_decline),
        cmocka_unit_test(a_fact_that_failed_leads_to_review_and_nothing_lifts_it),
        cmocka_unit_test(where_no_rule_holds_nothing_is_wrong),
        cmocka_unit_test(every_mistake_is_told_with_its_line_and_path),
        cmocka_unit_test(a_text_that_is_no_rule_set_is_refused),
        cmocka_unit_test(a_mistake_in_the_json_itself_has_its_line_too),
    };
    seed_rules_prepare();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
