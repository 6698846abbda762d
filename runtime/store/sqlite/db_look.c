/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite changes files even for a reader: it makes the index of the WAL anew (-shm), makes an empty
 * WAL where there is none, removes one beside an empty database. A VFS in front of another one
 * prevents all of it: the database and its WAL are opened for reading only, nothing is made or
 * removed, and the database has no shared memory, so that a connection with locking_mode=EXCLUSIVE
 * keeps the index in its own. The lock that SQLite wants for that mode is not taken, since nobody
 * writes: the lock of the directory (sqlite_files.h) keeps nodes out. A WAL that is not there is
 * /dev/null, which is as empty. So is a database beside a rollback journal: ours have a WAL from
 * their first page on, so whoever was making the file was cut off, and the next one who writes
 * takes back what is in it.
 *
 * SQLite's own means do not suffice: immutable=1 ignores the WAL, readonly_shm=1 wants an index
 * that is there already, mode=ro makes one. */
#include "runtime/store/sqlite/db_look.h"

#include <pthread.h>

#include "runtime/store/sqlite/db.h"
#include "runtime/store/sqlite/db_pages.h"

struct look_file {
    sqlite3_file base;
    sqlite3_file real; /* as large as the VFS behind wants it: last */
};

static sqlite3_file *look_real(sqlite3_file *file)
{
    return &container_of(file, struct look_file, base)->real;
}

/* --- the database ----------------------------------------------------------------------------- */

static int look_close(sqlite3_file *file)
{
    return look_real(file)->pMethods->xClose(look_real(file));
}

static int look_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
    return look_real(file)->pMethods->xRead(look_real(file), bytes, size, at);
}

static int look_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return look_real(file)->pMethods->xFileSize(look_real(file), size);
}

static int look_sector(sqlite3_file *file)
{
    return look_real(file)->pMethods->xSectorSize(look_real(file));
}

static int look_device(sqlite3_file *file)
{
    return look_real(file)->pMethods->xDeviceCharacteristics(look_real(file));
}

static int look_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    (void)file, (void)bytes, (void)size, (void)at;
    return SQLITE_READONLY;
}

static int look_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    (void)file, (void)size;
    return SQLITE_READONLY;
}

static int look_sync(sqlite3_file *file, int flags)
{
    (void)file, (void)flags;
    return SQLITE_OK;
}

static int look_lock(sqlite3_file *file, int level)
{
    (void)file, (void)level;
    return SQLITE_OK;
}

static int look_reserved(sqlite3_file *file, int *result)
{
    (void)file;
    *result = 0;
    return SQLITE_OK;
}

static int look_control(sqlite3_file *file, int what, void *argument)
{
    (void)file, (void)what, (void)argument;
    return SQLITE_NOTFOUND;
}

/* Version 1: without shared memory. */
static const sqlite3_io_methods look_methods = {
    .iVersion = 1,
    .xClose = look_close,
    .xRead = look_read,
    .xWrite = look_write,
    .xTruncate = look_truncate,
    .xSync = look_sync,
    .xFileSize = look_size,
    .xLock = look_lock,
    .xUnlock = look_lock,
    .xCheckReservedLock = look_reserved,
    .xFileControl = look_control,
    .xSectorSize = look_sector,
    .xDeviceCharacteristics = look_device,
};

/* --- the VFS ---------------------------------------------------------------------------------- */

/* SQLite's list of VFSs is one for the whole process. */
static struct {
    pthread_mutex_t mutex;
    sqlite3_vfs plain, pages;
} vfs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static const char look_nothing[] = "/dev/null\0"; /* SQLite's paths end with two zeros */

static int look_open_database(sqlite3_vfs *behind, const char *path, struct look_file *l, int flags,
                              int *found)
{
    int half_made = 0;
    int code =
        behind->xAccess(behind, sqlite3_filename_journal(path), SQLITE_ACCESS_EXISTS, &half_made);
    if (code == SQLITE_OK)
        code = behind->xOpen(behind, half_made ? look_nothing : path, &l->real, flags, found);
    l->base.pMethods = l->real.pMethods != NULL ? &look_methods : NULL;
    return code;
}

static int look_open(sqlite3_vfs *v, const char *path, sqlite3_file *file, int flags, int *found)
{
    sqlite3_vfs *behind = v->pAppData;
    int reading = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0)
        return look_open_database(behind, path, container_of(file, struct look_file, base), reading,
                                  found);
    if ((flags & SQLITE_OPEN_WAL) == 0)
        return behind->xOpen(behind, path, file, flags, found); /* temporary */
    int there = 0;
    int code = behind->xAccess(behind, path, SQLITE_ACCESS_EXISTS, &there);
    return code == SQLITE_OK
               ? behind->xOpen(behind, there ? path : look_nothing, file, reading, found)
               : code;
}

static int look_delete(sqlite3_vfs *v, const char *path, int sync_directory)
{
    (void)v, (void)path, (void)sync_directory;
    return SQLITE_READONLY;
}

static int look_access(sqlite3_vfs *v, const char *path, int flags, int *result)
{
    sqlite3_vfs *behind = v->pAppData;
    return behind->xAccess(behind, path, flags, result);
}

static int look_full_path(sqlite3_vfs *v, const char *path, int size, char *full)
{
    sqlite3_vfs *behind = v->pAppData;
    return behind->xFullPathname(behind, path, size, full);
}

/* Registers `ours` in front of `behind`, which may be another one than before. */
static void look_register(sqlite3_vfs *ours, const char *name, sqlite3_vfs *behind)
{
    check(behind != NULL && behind != ours);
    int size = (int)sizeof(struct look_file) + behind->szOsFile;
    if (ours->pAppData == behind && ours->szOsFile == size)
        return;
    if (ours->pAppData != NULL)
        sqlite3_vfs_unregister(ours);
    *ours = *behind; /* all that concerns no file stays */
    ours->zName = name;
    ours->pNext = NULL;
    ours->pAppData = behind;
    ours->szOsFile = size;
    ours->xOpen = look_open;
    ours->xDelete = look_delete;
    ours->xAccess = look_access;
    ours->xFullPathname = look_full_path;
    check(sqlite3_vfs_register(ours, 0) == SQLITE_OK);
}

void db_look_install(void)
{
    pthread_mutex_lock(&vfs.mutex);
    look_register(&vfs.plain, DB_LOOK_VFS, sqlite3_vfs_find(NULL));
    look_register(&vfs.pages, DB_LOOK_PAGES_VFS, sqlite3_vfs_find(DB_PAGES_VFS));
    pthread_mutex_unlock(&vfs.mutex);
}
