/* SPDX-License-Identifier: Apache-2.0 */
/* Message: one request on its way to an actor, and its answer on the way back. */
#ifndef ACTOR_MESSAGE_H
#define ACTOR_MESSAGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/env.h"
#include "runtime/base/error.h"
#include "runtime/base/id128.h"
#include "runtime/base/inbox_item.h"
#include "runtime/base/list.h"
#include "runtime/base/precondition.h"
#include "runtime/base/principal.h"
#include "runtime/base/slice.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"

#define MESSAGE_NO_OFFSET UINT16_MAX

/* An id in a body: where, and of which kind of actor or thing. */
struct message_id {
    uint16_t offset; /* of the struct id128 */
    uint16_t kind;
};

/* A list in a body: where its items and their count are, and what each item is. */
struct message_list {
    uint16_t offset;
    uint16_t count_offset; /* of the uint32_t */
    const struct message_type *item;
};

/* Where a request for a list has what all such requests have, and the most that `limit` may be.
 * Limits are uint32_t, cursors struct slice, the others bool. */
struct message_paging {
    uint16_t has_limit, limit, has_cursor, cursor, has_count, count;
    uint32_t limit_max;
};

/* One declared message as generated; constant, from schemas/. */
struct message_type {
    const char *name;       /* "transfer_create" */
    uint16_t number;        /* on the wire and in the journal, never reused */
    uint16_t target_kind;   /* the kind of actor that handles it; 0 for replies */
    uint16_t target_offset; /* of the struct id128 in the body that names the actor, or
                               MESSAGE_NO_OFFSET: then the domain's locator decides */
    uint32_t size;          /* of the C struct */
    bool mutates;           /* may change state: needs a writable store, goes to the journal */
    bool passes_quota;      /* settles what was promised, or stops harm: held later by quota.h */
    bool view;              /* answered from the views by a query, not by an actor */
    /* Decodes into *body (size bytes, zeroed); false on malformed bytes. Text points into the
     * input; lists are allocated from the arena. */
    bool (*read)(struct wire_reader *r, struct arena *a, void *body);
    void (*write)(struct wire_writer *w, const void *body);
    const struct message_paging *paging; /* of a list; else NULL */
    const struct message_id *ids;     /* those of its own fields that have a kind */
    const struct message_list *lists; /* whose items have ids in turn */
    uint16_t id_count;
    uint16_t list_count;
};

struct scatter_gather;
struct shard_set;
struct slot_map;
struct message;
struct shard;

/* Of a message that another turn sent (turn_send()): which one it is. Nobody waits for its
 * answer. */
struct send_origin {
    uint16_t shard; /* whose turn it was */
    bool to_all;    /* it went to all shards */
    bool parked;    /* it was taken before, and parked */
    bool refusing;  /* an operator wants it refused */
    uint64_t n;     /* number in its stream */
    uint64_t place; /* position in the journal of its shard */
    uint64_t hash;
    uint64_t time_ns; /* of the record that sent it */
};

/* Called once per posted message on the asker's loop, never before the post returned. m->code and
 * m->reply are then final; the message belongs to the asker again. */
typedef void (*message_done_cb)(struct message *m);

/* Owned by the asker, which keeps it (and all it points to) untouched from the post until done.
 * What every turn touches comes first, so that it lies in few cache lines. */
struct message {
    struct fifo_link link;           /* mailbox or list of deferred answers: wherever it is now */
    const struct message_type *type; /* NULL: the runtime's own, a durable deadline has passed */
    const void *body;                /* struct of type->size bytes */
    struct id128 target;
    uint16_t target_kind;
    uint16_t code;                   /* the answer: enum err or a domain result */
    uint16_t reply_type;             /* number of the reply's message type; 0 = no body */
    bool keyed : 1;                  /* the request carries an idempotency key */
    bool replayed : 1;               /* the answer is the first one of this key, given again */
    bool drew_ids : 1;               /* the runtime's own: runtime.ids_ns and ids_random are set */
    bool asks_key : 1;               /* the runtime's own: who knows its key answers, or nobody */
    bool under_way : 1;              /* the runtime's own: some shard said OUTCOME_PENDING */
    bool referred : 1;               /* the runtime's own: turn_refer(), to runtime.at */
    bool part_suffices : 1;          /* of what is looked for in several shards: none has all of it,
                                        so who has a part of it shows that */
    uint8_t quota_percent;           /* of the tenant's quota of the journal; 0: far from it */
    uint64_t deadline_ns;            /* env monotonic clock; 0 = none. Past it, not executed */
    uint64_t posted_ns;              /* set by the post */

    struct wire_writer reply;        /* its msgpack; initialised by the asker, kept for reuse */
    uint64_t version;                /* of the thing in the reply, for ETag; 0 = none */
    struct env *home;                /* done() runs on its thread; NULL: the runtime's own */
    message_done_cb done;

    /* The runtime's own, between post and done. */
    struct {
        struct shard *shard;         /* where it goes, on the way to another loop */
        struct scatter_gather *gathering; /* of one about the whole node; else NULL */
        const struct slot_map *slots;     /* of one with a query */
        struct shard_set *set;            /* of one that is looked for in several shards: */
        message_done_cb found;            /* the asker's done() */
        uint16_t at, left;                /* the shard that is asked, and how many are not yet */
        uint64_t ids_ns, ids_random; /* of the ids its turn draws: a turn that is run again draws
                                        the same ones */
    } runtime;

    uint32_t retry_after_ms;         /* only with a code that says to come again */
    uint32_t rows;                   /* of a view: looked at to make the answer */
    bool stale;                      /* a list that may lack what was acknowledged after ... */
    uint64_t shown_ns;               /* ... this time of the shard's clock */
    const struct precondition *precondition; /* of the thing's version; NULL = none */
    const struct send_origin *origin;        /* NULL: somebody asks */
    /* The asker's, set on its thread once it does not wait for the answer any more, and looked at
     * by any; NULL: it waits until the end. What has not begun by then is not executed. */
    const atomic_bool *gone;
    struct inbox_item mail;          /* between loops, there and back */
    struct principal who;            /* its texts live as long as the message */
    struct slice request_id;         /* of what is behind it; empty = none */
    struct slice trace_id;           /* W3C Trace Context, 32 hex digits; empty = none */
    struct id128 key;                /* hash of tenant, client, subject and key: dedup_table.h */
    struct id128 fingerprint;        /* hash of its route and canonical content */
};

/* Nothing needs to be done for it any more: its deadline has passed, or nobody waits. */
static inline bool message_over(const struct message *m, uint64_t now_ns)
{
    return (m->deadline_ns != 0 && now_ns > m->deadline_ns) ||
           (m->gone != NULL && atomic_load_explicit(m->gone, memory_order_relaxed));
}

/* For mail. */
static inline void message_done(struct inbox_item *item)
{
    struct message *m = container_of(item, struct message, mail);
    m->done(m);
}

/* The answer of a shard of `here` is final and goes home, on its thread: at once if that is m's
 * home or it has none, else by mail. */
static inline void message_answer(struct env *here, struct message *m)
{
    check(m->done != NULL);
    if (m->home == here || m->home == NULL) {
        m->done(m);
        return;
    }
    m->mail.deliver = message_done;
    env_mail(m->home, &m->mail);
}

#endif
