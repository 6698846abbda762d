/* SPDX-License-Identifier: Apache-2.0 */
/* Worker: one thread that runs blocking jobs (struct work, runtime/base/env.h) one after another,
 * in the order they were posted, whoever posted them. A job that has run travels as mail to the
 * loop it came from, which calls its done(); jobs of one loop are done in the order they ran.
 *
 * The queue has no bound of its own: each job is embedded in something that exists anyway (a
 * journal has two appends, a projector one step), and is under way at most once. So the memory is
 * its owner's, and nothing is allocated or refused here. */
#ifndef NODE_WORKER_H
#define NODE_WORKER_H

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/node/thread.h"

/* *ret untouched on failure. */
must_check enum err worker_start(const char *name, enum urgency urgency, struct worker **ret);

/* Any thread; env_work() ends here, and has set env of each job and where its mail is delivered.
 * From now on they are the worker's, and the loop's once they have run, until done() gives them
 * back; run() touches nothing that the loop may touch meanwhile. */
void worker_post(struct worker *l, struct fifo *jobs);

/* Runs what was posted, ends the thread and frees the worker. Nobody may post any more. Finished
 * jobs may still lie in their loops' inboxes, so the loops are freed after it (loop_free() delivers
 * them). Any thread but the worker's own. Takes NULL, returns NULL. */
struct worker *worker_stop(struct worker *l);

#endif
