/* SPDX-License-Identifier: Apache-2.0 */
/* Batch: the records of one append in memory, from the first turn that writes into it until it is
 * durable or has failed, with the answers that wait for that. Its journal (journal.h) owns it,
 * moves it and uses it again; the turns of the shard write into the open one. Loop thread. */
#ifndef JOURNAL_BATCH_H
#define JOURNAL_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/list.h"
#include "runtime/base/sha256.h"
#include "runtime/journal/record.h"
#include "runtime/wire/writer.h"

/* Between two marks are at most so many items, and not much more than so many bytes. */
#define BATCH_MARK_ITEMS 16
#define BATCH_MARK_BYTES ((size_t)8 << 10)

/* Where it is; changes in journal.c alone (journal_move()). */
enum batch_state {
    BATCH_FREE,      /* without content: to be used again, or new */
    BATCH_OPEN,      /* turns write into it */
    BATCH_CLOSED,    /* complete, waits to be handed over */
    BATCH_IN_FLIGHT, /* the worker has it, or may have had it; may be durable already */
    BATCH_DURABLE,   /* its answers are being given */
    BATCH_RECENT,    /* durable, and kept for those who come back to what it sent */
    BATCH_FAILED,    /* the owner of the journal has it: it may be durable or not */
    BATCH_STATES,
};

/* A position in a batch from which a walk over its items can go on. */
struct batch_mark {
    struct record_reader reader; /* its position in the body is `at`: the body moves as it grows */
    size_t at;
};

/* A principal that has appeared in a batch. */
struct batch_principal {
    struct id128 id; /* of struct principal */
    size_t at;       /* where in the body its first record begins */
};

/* Where a record begins. */
struct batch_begin {
    size_t at;
    uint32_t item;
    uint32_t principals; /* that appeared before it */
};

/* A send in a batch, or one that it takes: what is to be done when it is durable. */
struct batch_send {
    size_t at; /* where in the body its part begins */
    uint32_t item;
    uint16_t to; /* unless to_all */
    bool to_all;
    struct batch_begin record; /* that it is in */
};
struct batch_taken {
    size_t at;
    struct record_taken taken;
};

struct batch {
    struct fifo_link link; /* in the list of its state */
    enum batch_state state;
    uint64_t seq;
    uint32_t records;
    uint32_t items;           /* records, events and sends */
    struct batch_begin begun; /* of the record that was begun last */
    struct wire_writer body;
    struct fifo deferred;      /* answers (struct message.link) that wait for it to be durable */
    struct sha256_digest hash; /* known once its append has ended */
    struct batch_mark *marks;  /* in their order, as far as the body was walked */
    uint32_t mark_count, mark_cap;
    struct batch_principal *principals; /* in the order of their numbers */
    uint32_t principal_count, principal_cap;
    struct batch_send *sends; /* in their order */
    uint32_t send_count, send_cap;
    struct batch_taken *takens; /* the same */
    uint32_t taken_count, taken_cap;
    uint32_t *principal_slots; /* open addressing by id: number + 1, 0 = free */
    uint32_t principal_slot_count;
};

static inline struct batch *batch_of(struct fifo_link *link)
{
    return container_of(link, struct batch, link);
}

/* Nothing in it and nothing waits for it. */
static inline bool batch_empty(const struct batch *b)
{
    return b->records == 0 && fifo_empty(&b->deferred);
}

/* A free one; its body may grow to body_max. */
struct batch *batch_new(size_t body_max);
struct batch *batch_free(struct batch *b); /* takes NULL, returns NULL */

/* Of a free one: empty, for the records of batch seq. */
void batch_start(struct batch *b, uint64_t seq);

/* Gives memory back that the next use would seldom need. */
void batch_trim(struct batch *b);

/* Walks to an event (RECORD_EVENT), or to the begin or end of the record that begins with this item
 * (RECORD_BEGIN, RECORD_END); it must be there. What *r then points into is valid until the batch
 * grows. A walk begins at the nearest mark before the item, so items may be asked for in any order.
 */
void batch_find(struct batch *b, struct record_reader *r, uint32_t item, enum record_part part);

/* A record begins in the body; its principal is named by the number it has in this batch. */
void batch_begin_record(struct batch *b, const struct record_head *head);

/* The same, of a record that handles a send. */
void batch_take(struct batch *b, const struct record_taken *taken);

/* A send of the record that was begun last; returns the hash of its part. */
uint64_t batch_send(struct batch *b, const struct record_send *send,
                    void (*put)(struct wire_writer *w, const void *body), const void *body);

/* The send as it stands there, and who asked for its record: *r as after RECORD_SEND, but with the
 * texts of the principal. What it points into is valid until the batch grows. */
void batch_read_send(struct batch *b, const struct batch_send *send, struct record_reader *r);

/* Who asked for the record that begins with this item, and by which request. What *ret points into
 * is valid until the batch grows. */
void batch_attribution(struct batch *b, uint32_t begin_item, struct attribution *ret);

/* Takes back what was written beyond this length of the body, at which a record begins or an event:
 * the principals that appeared first there as well. */
void batch_cut(struct batch *b, size_t len);

#endif
