/* SPDX-License-Identifier: Apache-2.0 */
/* What a condition is, its members say: one that has a `fact` asks for it, one with `all` has
 * others within. The nesting of a JSON text is limited, and so is the recursion here. */
#include "actors/rule_engine/condition_reader.h"

#include <ctype.h>

#include "schemas/json.h"

#define LIST_MAX 10000
#define LIST_TEXT_MAX 256
#define WEEKDAYS 7
#define ZONE_LEN 6 /* "+05:30" */
#define ZONE_HOURS_MAX 14
#define TIME_LEN 5 /* "22:00" */

static const char *const weekdays[WEEKDAYS] = {"sunday",   "monday", "tuesday", "wednesday",
                                               "thursday", "friday", "saturday"};

/* --- members ---------------------------------------------------------------------------------- */

/* Two digits at text[at], below a limit; -1: they are none. */
static int condition_digits(struct slice text, uint32_t at, int below)
{
    const unsigned char *p = (const unsigned char *)text.data + at;
    if (!isdigit(p[0]) || !isdigit(p[1]))
        return -1;
    int number = (p[0] - '0') * 10 + (p[1] - '0');
    return number < below ? number : -1;
}

static struct slice condition_string(const struct yyjson_val *value)
{
    struct json_token token = json_token_of(value); /* JSON_NULL of what lacks */
    return token.kind == JSON_STRING ? token.text : (struct slice){NULL, 0};
}

static void condition_time_of(struct condition_reader *r, const struct yyjson_val *object,
                              const char *name, uint32_t *ret)
{
    struct rule_mark mark = rule_document_enter(r->document, object, name);
    struct slice text = condition_string(json_member(object, name));
    int hours = -1, minutes = -1;
    if (text.len == TIME_LEN && text.data[2] == ':') {
        hours = condition_digits(text, 0, 24);
        minutes = condition_digits(text, 3, 60);
    }
    if (hours < 0 || minutes < 0)
        rule_document_fault(r->document, "must be a time of day from 00:00 to 23:59");
    else
        *ret = (uint32_t)(hours * 3600 + minutes * 60);
    rule_document_leave(r->document, mark);
}

/* "UTC", or how far the zone's clocks are before it: "+05:30". */
static void condition_zone(struct condition_reader *r, const struct yyjson_val *object,
                           int32_t *offset_s)
{
    struct rule_mark mark = rule_document_enter(r->document, object, "zone");
    struct slice text = condition_string(json_member(object, "zone"));
    int hours = -1, minutes = -1;
    if (slice_equal(text, slice_of("UTC"))) {
        hours = minutes = 0;
    } else if (text.len == ZONE_LEN && (text.data[0] == '+' || text.data[0] == '-') &&
               text.data[3] == ':') {
        hours = condition_digits(text, 1, ZONE_HOURS_MAX + 1);
        minutes = condition_digits(text, 4, 60);
    }
    if (hours < 0 || minutes < 0)
        rule_document_fault(r->document, "must be UTC or an offset like +05:30");
    else
        *offset_s = (hours * 3600 + minutes * 60) * (text.data[0] == '-' ? -1 : 1);
    rule_document_leave(r->document, mark);
}

static bool condition_bound(struct condition_reader *r, const struct yyjson_val *object,
                            const char *name, bool included, struct bound *b)
{
    const struct yyjson_val *value = json_member(object, name);
    if (value == NULL)
        return false;
    struct rule_mark mark = rule_document_enter(r->document, object, name);
    struct json_token token = json_token_of(value);
    bool number = token.kind == JSON_NUMBER || token.kind == JSON_STRING;
    if (b->there)
        rule_document_fault(r->document, "is a second bound on this side");
    if (!number || decimal_parse(token.text.data, token.text.len, &b->figure) != DECIMAL_GOOD)
        rule_document_fault(r->document, "must be a decimal number, not below 0");
    b->there = true;
    b->included = included;
    rule_document_leave(r->document, mark);
    return true;
}

/* --- kinds ------------------------------------------------------------------------------------ */

static void condition_currency(struct condition_reader *r, const struct yyjson_val *object,
                               struct condition *c)
{
    const struct yyjson_val *value = json_member(object, "currency");
    if (value == NULL)
        return;
    struct rule_mark mark = rule_document_enter(r->document, object, "currency");
    struct slice text = condition_string(value);
    const struct currency *found = text.len == 0 ? NULL : currency_by_code(text.data, text.len);
    if (found == NULL)
        rule_document_fault(r->document, "must be a currency code of ISO 4217");
    else
        c->currency = found->number;
    rule_document_leave(r->document, mark);
}

