/* SPDX-License-Identifier: Apache-2.0 */
/* Loop: one scheduler thread, and the real world of the actors pinned to it: libuv's loop, clocks,
 * random numbers, alarms, blocking work, mail from other threads.
 *
 *     poll I/O ──▶ deliver mail ──▶ passes (turns) ──▶ after-passes (answers) ───────┐
 *         ▲         blocks in poll only while no pass has work left                  │
 *         └──────────────────────────────────────────────────────────────────────────┘
 *
 * Jobs for workers that mail and passes of a round want leave together, before the after-passes:
 * the journal worker commits what all shards wrote while the answers before that are given. */
#ifndef NODE_LOOP_H
#define NODE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/base/inbox_item.h"
#include "runtime/base/list.h"

#define LOOP_PASS_NS 500000u /* what one pass may use before I/O is polled again */

struct loop;
struct uv_loop_s;

struct loop_options {
    const char *name; /* of the thread that loop_start() makes */
    int cpu;          /* where that thread stays, -1 = anywhere */
    struct log *log;  /* becomes env.log; outlives the loop; NULL = silent */
};

/* Something that wants to run in every turn of the loop; embedded by its owner. */
struct loop_hook {
    struct list link;
    bool (*run)(struct loop_hook *h); /* loop's thread; true: work is left, do not block in poll */
};

/* ERR_IO: no descriptors left; *ret untouched then. */
must_check enum err loop_new(const struct loop_options *options, struct loop **ret);
/* Not running, no work under way, foreign libuv handles closed. Delivers mail that still lies
 * there. Takes NULL, returns NULL. */
struct loop *loop_free(struct loop *l);

/* Runs on the caller's thread until loop_stop(). A loop runs once in its life. */
void loop_run(struct loop *l);
/* The same on a thread of its own, until loop_stop(); then loop_join(). */
must_check enum err loop_start(struct loop *l);
void loop_join(struct loop *l);
/* Any thread, any number of times: ends loop_run() after the current round. */
void loop_stop(struct loop *l);

/* The loop's thread, or any before it runs. */
struct env *loop_env(struct loop *l);
struct uv_loop_s *loop_uv(struct loop *l);
void loop_add_pass(struct loop *l, struct loop_hook *h);
void loop_add_after_pass(struct loop *l, struct loop_hook *h);
void loop_remove_hook(struct loop_hook *h);

/* Any thread: item->deliver(item) runs soon on the loop's thread, in the order of one sender. The
 * loop must not have been freed. */
void loop_mail(struct loop *l, struct inbox_item *item);

#endif
