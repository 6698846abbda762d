/* SPDX-License-Identifier: Apache-2.0 */
/* Threads on pthreads and Linux, where nice values, slices and processors belong to a thread and
 * not to the process; each thread sets them for itself before its work. A failure there is ignored:
 * the work does not depend on them. Signals are blocked around pthread_create() rather than in the
 * new thread, so that none can arrive before its first instruction. */
#include "runtime/node/thread.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

void thread_init(struct thread *t, const char *name, void (*run)(void *context), void *context)
{
    *t = (struct thread){.cpu = -1, .run = run, .context = context};
    snprintf(t->name, sizeof t->name, "%s", name);
}

/* What sched_setattr(2) reads; the C library declares it only since glibc 2.41. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime; /* since Linux 6.12, of a usual thread: its slice in ns */
    uint64_t deadline, period;
};

/* The scheduler lets a thread that wants short slices run sooner when it wakes; without that it
 * would let the running threads end their slices first, which takes longer than an fsync. */
static void thread_ask_short_slices(void)
{
    struct attributes a = {.size = sizeof a};
    if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) != 0 || a.policy != SCHED_OTHER)
        return;
    a.runtime = THREAD_SLICE_NS;
    (void)syscall(SYS_sched_setattr, 0, &a, 0);
}

static void *thread_main(void *argument)
{
    struct thread *t = argument;
    (void)pthread_setname_np(pthread_self(), t->name);
    if (t->urgency == URGENCY_LOW)
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(),
                          getpriority(PRIO_PROCESS, 0) + THREAD_LOW_NICE);
    else if (t->urgency == URGENCY_HIGH)
        thread_ask_short_slices();
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
