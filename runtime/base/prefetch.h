/* SPDX-License-Identifier: Apache-2.0 */
/* Prefetch: starts to bring memory into the processor's cache. No effect but time. */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>

#define CACHE_LINE 64

/* What only prefetches. gcc takes such a function for one without effect, and leaves out the call
 * of it unless it is certainly inlined. */
#define prefetching static inline __attribute__((always_inline))

prefetching void prefetch_bytes(const void *memory, size_t size)
{
    const char *at = memory;
    const char *last = at + size - 1;
    for (; at < last; at += CACHE_LINE)
        __builtin_prefetch(at);
    __builtin_prefetch(last);
}

#endif
