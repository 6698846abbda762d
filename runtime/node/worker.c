/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's thread takes all that waits under the lock and runs it without: a post never waits
 * for a job. Only the post that finds the queue empty wakes the thread. */
#include "runtime/node/worker.h"

#include <pthread.h>
#include <stdlib.h>

#include "runtime/base/memory.h"
#include "runtime/node/thread.h"

struct worker {
    struct thread thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t more;
    struct fifo queue; /* struct work, oldest first */
    bool stopping;
};

/* Waits for jobs; an empty result means the worker stops. */
static struct fifo worker_take_all(struct worker *l)
{
    check(pthread_mutex_lock(&l->lock) == 0);
    while (fifo_empty(&l->queue) && !l->stopping)
        check(pthread_cond_wait(&l->more, &l->lock) == 0);
    struct fifo taken = l->queue;
    fifo_init(&l->queue);
    check(pthread_mutex_unlock(&l->lock) == 0);
    return taken;
}

static void worker_main(void *context)
{
    struct worker *l = context;
    for (;;) {
        struct fifo jobs = worker_take_all(l);
        if (fifo_empty(&jobs))
            return;
        struct fifo_link *link;
        while ((link = fifo_pop(&jobs)) != NULL) {
            struct work *w = container_of(link, struct work, link);
            w->run(w);
            env_mail(w->env, &w->mail);
        }
    }
}

enum err worker_start(const char *name, enum urgency urgency, struct worker **ret)
{
    struct worker *l = memory_take_zeroed(1, sizeof *l);
    check(pthread_mutex_init(&l->lock, NULL) == 0);
    check(pthread_cond_init(&l->more, NULL) == 0);
    fifo_init(&l->queue);
    thread_init(&l->thread, name, worker_main, l);
    l->thread.urgency = urgency;
    enum err e = thread_start(&l->thread);
    if (e != ERR_OK) {
        pthread_cond_destroy(&l->more);
        pthread_mutex_destroy(&l->lock);
        free(l);
        return e;
    }
    *ret = l;
    return ERR_OK;
}

void worker_post(struct worker *l, struct fifo *jobs)
{
    check(!fifo_empty(jobs));
    check(pthread_mutex_lock(&l->lock) == 0);
    check(!l->stopping);
    bool waiting = fifo_empty(&l->queue);
    fifo_move_all(&l->queue, jobs);
    check(pthread_mutex_unlock(&l->lock) == 0);
    if (waiting)
        check(pthread_cond_signal(&l->more) == 0);
}

struct worker *worker_stop(struct worker *l)
{
    if (l == NULL)
        return NULL;
    check(pthread_mutex_lock(&l->lock) == 0);
    l->stopping = true;
    check(pthread_mutex_unlock(&l->lock) == 0);
    check(pthread_cond_signal(&l->more) == 0);
    thread_join(&l->thread);
    check(fifo_empty(&l->queue));
    pthread_cond_destroy(&l->more);
    pthread_mutex_destroy(&l->lock);
    free(l);
    return NULL;
}
