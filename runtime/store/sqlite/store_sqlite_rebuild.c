/* SPDX-License-Identifier: Apache-2.0 */
/* Opening of views.db. It is derived: whatever is wrong with it, the journal makes it again. So
 * what is damaged is removed and the projector finds an empty one; but only where the caller asked
 * for that, and never because the disk is full or a later version wrote it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/store/sqlite/store_sqlite_priv.h"

#define SUFFIXES 5
static const char *const suffixes[SUFFIXES] = {"", "-wal", "-shm", "-journal", PAGES_MARK};

struct path {
    char text[DB_PATH_MAX + 64];
};

static struct path path_of(const struct store_sqlite *s, const struct db_kind *kind,
                           const char *suffix)
{
    struct path p;
    snprintf(p.text, sizeof p.text, "%s/%s%s", s->directory, kind->file_name, suffix);
    return p;
}

enum err sqlite_files_usable(const struct store_sqlite *s, const struct db_kind *kind,
                             char *reason, size_t reason_size)
{
    for (size_t i = 0; i < SUFFIXES; i++) {
        struct path p = path_of(s, kind, suffixes[i]);
        struct stat st;
        const char *wrong = NULL;
        if (lstat(p.text, &st) != 0)
            wrong = errno == ENOENT ? NULL : "cannot be looked at";
        else if (!S_ISREG(st.st_mode))
            wrong = "is not a file";
        else if (faccessat(AT_FDCWD, p.text, R_OK | W_OK, AT_EACCESS) != 0)
            wrong = "may not be read and written";
        if (wrong != NULL) {
            snprintf(reason, reason_size, "%s: %s; %s", p.text, wrong, kind->remedy);
            return ERR_CORRUPT;
        }
    }
    return ERR_OK;
}

/* One that is not empty, as it is before its first opening. */
static bool file_filled(const struct store_sqlite *s, const char *suffix)
{
    struct path p = path_of(s, &db_views, suffix);
    struct stat st;
    return stat(p.text, &st) == 0 && st.st_size > 0;
}

/* What the start reads first; the rest is looked at when it is read. */
static enum err look_whole(struct store_sqlite *s, char *reason, size_t reason_size)
{
    const char *wrong = NULL;
    if (!sqlite_views_whole(s))
        wrong = "what was copied into it and what is left of its WAL do not belong together";
    else if (sqlite3_exec(s->views_writer.handle, "SELECT total(seq), max(hash) FROM position",
                          NULL, NULL, NULL) != SQLITE_OK)
        wrong = "where it stands cannot be read";
    if (wrong == NULL)
        return ERR_OK;
    snprintf(reason, reason_size, "%s: %s; %s", path_of(s, &db_views, "").text, wrong,
             db_views.remedy);
    return ERR_CORRUPT;
}

static enum err open_once(struct store_sqlite *s, const struct store_sqlite_options *options,
                          char *reason, size_t reason_size)
{
    enum err e = sqlite_files_usable(s, &db_views, reason, reason_size);
    if (e != ERR_OK)
        return e;
    if (file_filled(s, PAGES_MARK)) {
        snprintf(reason, reason_size, "%s: damage was found when it was read; %s",
                 path_of(s, &db_views, "").text, db_views.remedy);
        return ERR_CORRUPT;
    }
    bool fresh = !file_filled(s, "") && !file_filled(s, "-wal");
    if (fresh)
        sqlite_views_new(s);
    e = sqlite_make_file(s, &db_views, reason, reason_size);
    if (e == ERR_OK)
        e = db_open(&s->views_writer, &db_views, s->directory, false, reason, reason_size);
    if (e == ERR_OK && !fresh)
        e = look_whole(s, reason, reason_size);
    return e == ERR_OK ? sqlite_migrate_views(s, options, reason, reason_size) : e;
}

void sqlite_views_damaged(struct view_store *base)
{
    pages_mark(path_of(sqlite_of_views(base), &db_views, "").text, "content that cannot be");
}

static enum err remove_files(const struct store_sqlite *s, char *reason, size_t reason_size)
{
    for (size_t i = 0; i < SUFFIXES; i++) {
        struct path p = path_of(s, &db_views, suffixes[i]);
        if (unlink(p.text) != 0 && errno != ENOENT && rmdir(p.text) != 0)
            return sqlite_refuse(reason, reason_size, p.text, "remove it", errno);
    }
    return ERR_OK;
}

enum err sqlite_views_open(struct store_sqlite *s, const struct store_sqlite_options *options,
                           char *reason, size_t reason_size)
{
    enum err e = open_once(s, options, reason, reason_size);
    if (e == ERR_CORRUPT && options->rebuilding != NULL) {
        options->rebuilding(options->context, reason);
        db_close(&s->views_writer, true);
        e = remove_files(s, reason, reason_size);
        if (e == ERR_OK)
            e = open_once(s, options, reason, reason_size);
    }
    if (e == ERR_OK)
        sqlite_views_watch(s);
    return e;
}
