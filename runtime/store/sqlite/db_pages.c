/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite trusts what it reads: a byte that changed on the disk is a wrong balance. Batches of the
 * journal carry their hash; the pages of the views carry a checksum, in the bytes that SQLite
 * reserves at the end of each page. It is put there when a page is written into the file, which in
 * WAL mode only checkpoints do (the WAL has checksums of its own), and compared when one is read. A
 * page that does not match, or is cut off, is an error of the read, and leaves a mark beside the
 * file: with it the next start makes the views anew.
 *
 * Not every read is of a whole page: from 3.45 on, and earlier where it is built so, SQLite reads
 * what it wants of an overflow page straight into the row (SQLITE_DIRECT_OVERFLOW_READ). A part
 * has no checksum of its own, so its whole page is read and compared, and the part given.
 *
 * It is a VFS in front of SQLite's own, for the database files alone: WAL and index are opened with
 * SQLite's. It costs a checksum of 8 KiB for each page read from the file or checkpointed, and
 * eight bytes of each page.
 *
 * SQLite has such a VFS, cksumvfs. It is a loadable extension that Debian's library does not have,
 * so its source would have to be kept here. It reports a wrong page as an error of the read and
 * leaves nothing for the next start to find; it compares only what was read in full, so a page that
 * is cut off is zeros; and its checksum does not know where a page belongs: it accepts a page that
 * was written to the place of another. */
#include "runtime/store/sqlite/db_pages.h"

#include <endian.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/store/sqlite/db.h"

#define CHECKED_BYTES (DB_PAGES_SIZE - DB_PAGES_RESERVED)
#define HEADER_BYTES 100 /* of the file, at its beginning */
#define CHAINS 4 /* independent sums, which hide the latency of a multiplication */

struct page_file {
    sqlite3_file base;
    const char *path;  /* NULL: opened for reading only, by whoever may leave no mark */
    sqlite3_file real; /* as large as SQLite's own VFS wants it: last */
};

static sqlite3_file *page_real(sqlite3_file *file)
{
    return &container_of(file, struct page_file, base)->real;
}

/* --- the checksum ----------------------------------------------------------------------------- */

