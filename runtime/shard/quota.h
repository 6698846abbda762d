/* SPDX-License-Identifier: Apache-2.0 */
/* Quota: how much journal the requests of each tenant may leave in a day, as a bucket of per_day
 * bytes that is emptied at an even pace within a day. It is looked at before a turn and filled
 * after it, by what its record takes: the last one may go beyond. What settles something goes on
 * until QUOTA_SETTLING of them are used up: it can be repeated without end too, as reversals of
 * reversals. Who acts for the platform fills none: operators, and deadlines. It is in memory, and
 * begins anew with the process.
 *
 * The table is bounded. Where it is full, the tenant whose bucket has least is forgotten, and the
 * new one finds the bucket as that one left it, so that to come anew gains nothing. */
#ifndef SHARD_QUOTA_H
#define SHARD_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/principal.h"
#include "runtime/base/time.h"

#define QUOTA_NEAR_PERCENT 80             /* from here on a tenant is told, and the log is */
#define QUOTA_CALM_PERCENT 70             /* below, the log would be told again */
#define QUOTA_SETTLING 2                  /* quotas of a day, for what settles something */
#define QUOTA_SETTLE_NS (100 * NS_PER_MS) /* how late a bucket may be emptied */
#define QUOTA_SETS 512                    /* a tenant has its place in one of them */
#define QUOTA_WAYS 8

struct quota_bucket {
    struct id128 tenant_id; /* zero: nobody's */
    uint64_t bytes;         /* in it ... */
    uint64_t at_ns;         /* ... then, of the monotonic clock */
    bool over;              /* counted in quota.over */
    bool told;              /* the log knows that it is near or over */
};

struct quota {
    struct log *log;
    uint16_t number;  /* of the shard */
    uint64_t per_day; /* 0 = no limit, and no memory */
    uint64_t near;    /* bytes from which on a tenant is told */
    uint32_t over;    /* tenants that had used theirs up when last looked at */
    uint64_t refused; /* requests */
    struct quota_bucket *last, *buckets;
};

void quota_init(struct quota *q, struct log *log, uint16_t number, uint64_t per_day);
void quota_done(struct quota *q);

/* A request of this caller has left so many bytes. Returns how many percent of the quota are used,
 * if they are QUOTA_NEAR_PERCENT or more; else 0. */
uint8_t quota_charge(struct quota *q, const struct principal *who, uint64_t bytes,
                     uint64_t mono_ns);

/* Is it used up, `times` over? Then *retry_after_ms says when there is room again. To be asked only
 * while `over` is not 0. */
bool quota_exceeded(struct quota *q, const struct principal *who, uint32_t times, uint64_t mono_ns,
                    uint32_t *retry_after_ms);

/* How many tenants have used QUOTA_NEAR_PERCENT or more. */
uint64_t quota_near_count(const struct quota *q, uint64_t mono_ns);

#endif
