/* SPDX-License-Identifier: Apache-2.0 */
/* Parked send: one of another shard that was taken, but whose turn failed, or whose target was
 * suspended or quarantined. It waits here, durably, while the stream goes on; later sends to the
 * same target queue up behind it, so that their order stays. An operator lets it run again, or has
 * it refused where that is possible. All are in memory while the shard runs.
 *
 * Changed by the two events below alone. */
#ifndef SENDS_PARKED_H
#define SENDS_PARKED_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/domain.h"
#include "runtime/base/check.h"

#define KIND_PARKED 28       /* a send */
#define KIND_PARKED_QUEUE 27 /* those to one target */

#define PARKED_REASON_MAX 256 /* bytes */
#define PARKED_BY_MAX 64
#define PARKED_MESSAGE_MAX ((uint32_t)1 << 20)
#define PARKED_RULES 2

/* Whose send it is: what the principal of its turn is made of. */
struct parked_principal {
    struct slice tenant, subject, client;
    struct id128 token_id;
    bool any_owner, operator;
};

/* Event and state alike. The state owns its texts. */
struct parked {
    struct id128 id;    /* parked_id() */
    uint64_t place;     /* of the send, in the journal of the shard it is from */
    uint64_t sent_ns;   /* of the record that sent it */
    uint64_t parked_ns; /* set by the apply */
    uint16_t kind;      /* of the target */
    uint16_t type;      /* of the message */
    struct id128 target;
    struct slice message; /* its msgpack */
    struct slice reason;
    struct slice request; /* its id */
    struct parked_principal who;
    struct id128 behind; /* the next one to the same target; zero: none */
};

/* Event: it leaves, for an operator wanted it to. */
struct unparked {
    struct id128 id;
    uint16_t kind; /* of the target */
    struct id128 target;
    struct slice by;     /* unix:NAME, as attributions have it */
    struct slice reason; /* why it was refused; empty: it ran */
};

struct parked_queue {
    struct id128 first, last;
    uint64_t count;
};

extern const struct actor_kind parked_kind, parked_queue_kind;
extern const struct event_rule parked_rules[PARKED_RULES];
extern const struct message_type send_parked_type;   /* a struct parked */
extern const struct message_type send_unparked_type; /* a struct unparked */

/* Send n of this shard, to this one or to all; and back. */
struct id128 parked_id(uint16_t from, bool to_all, uint64_t n);
static inline uint16_t parked_from(struct id128 id)
{
    return (uint16_t)(id.hi >> 1);
}
static inline bool parked_to_all(struct id128 id)
{
    return (id.hi & 1) != 0;
}
static inline uint64_t parked_n(struct id128 id)
{
    return id.lo;
}

/* NULL: there is none. Not a change. */
const struct parked *parked_find(struct registry *r, struct id128 id);

/* Of this target: what waits for it. NULL: nothing. Not a change. */
const struct parked_queue *parked_queue_find(struct registry *r, uint16_t kind,
                                             struct id128 target);

#endif