static uint64_t db_pages_load64(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

static uint64_t db_pages_mix(uint64_t sum, uint64_t word)
{
    sum ^= word;
    return (sum << 29 | sum >> 35) * 0x9E3779B97F4A7C15u;
}

/* Of the page and its place, so that a page written to another place is wrong there. */
static uint64_t db_pages_checksum(const uint8_t *page, sqlite3_int64 at)
{
    uint64_t sums[CHAINS] = {1, 2, 3, (uint64_t)at};
    size_t i = 0;
    for (; i + CHAINS * 8 <= CHECKED_BYTES; i += CHAINS * 8)
        for (size_t k = 0; k < CHAINS; k++)
            sums[k] = db_pages_mix(sums[k], db_pages_load64(page + i + 8 * k));
    for (; i < CHECKED_BYTES; i += 8)
        sums[0] = db_pages_mix(sums[0], db_pages_load64(page + i));
    for (size_t k = 1; k < CHAINS; k++)
        sums[0] = db_pages_mix(sums[0], sums[k]);
    return sums[0] ^ sums[0] >> 32;
}

static bool page_is_whole(int size, sqlite3_int64 at)
{
    return size == DB_PAGES_SIZE && at % DB_PAGES_SIZE == 0;
}

/* --- reading and writing ---------------------------------------------------------------------- */

/* For the next start: the process that found the damage may end before it has reported it. */
void db_pages_mark(const char *path, const char *found)
{
    char mark[DB_PATH_MAX + 64];
    snprintf(mark, sizeof mark, "%s%s", path, DB_PAGES_MARK);
    int fd = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return; /* it is there already, or cannot be made: the next start reads the page again */
    dprintf(fd, "%s\n", found);
    fsync(fd);
    close(fd);
}

static int page_refuse(const struct page_file *p, sqlite3_int64 at)
{
    char found[32];
    snprintf(found, sizeof found, "page %lld", (long long)(at / DB_PAGES_SIZE + 1));
    if (p->path != NULL)
        db_pages_mark(p->path, found);
    return SQLITE_IOERR_DATA;
}

/* Reads a page into the buffer, which has room for it, and compares it. */
static int page_read_whole(struct page_file *p, uint8_t *page, sqlite3_int64 at)
{
    int code = p->real.pMethods->xRead(&p->real, page, DB_PAGES_SIZE, at);
    /* SQLite asks for no page behind the end, and would take what is missing for zeros. */
    if (code == SQLITE_IOERR_SHORT_READ)
        return page_refuse(p, at);
    if (code != SQLITE_OK || db_pages_load64(page + CHECKED_BYTES) == db_pages_checksum(page, at))
        return code;
    return page_refuse(p, at);
}

/* Reads any other range, page by page: of a file whose header has another page size, too. */
static int page_read_parts(struct page_file *p, uint8_t *bytes, int size, sqlite3_int64 at)
{
    uint8_t page[DB_PAGES_SIZE];
    while (size > 0) {
        int skipped = (int)(at % DB_PAGES_SIZE);
        int part = size < DB_PAGES_SIZE - skipped ? size : DB_PAGES_SIZE - skipped;
        int code = page_read_whole(p, page, at - skipped);
        if (code != SQLITE_OK)
            return code;
        memcpy(bytes, page + skipped, (size_t)part);
        bytes += part;
        at += part;
        size -= part;
    }
    return SQLITE_OK;
}

/* The file's header is read before it is known whether there is a file yet, and whether the WAL has
 * a newer page 1: what is in it counts only once that page was read whole. */
static int page_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    struct page_file *p = container_of(file, struct page_file, base);
    if (page_is_whole(size, at))
        return page_read_whole(p, bytes, at);
    if (at + size <= HEADER_BYTES)
        return p->real.pMethods->xRead(&p->real, bytes, size, at);
    return page_read_parts(p, bytes, size, at);
}

static int page_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    sqlite3_file *real = page_real(file);
    if (!page_is_whole(size, at))
        return real->pMethods->xWrite(real, bytes, size, at);
    uint8_t page[DB_PAGES_SIZE];
    memcpy(page, bytes, CHECKED_BYTES);
    uint64_t sum = htole64(db_pages_checksum(page, at));
    memcpy(page + CHECKED_BYTES, &sum, sizeof sum);
    return real->pMethods->xWrite(real, page, size, at);
}

/* --- what only passes ------------------------------------------------------------------------- */

#define PASS(name, parameters, ...)                                                                \
    static int name parameters                                                                     \
    {                                                                                              \
        sqlite3_file *real = page_real(file);                                                      \
        return real->pMethods->__VA_ARGS__;                                                        \
    }

PASS(page_close, (sqlite3_file *file), xClose(real))
PASS(page_truncate, (sqlite3_file *file, sqlite3_int64 size), xTruncate(real, size))
PASS(page_sync, (sqlite3_file *file, int flags), xSync(real, flags))
PASS(page_size, (sqlite3_file *file, sqlite3_int64 *size), xFileSize(real, size))
PASS(page_lock, (sqlite3_file *file, int level), xLock(real, level))
PASS(page_unlock, (sqlite3_file *file, int level), xUnlock(real, level))
PASS(page_reserved, (sqlite3_file *file, int *result), xCheckReservedLock(real, result))
PASS(page_control, (sqlite3_file *file, int what, void *argument),
     xFileControl(real, what, argument))
PASS(page_sector, (sqlite3_file *file), xSectorSize(real))
PASS(page_device, (sqlite3_file *file), xDeviceCharacteristics(real))
PASS(page_shm_map, (sqlite3_file *file, int region, int size, int extend, void volatile **memory),
     xShmMap(real, region, size, extend, memory))
