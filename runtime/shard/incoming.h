/* SPDX-License-Identifier: Apache-2.0 */
/* Incoming: sends of other shards that have arrived and wait for their turn, as messages to their
 * actors. What is here is in memory alone: its sender has it in its journal until it is taken. Loop
 * thread only. */
#ifndef SHARD_INCOMING_H
#define SHARD_INCOMING_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/arena.h"
#include "runtime/base/check.h"
#include "runtime/base/list.h"
#include "runtime/sends/frame.h"

struct incoming {
    struct message message; /* its body is NULL if it cannot be read */
    struct send_origin origin;
    struct fifo_link link; /* in its stream's window, oldest first */
    struct slice encoded;  /* the body's msgpack */
    uint16_t type;         /* its number, also of one that is not known */
    size_t bytes;          /* it takes */
    bool sought;           /* its target was asked of the store */
    bool waits;            /* for a load */
    uint8_t tries;         /* loads that failed */
    uint64_t retry_ns;     /* then: its turn runs not before */
    bool refusable;        /* an operator may have it refused (actor_kind.refusable) */
    struct arena arena;    /* of the body */
};

/* The message of this number that actors of this kind handle; NULL: they do not. */
const struct message_type *incoming_type(const struct domain *domain, uint16_t kind_number,
                                         uint16_t type);
/* May an operator have it refused? type = NULL: no. */
bool incoming_refusable(const struct domain *domain, uint16_t kind_number,
                        const struct message_type *type);

/* A copy of the frame's send. */
struct incoming *incoming_new(const struct domain *domain, const struct frame *f);
void incoming_free(struct incoming *in);

/* A load for which it waits has failed: that is tried again after a pause, each time twice as long,
 * for the store may fail for long. Returns until when. */
uint64_t incoming_put_off(struct incoming *in, uint64_t now_ns);

static inline struct incoming *incoming_of(struct fifo_link *link)
{
    return container_of(link, struct incoming, link);
}

#endif
