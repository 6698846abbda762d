/* SPDX-License-Identifier: Apache-2.0 */
/* Each append is a job of its own at the worker, so that it comes home to its loop like any other.
 * The first that runs takes all that wait (group commit without a timer); the jobs of the others
 * then find theirs done and only go home. Those that come while a transaction runs wait for the
 * next. So a transaction grows with the load, and no shard waits for more than one that had begun
 * before and its own. */
#include "runtime/journal/committer.h"

#include "runtime/base/check.h"
#include "runtime/base/mutant.h"

void committer_init(struct committer *c, struct worker *worker, struct journal_store *store)
{
    check(worker != NULL && store != NULL);
    *c = (struct committer){.worker = worker, .store = store};
    check(pthread_mutex_init(&c->lock, NULL) == 0);
    fifo_init(&c->waiting);
}

void committer_done(struct committer *c)
{
    pthread_mutex_destroy(&c->lock);
}

static struct append *committer_next(struct committer *c)
{
    check(pthread_mutex_lock(&c->lock) == 0);
    struct fifo_link *link = fifo_pop(&c->waiting);
    check(pthread_mutex_unlock(&c->lock) == 0);
    return link != NULL ? container_of(link, struct append, link) : NULL;
}

static void committer_add(struct committer *c, struct append *a)
{
    check(!a->taken);
    a->taken = true;
    a->take(a);
    check(a->count <= APPEND_BATCHES);
    if (a->count == 0)
        return;
    for (uint32_t i = 0; i < a->count; i++)
        c->transaction.bytes += a->rows[i].body.len;
    uint32_t at = c->transaction.count++;
    c->transaction.runs[at] = (struct batch_run){.rows = a->rows, .count = a->count};
    c->transaction.appends[at] = a;
}

static void committer_end(struct committer *c, uint64_t took_ns)
{
    for (uint32_t i = 0; i < c->transaction.count; i++) {
        struct append *a = c->transaction.appends[i];
        a->result = c->transaction.runs[i].result;
        if (MUTANT(UNKNOWN_IS_SUCCESS) && a->result == ERR_UNKNOWN)
            a->result = ERR_OK;
        a->took_ns = took_ns;
        a->ended(a);
    }
}

static void committer_commit(struct committer *c, struct env *env)
{
    struct append *a;
    uint64_t started_ns = env_mono_ns(env);
    c->transaction.count = 0;
    c->transaction.bytes = 0;
    while (c->transaction.count < COMMITTER_APPENDS_MAX && c->transaction.bytes < COMMITTER_BYTES &&
           (a = committer_next(c)) != NULL)
        committer_add(c, a);
    atomic_store_explicit(&c->busy, true, memory_order_relaxed);
    if (c->transaction.count > 0)
        c->store->ops->append(c->store, c->transaction.runs, c->transaction.count);
    atomic_store_explicit(&c->busy, false, memory_order_relaxed);
    committer_end(c, env_mono_ns(env) - started_ns);
}

static void committer_run(struct work *w)
{
    struct append *a = container_of(w, struct append, work);
    while (!a->taken)
        committer_commit(a->committer, a->env);
}

void committer_post(struct committer *c, struct env *env, struct append *a)
{
    check(a->take != NULL && a->ended != NULL && a->work.done != NULL);
    a->work.run = committer_run;
    a->committer = c;
    a->env = env;
    a->count = 0;
    a->taken = false;
    check(pthread_mutex_lock(&c->lock) == 0);
    fifo_push(&c->waiting, &a->link);
    check(pthread_mutex_unlock(&c->lock) == 0);
    env_work(env, c->worker, &a->work);
}