PASS(page_shm_lock, (sqlite3_file *file, int at, int count, int flags),
     xShmLock(real, at, count, flags))
PASS(page_shm_unmap, (sqlite3_file *file, int remove), xShmUnmap(real, remove))

static void page_shm_barrier(sqlite3_file *file)
{
    sqlite3_file *real = page_real(file);
    real->pMethods->xShmBarrier(real);
}

/* Version 2: without xFetch, by which SQLite would read past us. */
static const sqlite3_io_methods page_methods = {
    .iVersion = 2,
    .xClose = page_close,
    .xRead = page_read,
    .xWrite = page_write,
    .xTruncate = page_truncate,
    .xSync = page_sync,
    .xFileSize = page_size,
    .xLock = page_lock,
    .xUnlock = page_unlock,
    .xCheckReservedLock = page_reserved,
    .xFileControl = page_control,
    .xSectorSize = page_sector,
    .xDeviceCharacteristics = page_device,
    .xShmMap = page_shm_map,
    .xShmLock = page_shm_lock,
    .xShmBarrier = page_shm_barrier,
    .xShmUnmap = page_shm_unmap,
};

/* --- the VFS ---------------------------------------------------------------------------------- */

/* SQLite's list of VFSs is one for the whole process. */
static struct {
    pthread_mutex_t mutex;
    sqlite3_vfs *behind; /* the default when the last file was opened */
    sqlite3_vfs ours;
} vfs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static int page_open(sqlite3_vfs *v, const char *path, sqlite3_file *file, int flags, int *found)
{
    sqlite3_vfs *behind = v->pAppData;
    if ((flags & SQLITE_OPEN_MAIN_DB) == 0)
        return behind->xOpen(behind, path, file, flags, found);
    struct page_file *p = container_of(file, struct page_file, base);
    /* SQLite's, as long as the file is open */
    p->path = (flags & SQLITE_OPEN_READONLY) == 0 ? path : NULL;
    int code = behind->xOpen(behind, path, &p->real, flags, found);
    file->pMethods = p->real.pMethods != NULL ? &page_methods : NULL;
    return code;
}

static int page_vfs_delete(sqlite3_vfs *v, const char *path, int sync_directory)
{
    sqlite3_vfs *behind = v->pAppData;
    return behind->xDelete(behind, path, sync_directory);
}

static int page_vfs_access(sqlite3_vfs *v, const char *path, int flags, int *result)
{
    sqlite3_vfs *behind = v->pAppData;
    return behind->xAccess(behind, path, flags, result);
}

static int page_vfs_full_path(sqlite3_vfs *v, const char *path, int size, char *full)
{
    sqlite3_vfs *behind = v->pAppData;
    return behind->xFullPathname(behind, path, size, full);
}

void db_pages_install(void)
{
    pthread_mutex_lock(&vfs.mutex);
    sqlite3_vfs *behind = sqlite3_vfs_find(NULL);
    check(behind != NULL && behind != &vfs.ours);
    if (behind != vfs.behind) {
        if (vfs.behind != NULL)
            sqlite3_vfs_unregister(&vfs.ours);
        vfs.behind = behind;
        vfs.ours = *behind; /* all that concerns no file, such as the time, stays */
        vfs.ours.zName = DB_PAGES_VFS;
        vfs.ours.pNext = NULL;
        vfs.ours.pAppData = behind;
        vfs.ours.szOsFile = (int)sizeof(struct page_file) + behind->szOsFile;
        vfs.ours.xOpen = page_open;
        vfs.ours.xDelete = page_vfs_delete;
        vfs.ours.xAccess = page_vfs_access;
        vfs.ours.xFullPathname = page_vfs_full_path;
        check(sqlite3_vfs_register(&vfs.ours, 0) == SQLITE_OK);
    }
    pthread_mutex_unlock(&vfs.mutex);
}
