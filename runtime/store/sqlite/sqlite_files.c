/* SPDX-License-Identifier: Apache-2.0 */
/* A database is up to five files: its own, SQLite's WAL, the index of the WAL, a rollback journal,
 * and the mark of a damaged page. They are made for their owner only, in a
 * directory that one process locks with flock(): the kernel drops the lock with the process,
 * however that ends. What is found under these names may be anything, and is looked at before
 * SQLite opens it, which would follow a link or report no more than "unable to open". */
#include "runtime/store/sqlite/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/store/sqlite/db_pages.h"

#define SYSTEM_TEXT_MAX 128

#define SIZED_SUFFIXES 3 /* the first of them: what counts as the database's size */
static const char *const suffixes[] = {"", "-wal", "-shm", "-journal", DB_PAGES_MARK};

struct sqlite_path sqlite_files_path(const char *directory, const char *name, const char *suffix)
{
    struct sqlite_path p;
    snprintf(p.text, sizeof p.text, "%s/%s%s", directory, name, suffix);
    return p;
}

enum err sqlite_files_refuse(char *reason, size_t reason_size, const char *path, const char *doing,
                             int system)
{
    char text[SYSTEM_TEXT_MAX];
    const char *remedy = "";
    if (system == EACCES || system == EPERM || system == EROFS)
        remedy = "; give its owner read and write access or choose another directory";
    else if (system == ENOSPC || system == EDQUOT)
        remedy = "; free some space";
    snprintf(reason, reason_size, "%s: cannot %s: %s%s", path, doing,
             strerror_r(system, text, sizeof text), remedy);
    return system == ENOSPC || system == EDQUOT ? ERR_STORE_FULL : ERR_IO;
}

/* --- the directory ---------------------------------------------------------------------------- */

int sqlite_files_sync_directory(const char *directory)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    int failed = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return failed;
}

enum err sqlite_files_make_directory(const char *directory, char *reason, size_t reason_size)
{
    struct stat st;
    if (mkdir(directory, 0700) == 0) {
        char parent[DB_PATH_MAX + 4];
        snprintf(parent, sizeof parent, "%s/..", directory);
        int failed = sqlite_files_sync_directory(parent);
        if (failed != 0 && failed != EACCES) /* EACCES: a parent that may be searched, not read */
            return sqlite_files_refuse(reason, reason_size, parent, "sync the directory", failed);
    } else if (errno != EEXIST) {
        return sqlite_files_refuse(reason, reason_size, directory, "make the directory", errno);
    }
    if (stat(directory, &st) != 0)
        return sqlite_files_refuse(reason, reason_size, directory, "open the directory", errno);
    if (!S_ISDIR(st.st_mode))
        return sqlite_files_refuse(reason, reason_size, directory, "use it as the data directory",
                                   ENOTDIR);
    if (faccessat(AT_FDCWD, directory, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return sqlite_files_refuse(reason, reason_size, directory, "write to the directory", errno);
    return ERR_OK;
}

enum err sqlite_files_lock(const char *directory, bool look, int *fd, char *reason,
                           size_t reason_size)
{
    int mode = look ? O_RDONLY : O_RDWR | O_CREAT;
    struct sqlite_path path = sqlite_files_path(directory, "lock", "");
    *fd = open(path.text, mode | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0 && look && errno == ENOENT)
        return ERR_OK;
    if (*fd < 0)
        return sqlite_files_refuse(reason, reason_size, path.text, "open the lock", errno);
    char owner[32] = "";
    if (flock(*fd, (look ? LOCK_SH : LOCK_EX) | LOCK_NB) != 0) {
        int system = errno;
        if (system != EWOULDBLOCK)
            return sqlite_files_refuse(reason, reason_size, path.text, "take the lock", system);
        ssize_t size = pread(*fd, owner, sizeof owner - 1, 0);
        owner[size > 0 ? size : 0] = '\0';
        snprintf(reason, reason_size,
                 "%s: the data directory is in use by another process (%s); stop it or choose "
                 "another directory with DATABASE_URL (--database-url sqlite:DIRECTORY)",
                 directory, owner[0] != '\0' ? owner : "unknown");
        return ERR_IN_USE;
    }
    if (look)
        return ERR_OK;
    /* For the message above only: nothing depends on it. */
    int len = snprintf(owner, sizeof owner, "%ld", (long)getpid());
    if (ftruncate(*fd, 0) != 0 || pwrite(*fd, owner, (size_t)len, 0) != len)
        return sqlite_files_refuse(reason, reason_size, path.text, "write the lock", errno);
    return ERR_OK;
}

/* --- one database ----------------------------------------------------------------------------- */

/* SQLite would follow the umask. Nobody has the file open yet, so closing it here drops no lock of
 * SQLite's. */
enum err sqlite_files_make(const char *directory, const struct db_kind *kind, char *reason,
                           size_t reason_size)
{
    struct sqlite_path path = sqlite_files_path(directory, kind->file_name, "");
    int fd = open(path.text, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return sqlite_files_refuse(reason, reason_size, path.text, "open it", errno);
    close(fd);
    return ERR_OK;
}

enum err sqlite_files_usable(const char *directory, const struct db_kind *kind, char *reason,
                             size_t reason_size)
{
    for (size_t i = 0; i < array_len(suffixes); i++) {
        struct sqlite_path p = sqlite_files_path(directory, kind->file_name, suffixes[i]);
        struct stat st;
        const char *wrong = NULL;
        if (lstat(p.text, &st) != 0)
            wrong = errno == ENOENT ? NULL : "cannot be looked at";
        else if (!S_ISREG(st.st_mode))
            wrong = "is not a file";
        else if (faccessat(AT_FDCWD, p.text, kind->look ? R_OK : R_OK | W_OK, AT_EACCESS) != 0)
            wrong = kind->look ? "may not be read" : "may not be read and written";
        if (wrong != NULL) {
            snprintf(reason, reason_size, "%s: %s; %s", p.text, wrong, kind->remedy);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

enum err sqlite_files_remove(const char *directory, const struct db_kind *kind, char *reason,
                             size_t reason_size)
{
    for (size_t i = 0; i < array_len(suffixes); i++) {
        struct sqlite_path p = sqlite_files_path(directory, kind->file_name, suffixes[i]);
        if (unlink(p.text) != 0 && errno != ENOENT && rmdir(p.text) != 0)
            return sqlite_files_refuse(reason, reason_size, p.text, "remove it", errno);
    }
    return ERR_OK;
}

bool sqlite_files_filled(const char *directory, const char *name, const char *suffix)
{
    struct sqlite_path p = sqlite_files_path(directory, name, suffix);
    struct stat st;
    return lstat(p.text, &st) == 0 && st.st_size > 0;
}

uint64_t sqlite_files_size(const char *directory, const struct db_kind *kind)
{
    uint64_t size = 0;
    for (size_t i = 0; i < SIZED_SUFFIXES; i++) {
        struct sqlite_path p = sqlite_files_path(directory, kind->file_name, suffixes[i]);
        struct stat st;
        if (stat(p.text, &st) == 0)
            size += (uint64_t)st.st_size;
    }
    return size;
}
