/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite writes a large transaction, or a checkpoint of one, into the page cache at once and syncs
 * it at the end: tens of megabytes that reach the disk in one burst, behind which the next sync of
 * the journal, and so every answer, waits 20 to 50 ms. So a paced thread waits for the disk after
 * each PACE_BYTES (sync_file_range(2), no sync: nothing here makes anything durable), and the
 * journal's syncs come in between.
 *
 * It costs the views worker the time of waiting; a transfer costs as much as without it. SQLite's
 * own means is a checkpoint after fewer frames, so that each is small. That paces the copying
 * alone: the commit of a step still writes all its pages into the WAL at once, and the pages that
 * many steps change are copied once for each of them instead of once for all.
 *
 * SQLite's unix VFS lets its system calls be replaced; that is the one place where its writes pass
 * with their descriptor. The replacement is one for the whole process; whether a thread is paced is
 * a variable of that thread. */
#include "runtime/store/sqlite/db_pace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "runtime/base/check.h"

#define PACE_BYTES (1024 * 1024) /* under 1 ms of a disk that writes 1 GB/s */

typedef ssize_t (*pwrite_fn)(int fd, const void *bytes, size_t size, off_t at);

static struct {
    pthread_once_t once;
    pwrite_fn write; /* SQLite's own, NULL = it has no such call to replace: nothing is paced */
} original = {.once = PTHREAD_ONCE_INIT};

/* Written by this thread and not yet waited for: `dirty` bytes of one file within [begin, end). */
static _Thread_local struct {
    bool paced;
    int fd;
    off_t begin, end;
    size_t dirty;
} unsynced;

/* Is it only that this file system, or this sandbox, cannot wait? Then the thread is not paced. */
static bool pace_cannot_wait(int code)
{
    return code == ENOSYS || code == EINVAL || code == ESPIPE || code == EOPNOTSUPP ||
           code == EPERM;
}

/* false, with errno, if something written did not reach the disk. The kernel reports that once
 * for each open file: the sync that follows would succeed, and a checkpoint be taken for durable.
 */
static bool pace_wait(void)
{
    unsynced.dirty = 0;
    return sync_file_range(unsynced.fd, unsynced.begin, unsynced.end - unsynced.begin,
                           SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                               SYNC_FILE_RANGE_WAIT_AFTER) == 0 ||
           pace_cannot_wait(errno);
}

static ssize_t pace_pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    ssize_t written = original.write(fd, bytes, size, at);
    if (!unsynced.paced || written <= 0)
        return written;
    off_t end = at + written;
    if (unsynced.dirty == 0 || fd != unsynced.fd) {
        unsynced.fd = fd;
        unsynced.begin = at;
        unsynced.end = end;
        unsynced.dirty = 0;
    }
    unsynced.begin = at < unsynced.begin ? at : unsynced.begin;
    unsynced.end = end > unsynced.end ? end : unsynced.end;
    unsynced.dirty += (size_t)written;
    return unsynced.dirty < PACE_BYTES || pace_wait() ? written : -1;
}

static void pace_replace(void)
{
    static const char *const names[] = {"pwrite64", "pwrite"};
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    for (size_t i = 0; vfs != NULL && vfs->iVersion >= 3 && i < array_len(names); i++) {
        sqlite3_syscall_ptr found = vfs->xGetSystemCall(vfs, names[i]);
        if (found == NULL)
            continue;
        original.write = (pwrite_fn)found;
        if (vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr)pace_pwrite) != SQLITE_OK)
            original.write = NULL;
        return;
    }
}

void db_pace_install(void)
{
    pthread_once(&original.once, pace_replace);
}

void db_pace_thread(void)
{
    unsynced.paced = true;
}
