/* SPDX-License-Identifier: Apache-2.0 */
/* The store that a query is given has no other calls than these. They call those of the store
 * beneath, a scan with a callback in between that counts each row. Once the reading is stopped
 * nothing is read any more, and whatever the query made of that is replaced by the reason. */
#include "runtime/shard/query_run.h"

#include "runtime/shard/query_count.h"

static void query_look(struct query_run *r)
{
    const struct message *m = r->message;
    r->looked_at = r->cost;
    if (atomic_load_explicit(r->ended, memory_order_relaxed))
        r->stopped = ERR_UNAVAILABLE;
    else if (message_over(m, env_mono_ns(r->env)))
        r->stopped = ERR_EXPIRED;
}

/* False: nothing more is read. */
static bool query_pay(struct query_run *r, uint64_t cost)
{
    r->cost += cost;
    if (r->stopped == ERR_OK && r->cost - r->looked_at >= QUERY_RUN_LOOK)
        query_look(r);
    return r->stopped == ERR_OK;
}

/* The query's callback and its context. */
struct query_walk {
    struct query_run *run;
    view_row_cb row;
    void *context;
};

static bool query_row(void *context, const struct value *row)
{
    struct query_walk *w = context;
    w->run->message->rows++;
    return query_pay(w->run, 1) && w->row(w->context, row);
}

static enum err query_scan(struct view_store *s, const struct view_scan *q, view_row_cb row,
                           void *context)
{
    struct query_run *r = container_of(s, struct query_run, store);
    struct query_walk walk = {r, row, context};
    if (r->stopped != ERR_OK)
        return r->stopped;
    enum err e = r->under->ops->scan(r->under, q, query_row, &walk);
    return r->stopped != ERR_OK ? r->stopped : e;
}

static enum err query_get(struct view_store *s, const struct view_table *t, const struct value *key,
                          view_row_cb row, void *context)
{
    struct query_run *r = container_of(s, struct query_run, store);
    if (!query_pay(r, QUERY_RUN_GET))
        return r->stopped;
    return r->under->ops->get(r->under, t, key, row, context);
}

static enum err query_state_load(struct view_store *s, uint16_t shard, uint16_t kind,
                                 struct id128 id, state_row_cb row, void *context)
{
    struct query_run *r = container_of(s, struct query_run, store);
    if (!query_pay(r, QUERY_RUN_GET))
        return r->stopped;
    return r->under->ops->state_load(r->under, shard, kind, id, row, context);
}

static const struct view_store_ops query_ops = {
    .scan = query_scan, .get = query_get, .state_load = query_state_load};

static void query_fail(struct message *m, uint16_t code)
{
    check(code != ERR_OK);
    m->code = code;
    m->reply_type = 0;
    wire_writer_clear(&m->reply);
}

uint64_t query_run(struct query_run *r, const struct query *query)
{
    struct message *m = r->message;
    check(query->type == m->type);
    r->store = (struct view_store){.ops = &query_ops, .name = r->under->name};
    wire_writer_clear(&m->reply);
    m->rows = 0;
    query_look(r);
    if (r->stopped == ERR_OK) {
        r->cost = r->looked_at = QUERY_RUN_BASE;
        m->code = query->run(&r->store, m, &m->reply, &m->reply_type);
        uint16_t counted =
            m->code == ERR_OK && query_count_wanted(m) ? query_count(r, query) : ERR_OK;
        if (counted != ERR_OK)
            query_fail(m, counted);
    }
    if (r->stopped != ERR_OK || m->reply.failed)
        query_fail(m, r->stopped != ERR_OK ? (uint16_t)r->stopped : ERR_TOO_LARGE);
    return r->cost;
}
