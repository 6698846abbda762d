/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP counts: what connections did, for /metrics. Owned by the composing process and outliving the
 * server; written on its loop alone (other servers of that loop may share them), read on any
 * thread. */
#ifndef HTTP_HTTP_COUNTS_H
#define HTTP_HTTP_COUNTS_H

#include <stdatomic.h>
#include <stdint.h>

/* Why a client could not be let in. */
enum http_shortage {
    HTTP_SHORT_OF_DESCRIPTORS, /* it waits, and is let in as soon as one is free */
    HTTP_SHORT_OF_CONNECTIONS, /* over connections_max: it is told nothing but health */
    HTTP_SHORT_OF_ITS_OWN,     /* over address_max: the same */
    HTTP_SHORTAGES,
};

struct http_counts {
    _Atomic uint64_t connections; /* open now */
    _Atomic uint64_t pending;     /* bytes held now of answers that wait for their clients */
    _Atomic uint64_t accepted;
    _Atomic uint64_t shortages[HTTP_SHORTAGES];
    _Atomic uint64_t shortage_ns; /* when the last one was, by env_mono_ns(); 0 = never */
    _Atomic uint64_t timeouts;    /* connections ended because their client was too slow */
    _Atomic uint64_t bytes_in, bytes_out;
};

static inline uint64_t http_counted(const _Atomic uint64_t *count)
{
    return atomic_load_explicit(count, memory_order_relaxed);
}

/* One writer: nothing is lost between the read and the write, and neither needs an order. */
static inline void http_count_add(_Atomic uint64_t *count, uint64_t more)
{
    atomic_store_explicit(count, http_counted(count) + more, memory_order_relaxed);
}

static inline void http_count(_Atomic uint64_t *count)
{
    http_count_add(count, 1);
}

static inline void http_count_down(_Atomic uint64_t *count)
{
    atomic_store_explicit(count, http_counted(count) - 1, memory_order_relaxed);
}

#endif
