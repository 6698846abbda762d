/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering: after a start the filter over idempotency keys is empty, so every new key would need
 * a look into the views. This fills it from them, page by page on the read lane; until it is
 * complete the look-ups are made. */
#include <stdlib.h>

#include "runtime/actor/shard_priv.h"
#include "runtime/journal/outcome_view.h"

#define REMEMBERING_PAGE 20000

static bool keep_key(void *context, const struct value *row)
{
    struct shard *s = context;
    s->remembering.after = row[OUTCOME_KEY].id;
    s->remembering.keys[s->remembering.count++] = row[OUTCOME_KEY].id;
    return true;
}

static void page_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, remembering.work);
    struct store *store = s->options.store;
    struct value shard = {.type = VALUE_UINT, .number = s->options.number};
    struct value from = {.type = VALUE_ID, .id = s->remembering.after};
    struct view_scan q = {
        .table = &outcomes_view,
        .index = &outcomes_view.key,
        .prefix = &shard,
        .prefix_count = 1,
        .from = s->remembering.started ? &from : NULL,
        .from_count = s->remembering.started ? 1 : 0,
        .limit = REMEMBERING_PAGE,
    };
    s->remembering.count = 0;
    s->remembering.result = store->ops->scan(store, &q, keep_key, s);
    s->remembering.started = true;
}

static void next_page(struct shard *s)
{
    s->remembering.busy = true;
    env_work(s->env, s->options.read_lane, &s->remembering.work);
}

static void page_done(struct work *w)
{
    struct shard *s = container_of(w, struct shard, remembering.work);
    s->remembering.busy = false;
    if (s->state != SHARD_RUNNING) {
        /* A recovery may be filling the filter on its lane: from the front when it is through. */
        s->remembering.started = false;
        return;
    }
    for (size_t i = 0; i < s->remembering.count; i++)
        filter_add(&s->keys.filter, s->remembering.keys[i]);
    if (s->remembering.result != ERR_OK)
        return; /* look-ups go on asking the views */
    if (s->remembering.count < REMEMBERING_PAGE)
        s->keys.filter_complete = true;
    else
        next_page(s);
}

void remembering_start(struct shard *s)
{
    if (s->remembering.busy || s->keys.filter_complete)
        return;
    if (s->remembering.keys == NULL)
        s->remembering.keys = malloc(REMEMBERING_PAGE * sizeof *s->remembering.keys);
    check(s->remembering.keys != NULL);
    s->remembering.work.run = page_run;
    s->remembering.work.done = page_done;
    next_page(s);
}

void remembering_done(struct shard *s)
{
    free(s->remembering.keys);
}
