/* SPDX-License-Identifier: Apache-2.0 */
/* One page of keys is one job of the worker; the keys of a page go into the filter back on the
 * loop. A page that ends while the shard recovers is dropped, for the recovery fills the tables on
 * its own thread; the filling then begins at the front. */
#include "runtime/shard/filter_fill.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"

#define FILTER_FILL_PAGE 20000 /* keys */

static void filter_fill_keep(void *context, struct id128 key)
{
    struct filter_fill *f = context;
    check(f->count < FILTER_FILL_PAGE);
    f->keys[f->count++] = key;
}

static void filter_fill_run(struct work *w)
{
    struct filter_fill *f = container_of(w, struct filter_fill, work);
    check(f->busy);
    const struct key_space space = {f->number, KEY_KIND_REQUEST};
    f->count = 0;
    f->result = f->store->ops->keys_walk(f->store, space, &f->cursor, FILTER_FILL_PAGE,
                                         filter_fill_keep, f);
}

static void filter_fill_next(struct filter_fill *f)
{
    check(!f->busy);
    f->busy = true;
    env_work(f->env, f->worker, &f->work);
}

static void filter_fill_end(struct work *w)
{
    struct filter_fill *f = container_of(w, struct filter_fill, work);
    check(f->count <= FILTER_FILL_PAGE);
    check(f->busy);
    f->busy = false;
    if (!*f->running) {
        /* A recovery may be filling the filter on its worker: from the front when it is through. */
        f->cursor = (struct key_cursor){.begun = false};
        return;
    }
    for (size_t i = 0; i < f->count; i++)
        filter_add(&f->table->filter, f->keys[i]);
    if (f->result == ERR_CORRUPT)
        f->store->ops->damaged(f->store);
    if (f->result != ERR_OK)
        return; /* look-ups go on asking the views */
    if (f->cursor.ended)
        f->table->filter_complete = true;
    else
        filter_fill_next(f);
}

void filter_fill_init(struct filter_fill *f, const struct filter_fill *uses)
{
    check(uses->env != NULL);
    check(uses->store != NULL);
    check(uses->table != NULL);
    check(uses->running != NULL);
    *f = *uses;
}

void filter_fill_start(struct filter_fill *f)
{
    check(*f->running);
    if (f->busy || f->table->filter_complete)
        return;
    if (f->keys == NULL)
        f->keys = memory_take(FILTER_FILL_PAGE * sizeof *f->keys);
    f->work.run = filter_fill_run;
    f->work.done = filter_fill_end;
    filter_fill_next(f);
}

void filter_fill_done(struct filter_fill *f)
{
    check(!f->busy);
    free(f->keys);
}
