/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the embedded store in their directory: paths, the lock, and whether a file can be
 * used. On failure `reason` has path, cause and remedy in one line. Blocks; while opening, but
 * sqlite_files_size() at any time, on any thread. */
#ifndef SQLITE_FILES_H
#define SQLITE_FILES_H

#include "runtime/store/sqlite/db.h"

struct sqlite_path {
    char text[DB_PATH_MAX + 64];
};

/* directory/name and suffix, where a suffix names SQLite's companions of a file: "-wal". */
struct sqlite_path sqlite_files_path(const char *directory, const char *name, const char *suffix);

/* Writes to `reason` why `doing` failed with this system error; ERR_STORE_FULL or ERR_IO. */
enum err sqlite_files_refuse(char *reason, size_t reason_size, const char *path, const char *doing,
                             int system);

/* Makes the directory if it is absent and checks that it can be used. */
must_check enum err sqlite_files_make_directory(const char *directory, char *reason,
                                                size_t reason_size);
/* Makes what was created in the directory survive power loss. 0 or the system's error. */
must_check int sqlite_files_sync_directory(const char *directory);

/* Takes the lock of the directory: *fd is the caller's to close, which gives the lock up, also
 * after a failure if it is not -1. ERR_IN_USE if another process has it. Looking, it is shared with
 * others that look, and where no lock was ever made there is none to take. */
must_check enum err sqlite_files_lock(const char *directory, bool look, int *fd, char *reason,
                                      size_t reason_size);

/* Creates the file, if it is absent, for its owner only. */
must_check enum err sqlite_files_make(const char *directory, const struct db_kind *kind,
                                      char *reason, size_t reason_size);
/* ERR_CORRUPT unless what has the names of this kind's files, if anything, are files that may be
 * read and, but for looking, written. */
must_check enum err sqlite_files_usable(const char *directory, const struct db_kind *kind,
                                        char *reason, size_t reason_size);
/* Removes all files of this kind. */
must_check enum err sqlite_files_remove(const char *directory, const struct db_kind *kind,
                                        char *reason, size_t reason_size);

/* Is there a file that is not empty? */
bool sqlite_files_filled(const char *directory, const char *name, const char *suffix);
/* Bytes of the file with its WAL and index. */
uint64_t sqlite_files_size(const char *directory, const struct db_kind *kind);

#endif
