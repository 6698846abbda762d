/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/rule_engine/rule_set.h"

#include "actors/rule_engine/condition_reader.h"

#define RULE_ID_MAX 64
#define RULE_NAME_MAX 128
#define RULE_MESSAGE_MAX 256
#define RULE_REASON_MAX 64
#define RULE_SCRATCH_MAX ((size_t)32 << 20)

static const char *const rule_outcomes[] = {
    [RULE_APPROVE] = "approve",
    [RULE_ALLOW] = "allow",
    [RULE_REVIEW] = "review",
    [RULE_DECLINE] = "decline",
};

/* --- reading ---------------------------------------------------------------------------------- */

static uint8_t rule_read_outcome(struct rule_document *d, const struct yyjson_val *object)
{
    struct rule_mark mark = rule_document_enter(d, object, "outcome");
    uint32_t outcome = RULE_REVIEW;
    if (!rule_document_choice(d, json_member(object, "outcome"), rule_outcomes,
                              array_len(rule_outcomes), "must be approve, review, decline or allow",
                              &outcome))
        outcome = RULE_REVIEW;
    rule_document_leave(d, mark);
    return (uint8_t)outcome;
}

static uint16_t rule_read_score(struct rule_document *d, const struct yyjson_val *object)
{
    struct rule_mark mark = rule_document_enter(d, object, "score");
    const struct yyjson_val *value = json_member(object, "score");
    struct json_token token = json_token_of(value); /* JSON_NULL of what lacks */
    uint32_t score = 0;
    bool digits = token.kind == JSON_NUMBER;
    for (uint32_t i = 0; digits && i < token.text.len; i++) {
        digits = token.text.data[i] >= '0' && token.text.data[i] <= '9';
        score = score * 10 + (uint32_t)(token.text.data[i] - '0');
        digits = digits && score <= RULE_SCORE_MAX;
    }
    if (!digits)
        rule_document_fault(d, "must be a whole number from 0 to 1000");
    rule_document_leave(d, mark);
    return digits ? (uint16_t)score : 0;
}

