/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on pthreads and Linux: nice values and processors are per thread there. */
#include "runtime/actor/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

void thread_init(struct thread *t, const char *name, void (*run)(void *context), void *context)
{
    *t = (struct thread){.cpu = -1, .run = run, .context = context};
    snprintf(t->name, sizeof t->name, "%s", name);
}

static void *thread_main(void *argument)
{
    struct thread *t = argument;
    (void)pthread_setname_np(pthread_self(), t->name);
    if (t->nice != 0)
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), t->nice);
    if (t->cpu >= 0 && t->cpu < CPU_SETSIZE) {
        cpu_set_t cpus;
        CPU_ZERO(&cpus);
        CPU_SET((size_t)t->cpu, &cpus);
        (void)pthread_setaffinity_np(pthread_self(), sizeof cpus, &cpus);
    }
    t->run(t->context);
    return NULL;
}

enum err thread_start(struct thread *t)
{
    /* The new thread inherits the mask. Faults of the thread itself stay deliverable. */
    static const int own_faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked, before;
    sigfillset(&blocked);
    for (size_t i = 0; i < array_len(own_faults); i++)
        sigdelset(&blocked, own_faults[i]);
    check(pthread_sigmask(SIG_SETMASK, &blocked, &before) == 0);
    int refused = pthread_create(&t->id, NULL, thread_main, t);
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return refused == 0 ? ERR_OK : ERR_NO_MEMORY;
}

void thread_join(struct thread *t)
{
    check(pthread_join(t->id, NULL) == 0);
}
