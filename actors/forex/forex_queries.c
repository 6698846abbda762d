/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/forex/forex_queries.h"

#include "actors/common/page.h"
#include "actors/forex/pair.h"
#include "schemas/result.h"

struct history_scan {
    struct page page;
    struct rate_observation *rows;
    bool damaged;
};

static bool history_take(void *context, const struct value *values)
{
    struct history_scan *scan = context;
    struct rate_changes_row row;
    if (!rate_changes_row_from_values(values, &row)) {
        scan->damaged = true;
        return false;
    }
    if (!page_next(&scan->page, (struct value){.type = VALUE_UINT, .number = row.version}))
        return false;
    struct arena *arena = &scan->page.arena;
    scan->rows[scan->page.count++] = (struct rate_observation){
        .version = row.version,
        .change = row.change,
        .has_rate = row.digits != 0,
        .rate = {row.digits, row.scale},
        .has_source = row.has_source,
        .source = arena_copy(arena, row.source),
        .manual = row.manual,
        .has_observed_at = row.has_observed_at,
        .observed_at = row.observed_at,
        .recorded_at = row.recorded_at,
        .has_note = row.has_note,
        .note = arena_copy(arena, row.note),
    };
    return true;
}

static uint16_t history_scan(struct view_store *s, const struct message *m, struct pair_name name,
                             struct history_scan *scan)
{
    const struct rate_history_list *asked = m->body;
    const struct value prefix[] = {{.type = VALUE_UINT, .number = name.from},
                                   {.type = VALUE_UINT, .number = name.to}};
    uint16_t code = page_init(&scan->page, m, PAGE_RATES, VALUE_UINT, asked->has_limit,
                              asked->limit, asked->has_cursor, asked->cursor);
    if (code != RESULT_OK)
        return code;
    scan->rows = arena_alloc(&scan->page.arena, scan->page.limit * sizeof *scan->rows);
    if (scan->rows == NULL)
        return RESULT_TOO_LARGE;
    struct view_scan view =
        page_scan(&scan->page, &rate_changes_view, &rate_changes_view.key, prefix, 2);
    view.descending = true;
    enum err e = views_scan(s, &view, history_take, scan);
    if (e != ERR_OK)
        return page_failed(e);
    if (scan->page.arena.failed)
        return RESULT_TOO_LARGE;
    return scan->damaged ? RESULT_CORRUPT : RESULT_OK;
}

uint16_t forex_query_history(struct view_store *s, const struct message *m,
                             struct wire_writer *reply, uint16_t *reply_type)
{
    const struct rate_history_list *asked = m->body;
    struct history_scan scan = {0};
    struct pair_name name;
    uint16_t code = pair_of_codes(asked->from_currency, asked->to_currency, &name);
    if (code != RESULT_OK)
        return code;
    code = history_scan(s, m, name, &scan);
    if (code == RESULT_OK) {
        struct rate_history page = {.observations = scan.rows,
                                    .observations_count = scan.page.count};
        page.has_next_cursor = page_cursor(&scan.page, &page.next_cursor);
        rate_history_write(reply, &page);
        *reply_type = RATE_HISTORY_NUMBER;
    }
    page_done(&scan.page);
    return code;
}
