/* SPDX-License-Identifier: Apache-2.0 */
/* Most records follow one of the same tenant, whose bucket is remembered, and a bucket is emptied
 * only every QUOTA_SETTLE_NS, so that a record costs a comparison and an addition. */
#include "runtime/shard/quota.h"

#include <stdlib.h>

#include "runtime/base/check.h"
#include "runtime/base/memory.h"
#include "runtime/base/u128.h"
#include "runtime/observe/log.h"

void quota_init(struct quota *q, struct log *log, uint16_t number, uint64_t per_day)
{
    *q = (struct quota){.log = log, .number = number, .per_day = per_day};
    if (per_day == 0)
        return;
    q->near = per_day / 100 * QUOTA_NEAR_PERCENT +
              (per_day % 100 * QUOTA_NEAR_PERCENT + 99) / 100; /* no percent less */
    q->buckets = memory_take_zeroed((size_t)QUOTA_SETS * QUOTA_WAYS, sizeof *q->buckets);
    q->last = q->buckets;
}

void quota_done(struct quota *q)
{
    free(q->buckets);
    *q = (struct quota){0};
}

/* --- one bucket ------------------------------------------------------------------------------- */

static uint64_t quota_level(const struct quota *q, const struct quota_bucket *b, uint64_t mono_ns)
{
    check(q->per_day > 0);
    uint64_t elapsed_ns = mono_ns > b->at_ns ? mono_ns - b->at_ns : 0;
    u128 emptied = (u128)elapsed_ns * q->per_day / NS_PER_DAY;
    return emptied < b->bytes ? b->bytes - (uint64_t)emptied : 0;
}

/* How far it is now; the log is told what has changed. */
static void quota_settle(struct quota *q, struct quota_bucket *b, const struct principal *who,
                         uint64_t mono_ns)
{
    uint64_t level = quota_level(q, b, mono_ns);
    if (level > 0) /* what is left of a byte goes on */
        b->at_ns += (uint64_t)((u128)(b->bytes - level) * NS_PER_DAY / q->per_day);
    else
        b->at_ns = mono_ns;
    b->bytes = level;
    bool over = level >= q->per_day;
    q->over += over ? !b->over : 0;
    q->over -= !over && b->over;
    bool news = level >= q->near && (!b->told || (over && !b->over));
    b->over = over;
    if (news)
        LOG_WARN(q->log, over ? "journal_quota_used_up" : "journal_quota_near",
                 log_uint("shard", q->number), log_slice("tenant", who->tenant),
                 log_uint("bytes", level), log_uint("bytes_per_day", q->per_day));
    if (level >= q->near)
        b->told = true;
    else if (level < q->per_day / 100 * QUOTA_CALM_PERCENT)
        b->told = false;
}

/* --- all of them ------------------------------------------------------------------------------ */

/* The tenant's, or the one that it takes over; found: it was there. */
static struct quota_bucket *quota_find(const struct quota *q, struct id128 tenant_id, bool *found)
{
    struct quota_bucket *set = &q->buckets[id128_hash(tenant_id) % QUOTA_SETS * QUOTA_WAYS];
    struct quota_bucket *least = set;
    *found = false;
    for (int i = 0; i < QUOTA_WAYS; i++) {
        if (id128_equal(set[i].tenant_id, tenant_id)) {
            *found = true;
            return &set[i];
        }
        if (set[i].bytes < least->bytes)
            least = &set[i];
    }
    return least;
}

static struct quota_bucket *quota_bucket_of(struct quota *q, struct id128 tenant_id,
                                            uint64_t mono_ns)
{
    bool found;
    struct quota_bucket *b = quota_find(q, tenant_id, &found);
    if (!found && id128_is_zero(b->tenant_id))
        b->at_ns = mono_ns;
    if (!found) {
        b->tenant_id = tenant_id;
        b->told = false;
    }
    return b;
}

static bool quota_counts(const struct principal *who)
{
    return !who->operator&& who->tenant.len> 0;
}

uint8_t quota_charge(struct quota *q, const struct principal *who, uint64_t bytes, uint64_t mono_ns)
{
    if (q->per_day == 0 || !quota_counts(who))
        return 0;
    struct quota_bucket *b = q->last;
    if (!id128_equal(b->tenant_id, who->tenant_id))
        b = q->last = quota_bucket_of(q, who->tenant_id, mono_ns);
    b->bytes += bytes;
    if (b->bytes >= q->near || mono_ns >= b->at_ns + QUOTA_SETTLE_NS)
        quota_settle(q, b, who, mono_ns);
    if (b->bytes < q->near)
        return 0;
    return b->over ? 100 : (uint8_t)((u128)b->bytes * 100 / q->per_day);
}

bool quota_exceeded(struct quota *q, const struct principal *who, uint32_t times, uint64_t mono_ns,
                    uint32_t *retry_after_ms)
{
    bool found;
    const u128 most = (u128)q->per_day * times;
    check(q->over > 0 && times > 0);
    if (!quota_counts(who))
        return false;
    struct quota_bucket *b = quota_find(q, who->tenant_id, &found);
    if (!found || !b->over)
        return false;
    quota_settle(q, b, who, mono_ns);
    if (b->bytes < most)
        return false;
    u128 wait_ms = (b->bytes - most + 1) * NS_PER_DAY / q->per_day / NS_PER_MS + 1;
    *retry_after_ms = wait_ms < UINT32_MAX ? (uint32_t)wait_ms : UINT32_MAX;
    return true;
}

uint64_t quota_near_count(const struct quota *q, uint64_t mono_ns)
{
    uint64_t count = 0;
    for (size_t i = 0; q->per_day > 0 && i < (size_t)QUOTA_SETS * QUOTA_WAYS; i++) {
        const struct quota_bucket *b = &q->buckets[i];
        if (b->bytes >= q->near) /* few are: the others need no division */
            count += quota_level(q, b, mono_ns) >= q->near;
    }
    return count;
}
