/* SPDX-License-Identifier: Apache-2.0 */
/* The parsed texts lie in a copy of the document, each where it lay in it: how far one is from the
 * copy's begin says its line. The begin is found by the first member's name, the first quotation
 * mark of any text whose root is an object. */
#include "actors/rule_engine/rule_document.h"

#include <stdio.h>
#include <stdlib.h>

#include <yyjson.h>

static yyjson_val *document_value(const struct yyjson_val *value)
{
    return (yyjson_val *)(uintptr_t)value; /* yyjson only reads it */
}

/* The first text or number within, or NULL. */
static const char *document_text_within(const struct yyjson_val *value)
{
    yyjson_val *v = document_value(value);
    while (yyjson_is_ctn(v)) {
        if (unsafe_yyjson_get_len(v) == 0)
            return NULL;
        v = unsafe_yyjson_get_first(v);
    }
    if (yyjson_is_raw(v))
        return yyjson_get_raw(v);
    return yyjson_get_str(v);
}

static uint32_t document_line(const struct rule_document *d)
{
    uint32_t line = 1;
    if (d->base == NULL || d->at < d->base || d->at > d->base + d->text.len)
        return line;
    for (const char *p = d->text.data; p < d->text.data + (d->at - d->base); p++)
        line += *p == '\n';
    return line;
}

bool rule_document_fault(struct rule_document *d, const char *rule)
{
    if (d->faults->count == RULE_FAULTS_MAX)
        return false;
    struct rule_fault *f = &d->faults->items[d->faults->count++];
    memcpy(f->path, d->path, sizeof f->path);
    f->line = document_line(d);
    f->rule = rule;
    return false;
}

/* What is said of a text that is no JSON names a byte; it lives as long as what is kept. */
static void document_unread(struct rule_document *d, const char *rule)
{
    const char *byte = strstr(rule, "(byte ");
    struct slice kept = arena_copy(d->keep, (struct slice){rule, (uint32_t)strlen(rule) + 1});
    if (byte != NULL) {
        d->base = d->text.data;
        d->at = d->text.data + strtoul(byte + strlen("(byte "), NULL, 10);
    }
    rule_document_fault(d, kept.data != NULL ? kept.data : "takes too much memory");
}

const struct yyjson_val *rule_document_open(struct rule_document *d)
{
    struct json_error e;
    const struct yyjson_val *root = json_parse(d->text, d->scratch, &e);
    d->base = d->at = NULL;
    d->path[0] = '\0';
    if (root == NULL) {
        snprintf(d->path, sizeof d->path, "%s", e.field);
        document_unread(d, e.rule);
        return NULL;
    }
    const char *quote = memchr(d->text.data, '"', d->text.len);
    const char *first = document_text_within(root);
    if (yyjson_is_obj(document_value(root)) && first != NULL && quote != NULL)
        d->base = d->at = first - (quote + 1 - d->text.data);
    if (!yyjson_is_obj(document_value(root))) {
        rule_document_fault(d, "must be an object");
        return NULL;
    }
    return root;
}

static struct rule_mark document_mark(const struct rule_document *d)
{
    return (struct rule_mark){strlen(d->path), d->at};
}

struct rule_mark rule_document_enter(struct rule_document *d, const struct yyjson_val *object,
                                     const char *name)
{
    struct rule_mark mark = document_mark(d);
    yyjson_obj_iter i;
    yyjson_val *key;
    snprintf(d->path + mark.len, sizeof d->path - mark.len, "%s%s", mark.len > 0 ? "." : "", name);
    if (!yyjson_obj_iter_init(document_value(object), &i))
        return mark;
    while ((key = yyjson_obj_iter_next(&i)) != NULL) {
        if (yyjson_equals_str(key, name))
            d->at = yyjson_get_str(key);
    }
    return mark;
}

struct rule_mark rule_document_enter_item(struct rule_document *d, const struct yyjson_val *array,
                                          uint32_t index)
{
    struct rule_mark mark = document_mark(d);
    const char *within = document_text_within(json_item(array, index));
    snprintf(d->path + mark.len, sizeof d->path - mark.len, "[%u]", (unsigned)index);
    if (within != NULL)
        d->at = within;
    return mark;
}

void rule_document_leave(struct rule_document *d, struct rule_mark mark)
{
    check(mark.len < sizeof d->path);
    d->path[mark.len] = '\0';
    d->at = mark.at;
}

static bool document_named(const char *const *names, const yyjson_val *key)
{
    while (*names != NULL && !yyjson_equals_str(document_value(key), *names))
        names++;
    return *names != NULL;
}

bool rule_document_only(struct rule_document *d, const struct yyjson_val *object,
                        const char *const *names)
{
    yyjson_obj_iter i;
    yyjson_val *key;
    if (!yyjson_obj_iter_init(document_value(object), &i))
        return yyjson_is_obj(document_value(object)) || rule_document_fault(d, "must be an object");
    while ((key = yyjson_obj_iter_next(&i)) != NULL) {
        if (document_named(names, key))
            continue;
        struct rule_mark mark = rule_document_enter(d, object, yyjson_get_str(key));
        rule_document_fault(d, "is not known here");
        rule_document_leave(d, mark);
    }
    return true;
}

uint32_t rule_document_items(struct rule_document *d, const struct yyjson_val *array,
                             uint32_t least, uint32_t most)
{
    size_t count = yyjson_arr_size(document_value(array));
    if (!yyjson_is_arr(document_value(array)) || count < least || count > most) {
        rule_document_fault(d, array == NULL ? "is missing" : "must be a list, not too long");
        return 0;
    }
    return (uint32_t)count;
}

bool rule_document_text(struct rule_document *d, const struct yyjson_val *value, uint32_t most,
                        struct slice *ret)
{
    if (value == NULL)
        return rule_document_fault(d, "is missing");
    struct json_token token = json_token_of(value);
    if (token.kind != JSON_STRING || token.text.len == 0)
        return rule_document_fault(d, "must be a text");
    if (token.text.len > most)
        return rule_document_fault(d, "is too long");
    *ret = arena_copy(d->keep, token.text);
    return ret->data != NULL || rule_document_fault(d, "takes too much memory");
}

bool rule_document_member(struct rule_document *d, const struct yyjson_val *object,
                          const char *name, uint32_t most, struct slice *ret)
{
    struct rule_mark mark = rule_document_enter(d, object, name);
    bool found = rule_document_text(d, json_member(object, name), most, ret);
    rule_document_leave(d, mark);
    return found;
}

bool rule_document_choice(struct rule_document *d, const struct yyjson_val *value,
                          const char *const *names, uint32_t count, const char *rule, uint32_t *ret)
{
    struct json_token token = json_token_of(value); /* JSON_NULL of what lacks */
    for (uint32_t i = 0; token.kind == JSON_STRING && i < count; i++) {
        if (slice_equal(token.text, slice_of(names[i]))) {
            *ret = i;
            return true;
        }
    }
    return rule_document_fault(d, value == NULL ? "is missing" : rule);
}
