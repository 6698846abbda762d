/* SPDX-License-Identifier: Apache-2.0 */
/* Prefetch: starts to bring memory into the processor's cache. No effect but time. */
#ifndef BASE_PREFETCH_H
#define BASE_PREFETCH_H

#include <stddef.h>

#define CACHE_LINE 64

/* For functions that only prefetch. To gcc they are without effect, so it drops calls of them
 * unless they are inlined in any case. */
#define prefetching static inline __attribute__((always_inline))

/* Of memory that begins a cache line. */
prefetching void prefetch_lines(const void *memory, size_t size)
{
    const char *at = memory;
    for (const char *end = at + size; at < end; at += CACHE_LINE)
        __builtin_prefetch(at);
}

#endif