static bool rule_is_reason(struct slice text)
{
    bool good = true;
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        good &= (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return good;
}

/* One reason behind those before, a blank between. */
static void rule_add_reason(struct rule_document *d, const struct yyjson_val *value, char *words,
                            uint32_t *len)
{
    struct slice reason;
    if (!rule_document_text(d, value, RULE_REASON_MAX, &reason))
        return;
    if (!rule_is_reason(reason)) {
        rule_document_fault(d, "must have small letters, digits and _ only");
        return;
    }
    if (*len > 0)
        words[(*len)++] = ' ';
    memcpy(words + *len, reason.data, reason.len);
    *len += reason.len;
}

static struct slice rule_read_reasons(struct rule_document *d, const struct yyjson_val *object)
{
    char words[RULE_REASONS_MAX * (RULE_REASON_MAX + 1)];
    uint32_t len = 0;
    struct rule_mark mark = rule_document_enter(d, object, "reasons");
    const struct yyjson_val *array = json_member(object, "reasons");
    uint32_t count = rule_document_items(d, array, 1, RULE_REASONS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        struct rule_mark item = rule_document_enter_item(d, array, i);
        rule_add_reason(d, json_item(array, i), words, &len);
        rule_document_leave(d, item);
    }
    rule_document_leave(d, mark);
    return arena_copy(d->keep, (struct slice){words, len});
}

static void rule_read(struct rule_set *s, struct condition_reader *r,
                      const struct yyjson_val *object)
{
    static const char *const known[] = {"id",    "name",    "type",    "when", "outcome",
                                        "score", "reasons", "message", NULL};
    struct rule_document *d = r->document;
    struct rule *rule = &s->rules[s->count];
    if (!rule_document_only(d, object, known))
        return;
    bool named = rule_document_member(d, object, "id", RULE_ID_MAX, &rule->id);
    named &= rule_document_member(d, object, "name", RULE_NAME_MAX, &rule->name);
    named &= rule_document_member(d, object, "type", RULE_ID_MAX, &rule->type);
    named &= rule_document_member(d, object, "message", RULE_MESSAGE_MAX, &rule->message);
    rule->outcome = rule_read_outcome(d, object);
    rule->score = rule_read_score(d, object);
    rule->reasons = rule_read_reasons(d, object);
    rule->condition = r->count;
    r->facts = 0;
    struct rule_mark mark = rule_document_enter(d, object, "when");
    condition_read(r, json_member(object, "when"));
    rule_document_leave(d, mark);
    rule->facts = r->facts;
    for (uint32_t i = 0; named && i < s->count; i++) {
        if (slice_equal(s->rules[i].id, rule->id))
            rule_document_fault(d, "has the id of a rule before it");
    }
    s->count++;
}

static void rule_set_read_rules(struct rule_set *s, struct condition_reader *r,
                                const struct yyjson_val *root)
{
    struct rule_document *d = r->document;
    struct rule_mark mark = rule_document_enter(d, root, "rules");
    const struct yyjson_val *array = json_member(root, "rules");
    uint32_t count = rule_document_items(d, array, 1, RULES_MAX);
    s->rules = arena_alloc(d->keep, (count + 1) * sizeof *s->rules);
    r->conditions = arena_alloc(d->scratch, CONDITIONS_MAX * sizeof *r->conditions);
    if (s->rules == NULL || r->conditions == NULL) {
        rule_document_fault(d, "takes too much memory");
        count = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct rule_mark item = rule_document_enter_item(d, array, i);
        rule_read(s, r, json_item(array, i));
        rule_document_leave(d, item);
    }
    rule_document_leave(d, mark);
}

static void rule_set_read_root(struct rule_set *s, struct condition_reader *r,
                               const struct yyjson_val *root)
{
    static const char *const known[] = {"name", "hit", "rules", NULL};
    static const char *const hits[] = {"first", "all"};
    struct rule_document *d = r->document;
    uint32_t hit = 0;
    rule_document_only(d, root, known);
    if (!rule_document_member(d, root, "name", RULE_NAME_MAX, &s->name))
        s->name = (struct slice){NULL, 0};
    struct rule_mark mark = rule_document_enter(d, root, "hit");
    bool chosen = rule_document_choice(d, json_member(root, "hit"), hits, array_len(hits),
                                       "must be first or all", &hit);
    s->first = chosen && hit == 0;
    rule_document_leave(d, mark);
    rule_set_read_rules(s, r, root);
}

bool rule_set_read(struct rule_set *s, struct slice document, struct arena *keep,
                   struct rule_faults *faults)
{
    struct arena scratch;
    arena_init(&scratch, RULE_SCRATCH_MAX);
    struct rule_document d = {
        .text = document, .scratch = &scratch, .keep = keep, .faults = faults};
    struct condition_reader r = {.document = &d};
    *s = (struct rule_set){.count = 0};
    faults->count = 0;
    const struct yyjson_val *root = rule_document_open(&d);
    if (root != NULL)
        rule_set_read_root(s, &r, root);
    if (faults->count == 0) {
        s->conditions = arena_alloc(keep, r.count * sizeof *s->conditions);
        if (s->conditions == NULL)
            rule_document_fault(&d, "takes too much memory");
        else
            memcpy(s->conditions, r.conditions, r.count * sizeof *s->conditions);
    }
    arena_done(&scratch);
    return faults->count == 0;
}

/* --- deciding --------------------------------------------------------------------------------- */

/* Decline over review over approve; an error is a review that nothing lifts. */
static enum rule_outcome rule_decision_outcome(const bool wanted[RULE_DECLINE + 1], bool error)
{
    if (wanted[RULE_DECLINE])
        return RULE_DECLINE;
    if (error || (wanted[RULE_REVIEW] && !wanted[RULE_ALLOW]))
        return RULE_REVIEW;
    return RULE_APPROVE;
}

void rule_set_decide(const struct rule_set *s, const struct facts *f, struct rule_decision *d)
{
    bool wanted[RULE_DECLINE + 1] = {false};
    bool error = false;
    uint32_t score = 0;
    *d = (struct rule_decision){.hit = RULE_NONE};
    for (uint32_t i = 0; i < s->count; i++) {
        const struct rule *rule = &s->rules[i];
        if ((rule->facts & f->failed) != 0) {
            d->error[i / 64] |= UINT64_C(1) << i % 64;
            error = true;
            continue;
        }
        if (!condition_holds(&s->conditions[rule->condition], f))
            continue;
        d->held[i / 64] |= UINT64_C(1) << i % 64;
        d->hit = d->hit == RULE_NONE ? i : d->hit;
        wanted[rule->outcome] = true;
        score += rule->score;
        if (s->first)
            break;
    }
    d->outcome = rule_decision_outcome(wanted, error);
    d->score = (uint16_t)(score < RULE_SCORE_MAX ? score : RULE_SCORE_MAX);
}
