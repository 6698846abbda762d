/* SPDX-License-Identifier: Apache-2.0 */
/* Thread: a named thread of the process, with its own priority and processor if asked. It takes no
 * signals: those are for the main thread. */
#ifndef ACTOR_THREAD_H
#define ACTOR_THREAD_H

#include <pthread.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"

#define THREAD_NAME_MAX 15 /* bytes shown by ps and debuggers; longer names are cut */

/* Embedded by the owner, untouched from start to join. */
struct thread {
    pthread_t id;
    char name[THREAD_NAME_MAX + 1];
    int nice;                /* 0 = like the process, 1 .. 19 = gives way to others */
    int cpu;                 /* where it stays, -1 = anywhere */
    void (*run)(void *context);
    void *context;
};

void thread_init(struct thread *t, const char *name, void (*run)(void *context), void *context);

/* ERR_NO_MEMORY if the system has no thread left. Priority and processor are wishes: without the
 * right or the processor the thread runs as usual. */
must_check enum err thread_start(struct thread *t);
void thread_join(struct thread *t);

#endif