static void condition_read_number(struct condition_reader *r, const struct yyjson_val *object,
                                  struct condition *c)
{
    static const char *const known[] = {"fact",    "over",     "at_least", "under",
                                        "at_most", "currency", "absent",   NULL};
    c->kind = CONDITION_NUMBER;
    rule_document_only(r->document, object, known);
    bool low = condition_bound(r, object, "over", false, &c->range.low);
    low |= condition_bound(r, object, "at_least", true, &c->range.low);
    bool high = condition_bound(r, object, "under", false, &c->range.high);
    high |= condition_bound(r, object, "at_most", true, &c->range.high);
    if (!low && !high)
        rule_document_fault(r->document, "must have over, at_least, under or at_most");
    condition_currency(r, object, c);
}

static void condition_add_word(struct condition_reader *r, const struct yyjson_val *value,
                               struct condition *c)
{
    struct slice text;
    if (!rule_document_text(r->document, value, LIST_TEXT_MAX, &text))
        return;
    bool country = c->fact == FACT_COUNTRY;
    if (country && !(text.len == FACTS_COUNTRY_LEN && isupper((unsigned char)text.data[0]) &&
                     isupper((unsigned char)text.data[1])))
        rule_document_fault(r->document, "must be a country: two capital letters");
    else if (!word_list_add(&c->list, text))
        rule_document_fault(r->document, "is in the list already");
}

static bool condition_list_room(struct condition_reader *r, struct condition *c, uint32_t count)
{
    uint32_t slots = 2;
    while (slots < 2 * count)
        slots *= 2;
    c->list.words = arena_alloc(r->document->keep, slots * sizeof *c->list.words);
    c->list.slots = slots;
    return c->list.words != NULL || rule_document_fault(r->document, "takes too much memory");
}

static void condition_read_words(struct condition_reader *r, const struct yyjson_val *object,
                                 struct condition *c)
{
    struct rule_mark mark = rule_document_enter(r->document, object, "in");
    const struct yyjson_val *array = json_member(object, "in");
    uint32_t count = rule_document_items(r->document, array, 1, LIST_MAX);
    bool room = count > 0 && condition_list_room(r, c, count);
    for (uint32_t i = 0; room && i < count; i++) {
        struct rule_mark item = rule_document_enter_item(r->document, array, i);
        condition_add_word(r, json_item(array, i), c);
        rule_document_leave(r->document, item);
    }
    rule_document_leave(r->document, mark);
}

static void condition_read_text(struct condition_reader *r, const struct yyjson_val *object,
                                struct condition *c)
{
    static const char *const known[] = {"fact", "is", "in", "absent", NULL};
    c->kind = CONDITION_LIST;
    rule_document_only(r->document, object, known);
    const struct yyjson_val *one = json_member(object, "is");
    if ((one == NULL) == (json_member(object, "in") == NULL)) {
        rule_document_fault(r->document, "must have either is or in");
    } else if (one == NULL) {
        condition_read_words(r, object, c);
    } else if (condition_list_room(r, c, 1)) {
        struct rule_mark mark = rule_document_enter(r->document, object, "is");
        condition_add_word(r, one, c);
        rule_document_leave(r->document, mark);
    }
}

static void condition_read_fact(struct condition_reader *r, const struct yyjson_val *object,
                                struct condition *c)
{
    enum fact_name fact = FACT_AMOUNT;
    const struct yyjson_val *absent = json_member(object, "absent");
    if (!facts_find(condition_string(json_member(object, "fact")), &fact)) {
        struct rule_mark mark = rule_document_enter(r->document, object, "fact");
        rule_document_fault(r->document, "is no fact that is known");
        rule_document_leave(r->document, mark);
        return;
    }
    c->fact = (uint8_t)fact;
    r->facts |= 1u << fact;
    if (absent != NULL && json_token_of(absent).kind != JSON_BOOL) {
        struct rule_mark mark = rule_document_enter(r->document, object, "absent");
        rule_document_fault(r->document, "must be true or false");
        rule_document_leave(r->document, mark);
    }
    c->absent = absent != NULL && slice_equal(json_token_of(absent).text, slice_of("true"));
    if (fact == FACT_AMOUNT)
        condition_read_number(r, object, c);
    else
        condition_read_text(r, object, c);
}

