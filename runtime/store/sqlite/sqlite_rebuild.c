/* SPDX-License-Identifier: Apache-2.0 */
/* views.db is derived: whatever is wrong with it, it can be made again from the journal. So a
 * damaged file is removed and the projector finds an empty one; but only if the caller asked for
 * that, and never because the disk is full or a later version wrote the file. */
#include "runtime/store/sqlite/sqlite_rebuild.h"

#include <stdio.h>

#include "runtime/store/sqlite/db_pages.h"
#include "runtime/store/sqlite/sqlite_checkpoint.h"
#include "runtime/store/sqlite/sqlite_files.h"
#include "runtime/store/sqlite/sqlite_migrate.h"

static struct sqlite_path rebuild_path(const struct store_sqlite *s)
{
    return sqlite_files_path(s->directory, db_views.file_name, "");
}

static bool rebuild_filled(const struct store_sqlite *s, const char *suffix)
{
    return sqlite_files_filled(s->directory, db_views.file_name, suffix);
}

/* What the start reads first; the rest is looked at when it is read. Who only looks has no index
 * of the WAL to compare, and wants no more than the position: that of an older commit at worst. */
static enum err rebuild_look_whole(struct store_sqlite *s, char *reason, size_t reason_size)
{
    const char *wrong = NULL;
    if (!s->views_kind->look)
        wrong = sqlite_checkpoint_fault(s);
    if (wrong == NULL &&
        sqlite3_exec(s->views_writer.handle, "SELECT total(seq), max(hash) FROM position", NULL,
                     NULL, NULL) != SQLITE_OK)
        wrong = "where it stands cannot be read";
    if (wrong == NULL)
        return ERR_OK;
    snprintf(reason, reason_size, "%s: %s; %s", rebuild_path(s).text, wrong, db_views.remedy);
    return ERR_CORRUPT;
}

static enum err rebuild_open_once(struct store_sqlite *s,
                                  const struct store_sqlite_options *options, char *reason,
                                  size_t reason_size)
{
    enum err e = sqlite_files_usable(s->directory, s->views_kind, reason, reason_size);
    if (e != ERR_OK)
        return e;
    if (rebuild_filled(s, DB_PAGES_MARK)) {
        snprintf(reason, reason_size, "%s: damage was found when it was read; %s",
                 rebuild_path(s).text, db_views.remedy);
        return ERR_CORRUPT;
    }
    bool fresh = !rebuild_filled(s, "") && !rebuild_filled(s, "-wal"), look = s->views_kind->look;
    s->views_absent = fresh && look;
    if (s->views_absent)
        return ERR_OK;
    if (fresh)
        sqlite_checkpoint_fresh(s);
    if (!look)
        e = sqlite_files_make(s->directory, &db_views, reason, reason_size);
    if (e == ERR_OK)
        e = db_open(&s->views_writer, s->views_kind, s->directory, look, reason, reason_size);
    bool begun = e == ERR_OK && sqlite_migrate_begun(&s->views_writer);
    s->views_absent = e == ERR_OK && look && !begun;
    if (s->views_absent)
        return ERR_OK;
    if (begun)
        e = rebuild_look_whole(s, reason, reason_size);
    return e == ERR_OK ? sqlite_migrate_views(s, options, reason, reason_size) : e;
}

void sqlite_rebuild_damaged(struct view_store *base)
{
    db_pages_mark(rebuild_path(store_sqlite_of_views(base)).text, "content that cannot be");
}

/* What a refusal would advise is done here without being asked. */
static void rebuild_drop_remedy(char *reason)
{
    char *remedy = strstr(reason, db_views.remedy);
    if (remedy != NULL && remedy - reason >= 2)
        memcpy(remedy - 2, "", 1); /* with the "; " before it */
}

enum err sqlite_rebuild_open(struct store_sqlite *s, const struct store_sqlite_options *options,
                             char *reason, size_t reason_size)
{
    enum err e = rebuild_open_once(s, options, reason, reason_size);
    if (options->look) {
        s->views_absent = s->views_absent || (e == ERR_CORRUPT && options->rebuilding != NULL);
        return s->views_absent ? ERR_OK : e;
    }
    if (e == ERR_CORRUPT && options->rebuilding != NULL) {
        rebuild_drop_remedy(reason);
        options->rebuilding(options->context, reason);
        db_close(&s->views_writer, true);
        e = sqlite_files_remove(s->directory, &db_views, reason, reason_size);
        if (e == ERR_OK)
            e = rebuild_open_once(s, options, reason, reason_size);
    }
    if (e == ERR_OK)
        sqlite_checkpoint_watch(s);
    return e;
}
