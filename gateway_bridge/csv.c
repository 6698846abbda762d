/* SPDX-License-Identifier: Apache-2.0 */
/* The answer is written as JSON first, so that a cell has the text that a member has there. What a
 * spreadsheet would calculate instead of show gets an apostrophe before it (OWASP, CSV injection):
 * descriptions are what other people wrote. */
#include "gateway_bridge/csv.h"

#include <string.h>
#include <yyjson.h>

#include "schemas/json.h"

#define CSV_NEWLINE "\r\n"

static bool csv_has(struct slice text, const char *any)
{
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] != '\0' && strchr(any, text.data[i]) != NULL)
            return true;
    }
    return false;
}

static void csv_put_text(struct json_writer *out, struct slice text)
{
    bool formula = text.len > 0 && csv_has((struct slice){text.data, 1}, "=+-@\t\r");
    bool quoted = csv_has(text, ",\"\r\n");
    if (quoted)
        json_put_literal(out, "\"");
    if (formula)
        json_put_literal(out, "'");
    for (uint32_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            json_put_literal(out, "\"");
        json_put_raw(out, text.data + i, 1);
    }
    if (quoted)
        json_put_literal(out, "\"");
}

/* Absent members and null are empty cells. */
static void csv_put_cell(struct json_writer *out, const struct yyjson_val *value)
{
    if (value == NULL)
        return;
    struct json_token token = json_token_of(value);
    check(token.kind != JSON_ARRAY && token.kind != JSON_OBJECT);
    if (token.kind == JSON_STRING)
        csv_put_text(out, token.text);
    else if (token.kind != JSON_NULL)
        json_put_raw(out, token.text.data, token.text.len);
}

static void csv_put_names(struct json_writer *out, const struct json_type *line)
{
    for (uint8_t i = 0; i < line->count; i++) {
        if (i > 0)
            json_put_literal(out, ",");
        json_put_raw(out, line->fields[i], strlen(line->fields[i]));
    }
    json_put_literal(out, CSV_NEWLINE);
}

static void csv_put_line(struct json_writer *out, const struct json_type *line, yyjson_val *item)
{
    for (uint8_t i = 0; i < line->count; i++) {
        if (i > 0)
            json_put_literal(out, ",");
        csv_put_cell(out, json_member(item, line->fields[i]));
    }
    json_put_literal(out, CSV_NEWLINE);
}

bool csv_write(const struct route_table *t, struct arena *a, struct json_writer *body)
{
    struct json_error error = {0};
    const struct yyjson_val *root = json_parse(json_written(body), a, &error);
    yyjson_val *list = root != NULL ? (yyjson_val *)(uintptr_t)json_member(root, t->list) : NULL;
    yyjson_arr_iter items;
    if (!yyjson_arr_iter_init(list, &items))
        return false;
    json_writer_clear(body);
    csv_put_names(body, t->line);
    for (yyjson_val *item; (item = yyjson_arr_iter_next(&items)) != NULL;)
        csv_put_line(body, t->line, item);
    return !body->failed;
}