static void condition_read_time(struct condition_reader *r, const struct yyjson_val *object,
                                struct condition *c)
{
    static const char *const known[] = {"from", "to", "zone", NULL};
    c->kind = CONDITION_TIME;
    rule_document_only(r->document, object, known);
    condition_time_of(r, object, "from", &c->time.from_s);
    condition_time_of(r, object, "to", &c->time.to_s);
    condition_zone(r, object, &c->offset_s);
    if (c->time.from_s == c->time.to_s)
        rule_document_fault(r->document, "must begin and end at different times");
}

static void condition_read_days(struct condition_reader *r, const struct yyjson_val *object,
                                struct condition *c)
{
    static const char *const known[] = {"in", "zone", NULL};
    c->kind = CONDITION_WEEKDAY;
    rule_document_only(r->document, object, known);
    condition_zone(r, object, &c->offset_s);
    struct rule_mark mark = rule_document_enter(r->document, object, "in");
    const struct yyjson_val *array = json_member(object, "in");
    uint32_t count = rule_document_items(r->document, array, 1, WEEKDAYS);
    for (uint32_t i = 0, day; i < count; i++) {
        struct rule_mark item = rule_document_enter_item(r->document, array, i);
        if (rule_document_choice(r->document, json_item(array, i), weekdays, WEEKDAYS,
                                 "must be a day, sunday to saturday", &day))
            c->days |= (uint8_t)(1u << day);
        rule_document_leave(r->document, item);
    }
    rule_document_leave(r->document, mark);
}

static void condition_read_group(struct condition_reader *r, const struct yyjson_val *array,
                                 struct condition *c, uint8_t kind)
{
    c->kind = kind;
    uint32_t count = rule_document_items(r->document, array, 1, CONDITIONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct rule_mark item = rule_document_enter_item(r->document, array, i);
        condition_read(r, json_item(array, i));
        rule_document_leave(r->document, item);
    }
}

static void condition_read_always(struct condition_reader *r, const struct yyjson_val *value)
{
    struct json_token token = json_token_of(value);
    if (token.kind != JSON_BOOL || !slice_equal(token.text, slice_of("true")))
        rule_document_fault(r->document, "must be true");
}

/* --- all -------------------------------------------------------------------------------------- */

/* The one member of a condition that asks for no fact. */
static void condition_read_only(struct condition_reader *r, const char *name,
                                const struct yyjson_val *value, struct condition *c)
{
    if (strcmp(name, "all") == 0)
        condition_read_group(r, value, c, CONDITION_ALL);
    else if (strcmp(name, "any") == 0)
        condition_read_group(r, value, c, CONDITION_ANY);
    else if (strcmp(name, "time") == 0)
        condition_read_time(r, value, c);
    else if (strcmp(name, "weekday") == 0)
        condition_read_days(r, value, c);
    else if (strcmp(name, "always") == 0)
        condition_read_always(r, value);
    if (strcmp(name, "not") == 0) {
        c->kind = CONDITION_NOT;
        condition_read(r, value);
    }
}

static void condition_read_other(struct condition_reader *r, const struct yyjson_val *object,
                                 struct condition *c)
{
    static const char *const known[] = {"all", "any", "not", "always", "time", "weekday", NULL};
    const char *name = NULL;
    uint32_t count = 0;
    for (const char *const *i = known; *i != NULL; i++) {
        if (json_member(object, *i) != NULL) {
            name = *i;
            count++;
        }
    }
    if (!rule_document_only(r->document, object, known))
        return;
    if (count != 1) {
        rule_document_fault(r->document,
                            "must have one of fact, all, any, not, always, time and weekday");
        return;
    }
    struct rule_mark mark = rule_document_enter(r->document, object, name);
    condition_read_only(r, name, json_member(object, name), c);
    rule_document_leave(r->document, mark);
}

void condition_read(struct condition_reader *r, const struct yyjson_val *value)
{
    if (r->count == CONDITIONS_MAX) {
        rule_document_fault(r->document, "is one condition too many");
        return;
    }
    uint32_t at = r->count++;
    struct condition *c = &r->conditions[at];
    *c = (struct condition){.kind = CONDITION_ALWAYS};
    if (json_member(value, "fact") != NULL)
        condition_read_fact(r, value, c);
    else
        condition_read_other(r, value, c);
    c->span = r->count - at;
}
