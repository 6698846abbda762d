/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite's own allocator, with a look at each result. What it refuses without asking for memory, a
 * request of 2 GiB, still becomes SQLITE_NOMEM, which db_error() treats alike. */
#include "runtime/store/sqlite/db_memory.h"

#include <pthread.h>
#include <sqlite3.h>

#include "runtime/base/memory.h"

static struct {
    pthread_once_t once;
    sqlite3_mem_methods methods;
} original = {.once = PTHREAD_ONCE_INIT};

static void *memory_take_or_end(int size)
{
    void *memory = original.methods.xMalloc(size);
    if (memory == NULL)
        memory_ended((size_t)size);
    return memory;
}

static void *memory_resize_or_end(void *memory, int size)
{
    void *moved = original.methods.xRealloc(memory, size);
    if (moved == NULL)
        memory_ended((size_t)size);
    return moved;
}

static void memory_replace(void)
{
    /* Counting memory takes a global lock at each allocation. */
    if (sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) != SQLITE_OK ||
        sqlite3_config(SQLITE_CONFIG_GETMALLOC, &original.methods) != SQLITE_OK)
        return;
    sqlite3_mem_methods methods = original.methods;
    methods.xMalloc = memory_take_or_end;
    methods.xRealloc = memory_resize_or_end;
    check(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK);
}

void db_memory_install(void)
{
    pthread_once(&original.once, memory_replace);
}
