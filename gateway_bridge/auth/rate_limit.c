/* SPDX-License-Identifier: Apache-2.0 */
/* A bucket is one number: the time at which it will be full again. A full one is as good as none,
 * so its slot is free. A client has one of the WAYS slots of its set; if all are taken, the bucket
 * that is full soonest gives way. Sets share locks. */
#include "gateway_bridge/auth/rate_limit.h"

#include <stdlib.h>
#include <uv.h>

#include "runtime/base/list.h"
#include "runtime/base/time.h"

#define WAYS 8 /* slots of a set */
#define SETS (RATE_LIMIT_CLIENTS_MAX / WAYS)
#define LOCKS 64

struct bucket {
    struct id128 client;
    uint64_t full_ns;
};

struct rate_limit {
    uint64_t token_ns; /* in which one token comes */
    uint64_t depth_ns; /* in which all come */
    uint32_t burst;
    uv_mutex_t locks[LOCKS];
    struct bucket buckets[SETS][WAYS];
};

struct rate_limit *rate_limit_new(uint32_t per_s, uint32_t burst)
{
    check(per_s >= 1 && per_s <= RATE_LIMIT_PER_S_MAX);
    check(burst >= 1 && burst <= RATE_LIMIT_BURST_MAX);
    struct rate_limit *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->token_ns = NS_PER_S / per_s;
    r->depth_ns = r->token_ns * burst;
    r->burst = burst;
    for (size_t i = 0; i < LOCKS; i++)
        check(uv_mutex_init(&r->locks[i]) == 0);
    return r;
}

struct rate_limit *rate_limit_free(struct rate_limit *r)
{
    if (r == NULL)
        return NULL;
    for (size_t i = 0; i < LOCKS; i++)
        uv_mutex_destroy(&r->locks[i]);
    free(r);
    return NULL;
}

static uint32_t rate_limit_seconds_up(uint64_t ns)
{
    return (uint32_t)((ns + NS_PER_S - 1) / NS_PER_S);
}

uint32_t rate_limit_burst(const struct rate_limit *r)
{
    return r->burst;
}

uint32_t rate_limit_window_s(const struct rate_limit *r)
{
    return rate_limit_seconds_up(r->depth_ns);
}

/* The client's own, else the one that is full first. */
static struct bucket *rate_limit_find(struct bucket set[WAYS], struct id128 client)
{
    struct bucket *fullest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (id128_equal(set[i].client, client))
            return &set[i];
        if (set[i].full_ns < fullest->full_ns)
            fullest = &set[i];
    }
    fullest->client = client; /* and as full as it was */
    return fullest;
}

static struct rate_verdict rate_limit_take_tokens(const struct rate_limit *r, struct bucket *b,
                                                  uint32_t count, uint64_t now_ns)
{
    uint64_t missing = b->full_ns > now_ns ? b->full_ns - now_ns : 0;
    uint64_t wanted = r->token_ns * (count > 0 ? count : 1);
    if (wanted > r->depth_ns)
        wanted = r->depth_ns; /* what costs more than there can be is had from a full bucket */
    if (missing + wanted > r->depth_ns)
        return (struct rate_verdict){.reset_s =
                                         rate_limit_seconds_up(missing + wanted - r->depth_ns)};
    missing += count > 0 ? wanted : 0;
    b->full_ns = now_ns + missing;
    return (struct rate_verdict){
        .passed = true,
        .remaining = (uint32_t)((r->depth_ns - missing) / r->token_ns),
        .reset_s = rate_limit_seconds_up(missing),
    };
}

struct rate_verdict rate_limit_take(struct rate_limit *r, struct id128 client, uint32_t count,
                                    uint64_t mono_ns)
{
    size_t set = client.lo % SETS;
    uv_mutex_t *lock = &r->locks[set % LOCKS];
    uv_mutex_lock(lock);
    struct rate_verdict verdict =
        rate_limit_take_tokens(r, rate_limit_find(r->buckets[set], client), count, mono_ns);
    uv_mutex_unlock(lock);
    return verdict;
}
