/* SPDX-License-Identifier: Apache-2.0 */
/* Filter fill: after a start the filter over idempotency keys is empty, so every new key would need
 * a look into the views. This fills it from them, page by page on the read worker; until it is
 * complete the look-ups are made. */
#include <stdlib.h>

#include "runtime/shard/shard_priv.h"

#define FILTER_FILL_PAGE 20000 /* keys */

static void keep_key(void *context, struct id128 key)
{
    struct shard *s = context;
    check(s->filter_fill.count < FILTER_FILL_PAGE);
    s->filter_fill.keys[s->filter_fill.count++] = key;
}

static void page_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, filter_fill.work);
    struct view_store *store = s->options.view_store;
    const struct key_space space = {s->options.number, KEY_KIND_REQUEST};
    s->filter_fill.count = 0;
    s->filter_fill.result = store->ops->keys_walk(store, space, &s->filter_fill.cursor,
                                                  FILTER_FILL_PAGE, keep_key, s);
}

static void next_page(struct shard *s)
{
    s->filter_fill.busy = true;
    env_work(s->env, s->options.read_worker, &s->filter_fill.work);
}

static void page_done(struct work *w)
{
    struct shard *s = container_of(w, struct shard, filter_fill.work);
    s->filter_fill.busy = false;
    if (s->state != SHARD_RUNNING) {
        /* A recovery may be filling the filter on its worker: from the front when it is through. */
        s->filter_fill.cursor = (struct key_cursor){.begun = false};
        return;
    }
    for (size_t i = 0; i < s->filter_fill.count; i++)
        filter_add(&s->keys.filter, s->filter_fill.keys[i]);
    if (s->filter_fill.result == ERR_CORRUPT)
        s->options.view_store->ops->damaged(s->options.view_store);
    if (s->filter_fill.result != ERR_OK)
        return; /* look-ups go on asking the views */
    if (s->filter_fill.cursor.ended)
        s->keys.filter_complete = true;
    else
        next_page(s);
}

void filter_fill_start(struct shard *s)
{
    if (s->filter_fill.busy || s->keys.filter_complete)
        return;
    if (s->filter_fill.keys == NULL)
        s->filter_fill.keys = malloc(FILTER_FILL_PAGE * sizeof *s->filter_fill.keys);
    check(s->filter_fill.keys != NULL);
    s->filter_fill.work.run = page_run;
    s->filter_fill.work.done = page_done;
    next_page(s);
}

void filter_fill_done(struct shard *s)
{
    free(s->filter_fill.keys);
}
