/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: one thread that runs blocking jobs (struct work, runtime/base/env.h) one after another,
 * in the order they came. A finished job goes home to the loop it came from. The queue has no bound
 * of its own: every owner of a work has it under way at most once. */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/node/thread.h"

/* *ret untouched on failure. */
must_check enum err worker_start(const char *name, enum urgency urgency, struct worker **ret);

/* Any thread; used by the loop's env. w->env is the env of a struct loop. */
void worker_post(struct worker *l, struct work *w);

/* Runs what was posted, ends the thread and frees the worker. Nobody may post any more; finished
 * jobs may still lie in their loops' inboxes. Takes NULL, returns NULL. */
struct worker *worker_stop(struct worker *l);

#endif
