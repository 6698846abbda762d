/* SPDX-License-Identifier: Apache-2.0 */
/* Pair: what one unit of a currency is worth in another, as its home in shard 0 knows it: the rate
 * that a person has set, the newest of a provider, one that jumped too far and is kept aside, and
 * one that a person has proposed. What counts is in `core`, of which every shard has a copy
 * (pair_copy.h). */
#ifndef FOREX_PAIR_H
#define FOREX_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/common/rate.h"
#include "runtime/actor/domain.h"
#include "schemas/forex.h"

#define PAIR_JUMP_PARTS 50000 /* 5 %: beyond, a new rate is not believed at once */
#define PAIR_AGREE_PARTS 5000 /* 0.5 %: so close, a second source confirms it */
#define PAIR_LIMIT_S 17400    /* after which a rate is stale, unless it comes with another limit */
#define PAIR_CODE_LEN 6       /* both currencies in a row */

struct pair {
    uint64_t version;
    struct rate_core core;
    struct slice note; /* of whoever set it */
    struct rate aside; /* digits 0: none */
    struct slice aside_source;
    struct rate proposed; /* the same */
    struct id128 proposer;
};

/* Which currencies. */
struct pair_name {
    uint16_t from, to;
};

/* What counts at some time. */
struct pair_now {
    struct rate rate;
    bool manual;
    uint64_t observed_ns;
    uint64_t stale_after_ns; /* UINT64_MAX: never */
    struct slice source;
    uint64_t version;
};

extern const struct actor_kind pair_kind;

/* The actor of the pair, and of its copies. */
struct id128 pair_id(struct pair_name name);

/* RESULT_OK, RATE_CURRENCY_UNKNOWN, or of the second INVALID_PAIR; *ret has 0 for what is unknown.
 */
uint16_t pair_of_codes(struct slice from, struct slice to, struct pair_name *ret);
uint16_t pair_of_text(struct slice text, struct pair_name *ret);

/* Where messages that name a pair by codes, or by six letters, go. */
struct place pair_locate_codes(const void *body, const struct principal *who, uint16_t any);
struct place pair_locate_text(const void *body, const struct principal *who, uint16_t any);

/* false: nothing counts, stale or not. */
must_check bool pair_at(const struct rate_core *core, uint64_t version, uint64_t now_ns,
                        struct pair_now *ret);
static inline bool pair_stale(const struct pair_now *p, uint64_t now_ns)
{
    return now_ns > p->stale_after_ns;
}

/* In a state: owns its text. */
void pair_core_set(struct registry *r, struct rate_core *to, const struct rate_core *from);

void pair_apply_changed(struct registry *r, const void *event, uint64_t time_ns);
void pair_apply_kept_aside(struct registry *r, const void *event, uint64_t time_ns);
void pair_apply_proposed(struct registry *r, const void *event, uint64_t time_ns);

#endif
