/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages for large memory that is read in random order: one entry of the processor's page table
 * cache then covers 2 MiB instead of 4 KiB. The system is only advised: where it has no huge
 * page to give, nothing changes. */
#ifndef BASE_HUGE_H
#define BASE_HUGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE_SIZE ((size_t)2 << 20)

/* Advises the system to back all whole huge pages within the memory by such. Call it before the
 * memory is first written; takes NULL. */
static inline void huge_page_advise(void *memory, size_t size)
{
    uintptr_t begin = ((uintptr_t)memory + HUGE_PAGE_SIZE - 1) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
    uintptr_t end = ((uintptr_t)memory + size) / HUGE_PAGE_SIZE * HUGE_PAGE_SIZE;
    if (memory != NULL && begin < end)
        (void)madvise((char *)memory + (begin - (uintptr_t)memory), end - begin, MADV_HUGEPAGE);
}

#endif
