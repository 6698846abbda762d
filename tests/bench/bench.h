/* SPDX-License-Identifier: Apache-2.0 */
/* Bench: what the benchmarks inside one process share: a node with one loop and one shard on the
 * embedded store (synchronous=FULL), in a fresh directory below the current one, and the line that
 * is printed. All of it runs on the thread of loop 0, which is the one that called bench_run(). */
#ifndef TESTS_BENCH_H
#define TESTS_BENCH_H

#include <limits.h>
#include <stdint.h>

#include "runtime/base/inbox_item.h"
#include "runtime/node/node.h"

struct bench {
    const struct service *service;
    size_t resident_max;
    void (*start)(struct bench *b); /* posts the first messages; ends in bench_finish() */

    char directory[PATH_MAX];
    struct domain domain;
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct node *node;
    struct inbox_item begin;
    struct alarm alarm;
    void (*projected)(struct bench *b);
};

/* Makes the node, calls start() on its loop, runs until bench_finish() and removes everything. */
void bench_run(struct bench *b);
void bench_finish(struct bench *b);

/* Calls projected() when the views have all that is committed: the projector is idle then. */
void bench_when_projected(struct bench *b, void (*projected)(struct bench *b));

/* An initialised message for this body, asked by an operator; done() gets it back. */
struct message bench_message(const struct message_type *type, const void *body,
                             message_done_cb done);
void bench_post(struct bench *b, struct message *m);

uint64_t bench_now_ns(void);       /* monotonic */
uint64_t bench_processor_ns(void); /* used by this thread */
uint64_t bench_resident_bytes(void);

/* Sorts. */
double bench_median(double *values, uint32_t count);

/* The begin of the line; details follow as ,"name":value and then a closing brace. */
void bench_print(const char *name, double value, const char *unit, const char *target);

#endif
