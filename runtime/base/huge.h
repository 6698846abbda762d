/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages for large memory that is read in random order: one entry of the processor's page table
 * cache then covers 2 MiB instead of 4 KiB. Only a wish: where the system has none, nothing
 * changes. */
#ifndef BASE_HUGE_H
#define BASE_HUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE_SIZE ((size_t)2 << 20)

/* Of all whole huge pages in it; takes NULL. Before the memory is first written. */
static inline void huge_ask(void *memory, size_t size)
{
    uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE_SIZE - 1) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
    uintptr_t end = ((uintptr_t)memory + size) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
    if (memory != NULL && begin < end)
        (void)madvise((char *)memory + (begin - (uintptr_t)memory), end - begin, MADV_HUGEPAGE);
}

#endif
