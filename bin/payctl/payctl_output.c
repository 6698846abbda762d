/* SPDX-License-Identifier: Apache-2.0 */
/* Answers for people: objects as aligned lines, lists as tables whose columns are the members that
 * any row has. Made from the JSON form, so that both say the same in the same words. What comes
 * from others is escaped on its way into a cell or a line (payctl_escape.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "bin/escape.h"
#include "bin/payctl/payctl.h"
#include "bin/payctl/payctl_fit.h"
#include "schemas/json_writer.h"

#define TEXT_MAX ((size_t)64 << 20)
#define COLUMNS_MAX 40

static bool output_is_table(yyjson_val *v)
{
    return yyjson_is_arr(v) && (yyjson_arr_size(v) == 0 || yyjson_is_obj(yyjson_arr_get_first(v)));
}

static void output_add(char cell[FIT_CELL_MAX], const char *text)
{
    escape_add(cell, FIT_CELL_MAX, slice_of(text));
}

void payctl_format_cell(struct yyjson_val *v, char *cell)
{
    size_t i, count;
    yyjson_val *key, *item;
    if (v == NULL || yyjson_is_null(v))
        return;
    if (yyjson_is_str(v)) {
        output_add(cell, yyjson_get_str(v));
    } else if (yyjson_is_raw(v)) {
        output_add(cell, yyjson_get_raw(v));
    } else if (yyjson_is_bool(v)) {
        output_add(cell, yyjson_get_bool(v) ? "yes" : "no");
    } else if (yyjson_is_arr(v)) {
        yyjson_arr_foreach(v, i, count, item)
        {
            output_add(cell, i > 0 ? "," : "");
            payctl_format_cell(item, cell);
        }
    } else {
        yyjson_obj_foreach(v, i, count, key, item)
        {
            output_add(cell, i > 0 ? " " : "");
            output_add(cell, yyjson_get_str(key));
            output_add(cell, "=");
            payctl_format_cell(item, cell);
        }
    }
}

static bool output_is_number(const char *text)
{
    return text[0] != '\0' && strspn(text, "0123456789.-") == strlen(text);
}

static void output_put_padded(const char *text, int width, bool right)
{
    int blanks = width - fit_width(text);
    printf("%*s%s%*s", right && blanks > 0 ? blanks : 0, "", text,
           !right && blanks > 0 ? blanks : 0, "");
}

/* Between columns, not after the last. */
static void output_put_gap(const struct column *columns, uint32_t k, uint32_t count)
{
    while (++k < count)
        if (columns[k].filled) {
            printf("%*s", FIT_GAP, "");
            return;
        }
}

static struct column *output_column(struct column *columns, uint32_t *count, const char *name)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (strcmp(columns[i].name, name) == 0)
            return &columns[i];
    }
    if (*count == COLUMNS_MAX)
        return NULL;
    columns[*count] = (struct column){name, fit_width(name), true, false};
    return &columns[(*count)++];
}

static uint32_t output_measure(yyjson_val *rows, struct column *columns)
{
    uint32_t count = 0;
    size_t i, n, j, m;
    yyjson_val *row, *key, *value;
    yyjson_arr_foreach(rows, i, n, row)
    {
        yyjson_obj_foreach(row, j, m, key, value)
        {
            char cell[FIT_CELL_MAX] = "";
            struct column *c = output_column(columns, &count, yyjson_get_str(key));
            if (c == NULL)
                continue;
            payctl_format_cell(value, cell);
            if (cell[0] == '\0')
                continue;
            c->filled = true;
            c->right = c->right && output_is_number(cell);
            if (fit_width(cell) > c->width)
                c->width = fit_width(cell);
        }
    }
    return count;
}

/* A tenant is whatever is named, so one with a typing error in it has nothing. */
static void output_print_none(const struct payctl *p, int indent)
{
    printf("%*s(none", indent, "");
    if (p->args.tenant != NULL && indent == 0) {
        printf(" of the tenant ");
        escape_put(stdout, slice_of(p->args.tenant));
    }
    printf(")\n");
}

