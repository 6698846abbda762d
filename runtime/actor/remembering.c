/* SPDX-License-Identifier: Apache-2.0 */
/* Remembering: after a start the filter over idempotency keys is empty, so every new key would need
 * a look into the views. This fills it from them, page by page on the read lane; until it is
 * complete the look-ups are made. */
#include <stdlib.h>

#include "runtime/actor/shard_priv.h"
#include "runtime/journal/key_run.h"

#define REMEMBERING_CHUNKS 250
#define REMEMBERING_PAGE (REMEMBERING_CHUNKS * KEY_CHUNK_ENTRIES)

/* Runs are merged meanwhile, but only into newer ones, which come later; some keys come twice. */
static bool keep_keys(void *context, const struct value *row)
{
    struct shard *s = context;
    struct key_entry entries[KEY_CHUNK_ENTRIES];
    uint32_t count;
    if (!key_chunk_read(row, entries, &count)) {
        s->remembering.result = ERR_CORRUPT;
        return false;
    }
    s->remembering.after[0] = row[KEY_CHUNK_RUN];
    s->remembering.after[1] = row[KEY_CHUNK_FIRST];
    for (uint32_t i = 0; i < count; i++)
        s->remembering.keys[s->remembering.count++] = entries[i].key;
    s->remembering.chunks++;
    return true;
}

static void page_run(struct work *w)
{
    struct shard *s = container_of(w, struct shard, remembering.work);
    struct store *store = s->options.store;
    struct value prefix[] = {{.type = VALUE_UINT, .number = s->options.number},
                             {.type = VALUE_UINT, .number = KEY_KIND_OUTCOME}};
    struct view_scan q = {
        .table = &key_chunks_view,
        .index = &key_chunks_view.key,
        .prefix = prefix,
        .prefix_count = array_len(prefix),
        .from = s->remembering.started ? s->remembering.after : NULL,
        .from_count = s->remembering.started ? array_len(s->remembering.after) : 0,
        .limit = REMEMBERING_CHUNKS,
    };
    s->remembering.count = s->remembering.chunks = 0;
    s->remembering.result = ERR_OK;
    enum err e = store->ops->scan(store, &q, keep_keys, s);
    if (e != ERR_OK)
        s->remembering.result = e;
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
    if (s->remembering.chunks < REMEMBERING_CHUNKS)
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
