/* SPDX-License-Identifier: Apache-2.0 */
/* Thread: a named thread of the process, with its own priority and processor if asked. It takes no
 * signals: those are for the main thread. */
#ifndef NODE_THREAD_H
#define NODE_THREAD_H

#include <pthread.h>

#include "runtime/base/check.h"
#include "runtime/base/error.h"

#define THREAD_NAME_MAX 15 /* bytes shown by ps and debuggers; longer names are cut */

#define THREAD_SLICE_NS 100000 /* of an urgent thread: the least that Linux takes */
#define THREAD_LOW_NICE 5      /* added to the nice value of the process */

enum urgency {
    URGENCY_USUAL,
    URGENCY_HIGH, /* works in short pieces, and others wait for each */
    URGENCY_LOW,  /* gives way to others */
};

/* Embedded by the owner, untouched from start to join. */
struct thread {
    pthread_t id;
    char name[THREAD_NAME_MAX + 1];
    enum urgency urgency;
    int cpu;                 /* where it stays, -1 = anywhere */
    void (*run)(void *context);
    void *context;
};

void thread_init(struct thread *t, const char *name, void (*run)(void *context), void *context);

/* ERR_NO_MEMORY if the system has no thread left. Urgency and processor are wishes: without the
 * right or the processor the thread runs as usual. */
must_check enum err thread_start(struct thread *t);
void thread_join(struct thread *t);

#endif
