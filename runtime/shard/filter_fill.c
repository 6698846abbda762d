/* SPDX-License-Identifier: Apache-2.0 */
/* Filter fill: after a start the filter over idempotency keys is empty, so every new key would need
 * a look into the views. This fills it from them, page by page on the read worker; until it is
 * complete the look-ups are made. */
#include <stdlib.h>

#include "runtime/dedup/key_run.h"
#include "runtime/shard/shard_priv.h"

#define FILTER_FILL_CHUNKS 250
#define FILTER_FILL_PAGE (FILTER_FILL_CHUNKS * KEY_CHUNK_ENTRIES)

/* Runs are merged meanwhile, but only into newer ones, which come later; some keys come twice. */
static bool keep_keys(void *context, const struct value *row)
{
    struct shard *s = context;
    struct key_entry entries[KEY_CHUNK_ENTRIES];
    uint32_t count;
    if (!key_chunk_read(row, entries, &count)) {
        s->filter_fill.result = ERR_CORRUPT;
        return false;
    }
    s->filter_fill.after[0] = row[KEY_CHUNK_RUN];
    s->filter_fill.after[1] = row[KEY_CHUNK_FIRST];
    for (uint32_t i = 0; i < count; i++)
        s->filter_fill.keys[s->filter_fill.count++] = entries[i].key;
    s->filter_fill.chunks++;
    return true;
}

static void page_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, filter_fill.work);
    struct store *store = s->options.store;
    struct value prefix[] = {{.type = VALUE_UINT, .number = s->options.number},
                             {.type = VALUE_UINT, .number = KEY_KIND_REQUEST}};
    struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = s->filter_fill.started ? s->filter_fill.after : NULL,
        .from_count = s->filter_fill.started ? array_len(s->filter_fill.after) : 0,
        .limit = FILTER_FILL_CHUNKS,
    };
    s->filter_fill.count = s->filter_fill.chunks = 0;
    s->filter_fill.result = ERR_OK;
    enum err e = store->ops->scan(store, &q, keep_keys, s);
    if (e != ERR_OK)
        s->filter_fill.result = e;
    s->filter_fill.started = true;
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
        s->filter_fill.started = false;
        return;
    }
    for (size_t i = 0; i < s->filter_fill.count; i++)
        filter_add(&s->keys.filter, s->filter_fill.keys[i]);
    if (s->filter_fill.result == ERR_CORRUPT)
        s->options.store->ops->views_damaged(s->options.store);
    if (s->filter_fill.result != ERR_OK)
        return; /* look-ups go on asking the views */
    if (s->filter_fill.chunks < FILTER_FILL_CHUNKS)
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
