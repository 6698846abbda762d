/* SPDX-License-Identifier: Apache-2.0 */
/* A list's pages, one after another, each asked for with the cursor of the one before and printed
 * before the next: as many rows as there are take no more memory than one page. As JSON all pages
 * make one document; as CSV (RFC 4180, lines end in LF) there is one header, with every column that
 * a row can have. A text that a spreadsheet would take for a formula has a ' in front of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "bin/escape.h"
#include "bin/payctl/payctl.h"
#include "bin/payctl/payctl_fit.h"

#define TEXT_MAX ((size_t)64 << 20)
#define CURSOR_MAX 128 /* characters of a cursor, with NUL */
#define TOTAL_MAX 24

struct pages {
    struct payctl *p;
    const struct command *spec;
    uint64_t count;          /* printed */
    char cursor[CURSOR_MAX]; /* of the next page; "" = there is none */
    char total[TOTAL_MAX];   /* if it was asked for, as the first page says it; "" = it was not */
    bool total_exact;
};

/* --- CSV -------------------------------------------------------------------------------------- */

static bool pages_is_number(const char *text)
{
    return strspn(text, "0123456789.-") == strlen(text);
}

static void pages_put_cell(const char *text)
{
    bool formula = text[0] != '\0' && strchr("=+-@", text[0]) != NULL && !pages_is_number(text);
    bool quoted = formula || strpbrk(text, ",\" ") != NULL;
    if (quoted)
        putchar('"');
    if (formula)
        putchar('\'');
    for (; *text != '\0'; text++) {
        if (*text == '"')
            putchar('"');
        putchar(*text);
    }
    if (quoted)
        putchar('"');
}

static void pages_put_csv_row(const struct json_type *row, yyjson_val *object)
{
    for (uint32_t i = 0; i < row->count; i++) {
        char cell[FIT_CELL_MAX] = "";
        if (i > 0)
            putchar(',');
        if (object == NULL) {
            pages_put_cell(row->fields[i]);
            continue;
        }
        payctl_format_cell(yyjson_obj_get(object, row->fields[i]), cell);
        pages_put_cell(cell);
    }
    putchar('\n');
}

/* --- pages ------------------------------------------------------------------------------------ */

static void pages_put_json_rows(const struct pages *l, yyjson_val *rows)
{
    size_t i, n;
    yyjson_val *row;
    yyjson_arr_foreach(rows, i, n, row)
    {
        char *text = yyjson_val_write(row, YYJSON_WRITE_NOFLAG, NULL);
        check(text != NULL);
        printf("%s", l->count > 0 || i > 0 ? "," : "");
        escape_put(stdout, slice_of(text));
        free(text);
    }
}

static void pages_put_page(const struct pages *l, yyjson_val *rows)
{
    size_t i, n;
    yyjson_val *row;
    if (l->p->args.json) {
        pages_put_json_rows(l, rows);
        return;
    }
    if (!l->p->args.csv) {
        if (l->count == 0 || yyjson_arr_size(rows) > 0)
            payctl_print_rows(l->p, rows);
        return;
    }
    yyjson_arr_foreach(rows, i, n, row)
    {
        pages_put_csv_row(l->spec->row_json, row);
    }
}

static void pages_begin(const struct pages *l)
{
    if (l->p->args.json)
        printf("{\"%s\":[", l->spec->list);
    else if (l->p->args.csv)
        pages_put_csv_row(l->spec->row_json, NULL);
}

static void pages_take_total(struct pages *l, yyjson_val *root)
{
    const char *total = yyjson_get_raw(yyjson_obj_get(root, "total"));
    if (total != NULL)
        snprintf(l->total, sizeof l->total, "%s", total);
    l->total_exact = yyjson_is_true(yyjson_obj_get(root, "total_exact"));
}

/* The rows of CSV are for programs: there it is said beside them. */
static void pages_put_total(const struct pages *l)
{
    if (l->total[0] == '\0')
        return;
    if (l->p->args.json)
        printf(",\"total\":%s,\"total_exact\":%s", l->total, l->total_exact ? "true" : "false");
    else
        payctl_print_total(l->p->args.csv ? stderr : stdout, l->total, l->total_exact);
}

static void pages_take_page(struct pages *l, const void *answer)
{
    struct json_writer w;
    json_writer_init(&w, TEXT_MAX);
    l->spec->reply_json->write(&w, answer);
    check(!w.failed);
    yyjson_doc *doc = yyjson_read(w.data, w.len, YYJSON_READ_NUMBER_AS_RAW);
    check(doc != NULL);
    yyjson_val *root = yyjson_doc_get_root(doc);
    const char *next = yyjson_get_str(yyjson_obj_get(root, "next_cursor"));
    if (l->count == 0) {
        pages_begin(l);
        pages_take_total(l, root);
    }
    pages_put_page(l, yyjson_obj_get(root, l->spec->list));
    l->count++;
    snprintf(l->cursor, sizeof l->cursor, "%s", next != NULL ? next : "");
    yyjson_doc_free(doc);
    json_writer_done(&w);
}

static int pages_ask(struct pages *l)
{
    struct payctl *p = l->p;
    void *body = arena_alloc(&p->arena, l->spec->message->size);
    void *answer = arena_alloc(&p->arena, l->spec->reply->size);
    check(body != NULL && answer != NULL);
    memset(body, 0, l->spec->message->size);
    int code = payctl_read_options(p, l->spec->request, body);
    if (code == PAYCTL_OK)
        code = payctl_ask_for(p, l->spec->message, body, l->spec->reply, answer);
    if (code == PAYCTL_OK)
        pages_take_page(l, answer);
    arena_reset(&p->arena);
    return code;
}

static void pages_go_on(struct pages *l)
{
    for (uint32_t i = 0; i < l->spec->option_count; i++)
        if (strcmp(l->spec->options[i].name, "cursor") == 0)
            l->p->args.values[i] = l->cursor;
}

int payctl_pages(struct payctl *p)
{
    struct pages l = {.p = p, .spec = &p->args.command->spec};
    int code;
    do {
        code = pages_ask(&l);
        pages_go_on(&l);
    } while (code == PAYCTL_OK && p->args.all && l.cursor[0] != '\0');
    if (code == PAYCTL_OK && p->args.json)
        putchar(']');
    if (code == PAYCTL_OK)
        pages_put_total(&l);
    if (code == PAYCTL_OK && p->args.json)
        printf("}\n");
    else if (code == PAYCTL_OK && !p->args.all && l.cursor[0] != '\0')
        fprintf(stderr, "payctl: there are more: --all, or --cursor %s\n", l.cursor);
    return code;
}
