/* SPDX-License-Identifier: Apache-2.0 */
/* Inbox: what other threads send to one thread. Any thread pushes, lock-free; one thread takes all
 * that is there at once. Items of one sender arrive in the order it sent them. Does not
 * allocate, own or wake: whoever pushes wakes the receiver if it must (runtime/node/loop.c). */
#ifndef NODE_INBOX_H
#define NODE_INBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/check.h"
#include "runtime/base/inbox_item.h"

struct inbox {
    _Atomic(struct inbox_item *) newest; /* chain to the oldest */
};

void inbox_init(struct inbox *i);

/* Any thread. True if the inbox was empty: then the receiver must be woken. All the sender wrote
 * before is visible to deliver(). */
must_check bool inbox_push(struct inbox *i, struct inbox_item *item);

/* Receiver only. Everything that is there, as a chain, oldest first; NULL if nothing. */
must_check struct inbox_item *inbox_take(struct inbox *i);

/* Receiver only. Takes and delivers everything that is there now; returns how many. */
size_t inbox_deliver(struct inbox *i);

#endif