static void output_print_table(const struct payctl *p, yyjson_val *rows, int indent)
{
    struct column columns[COLUMNS_MAX];
    uint32_t count = output_measure(rows, columns);
    size_t i, n;
    yyjson_val *row;
    if (yyjson_arr_size(rows) == 0) {
        output_print_none(p, indent);
        return;
    }
    bool narrowed = p->width > 0 && fit_columns(columns, count, p->width - indent);
    printf("%*s%s", indent, "", p->color ? "\033[1m" : "");
    for (uint32_t k = 0; k < count; k++) {
        if (columns[k].filled) {
            output_put_padded(columns[k].name, columns[k].width, columns[k].right);
            output_put_gap(columns, k, count);
        }
    }
    printf("%s\n", p->color ? "\033[0m" : "");
    yyjson_arr_foreach(rows, i, n, row)
    {
        printf("%*s", indent, "");
        for (uint32_t k = 0; k < count; k++) {
            char cell[FIT_CELL_MAX] = "";
            if (!columns[k].filled)
                continue;
            payctl_format_cell(yyjson_obj_get(row, columns[k].name), cell);
            fit_cell(cell, columns[k].width);
            output_put_padded(cell, columns[k].width, columns[k].right);
            output_put_gap(columns, k, count);
        }
        printf("\n");
    }
    if (narrowed)
        printf("%*snarrowed to this terminal: a pipe or --json shows all\n", indent, "");
}

void payctl_print_json(const struct json_writer *w)
{
    escape_put(stdout, json_written(w));
    putchar('\n');
}

void payctl_print_lines(struct yyjson_val *object, int indent)
{
    size_t i, n;
    yyjson_val *key, *value;
    int width = 0;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (!output_is_table(value) && (int)yyjson_get_len(key) > width)
            width = (int)yyjson_get_len(key);
    }
    yyjson_obj_foreach(object, i, n, key, value)
    {
        char cell[FIT_CELL_MAX] = "";
        if (output_is_table(value))
            continue;
        if (yyjson_is_str(value)) { /* may be longer than a cell */
            printf("%*s%-*s  ", indent, "", width, yyjson_get_str(key));
            escape_put(stdout, slice_of(yyjson_get_str(value)));
            putchar('\n');
            continue;
        }
        payctl_format_cell(value, cell);
        if (cell[0] != '\0')
            printf("%*s%-*s  %s\n", indent, "", width, yyjson_get_str(key), cell);
    }
}

void payctl_print_rows(const struct payctl *p, struct yyjson_val *rows)
{
    output_print_table(p, rows, 0);
}

void payctl_print_tables(const struct payctl *p, struct yyjson_val *object, int indent)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (!output_is_table(value) || yyjson_arr_size(value) == 0)
            continue;
        printf("%s%*s%s\n", indent == 0 && i > 0 ? "\n" : "", indent, "", yyjson_get_str(key));
        output_print_table(p, value, indent);
    }
}

static bool output_is_of_page(const char *key)
{
    static const char *const keys[] = {"next_cursor", "complete", "total", "total_exact"};
    for (size_t i = 0; i < array_len(keys); i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

/* A page: one list, and perhaps the cursor of the next one, how many there are in all, or whether
 * it is complete. */
static yyjson_val *output_page_rows(yyjson_val *object)
{
    size_t i, n;
    yyjson_val *key, *value, *rows = NULL;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (output_is_table(value) && rows == NULL)
            rows = value;
        else if (!output_is_of_page(yyjson_get_str(key)))
            return NULL;
    }
    return rows;
}

void payctl_print_total(FILE *to, const char *total, bool exact)
{
    fprintf(to, "\n%s%s in all\n", exact ? "" : "at least ", total);
}

static void output_print_people(const struct payctl *p, yyjson_val *object)
{
    yyjson_val *rows = output_page_rows(object);
    if (rows == NULL) {
        payctl_print_lines(object, 0);
        payctl_print_tables(p, object, 0);
        return;
    }
    output_print_table(p, rows, 0);
    const char *next = yyjson_get_str(yyjson_obj_get(object, "next_cursor"));
    const char *total = yyjson_get_raw(yyjson_obj_get(object, "total"));
    if (total != NULL)
        payctl_print_total(stdout, total, yyjson_is_true(yyjson_obj_get(object, "total_exact")));
    if (next != NULL)
        printf("\nmore: --cursor %s\n", next);
    if (yyjson_is_false(yyjson_obj_get(object, "complete")))
        printf("\nthere are more\n");
}

void payctl_print(struct payctl *p, const struct json_type *type, const void *message)
{
    struct json_writer w;
    json_writer_init(&w, TEXT_MAX);
    type->write(&w, message);
    check(!w.failed);
    if (p->args.json) {
        payctl_print_json(&w);
    } else if (type->count == 0) {
        printf("done\n");
    } else {
        yyjson_doc *doc = yyjson_read(w.data, w.len, YYJSON_READ_NUMBER_AS_RAW);
        check(doc != NULL);
        output_print_people(p, yyjson_doc_get_root(doc));
        yyjson_doc_free(doc);
    }
    json_writer_done(&w);
}
