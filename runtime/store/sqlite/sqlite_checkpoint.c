/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint copies pages from the WAL into views.db. If afterwards the WAL is lost or shortened,
 * SQLite shows old pages of what is left of it beside new pages of the file: a state that never
 * existed, in which balances have had some transfers and not others. So the commit mark
 * records, before a checkpoint, which WAL it copies and how many of its frames, and after it that
 * all of them are in the file. An opening checks that the WAL still has what it must have. */
#include "runtime/store/sqlite/sqlite_checkpoint.h"

#define CHECKPOINT_FRAMES 4096 /* 32 MiB */

/* The beginning of the WAL's index in shared memory, as sqlite.org/walformat.html has it. */
#define INDEX_REGION_BYTES (32 * 1024)
#define INDEX_FRAMES_AT 16
#define INDEX_SALTS_AT 32

/* What SQLite's index says of the WAL. */
struct wal {
    uint64_t salts; /* which one: the first, big-endian, counts up each time the WAL starts over */
    uint32_t frames;
};

/* A record of the commit mark: a = salts, b = frames, hash[0] = enum copying. */
enum copying {
    COPYING_UNDER_WAY = 1, /* of these frames any may be in the file */
    COPYING_DONE,          /* all of them are */
    COPYING_NO_WAL,        /* all is in the file, the next WAL may be any */
};

static bool checkpoint_look_at_wal(struct db *d, struct wal *wal)
{
    sqlite3_file *file = NULL;
    void volatile *region = NULL;
    if (sqlite3_exec(d->handle, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) !=
            SQLITE_OK ||
        sqlite3_file_control(d->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
        file->pMethods == NULL ||
        file->pMethods->xShmMap(file, 0, INDEX_REGION_BYTES, 0, &region) != SQLITE_OK ||
        region == NULL)
        return false;
    const uint8_t *index = (const uint8_t *)region;
    wal->salts = 0;
    for (int i = 0; i < 8; i++)
        wal->salts = wal->salts << 8 | index[INDEX_SALTS_AT + i];
    memcpy(&wal->frames, index + INDEX_FRAMES_AT, sizeof wal->frames);
    return true;
}

static bool checkpoint_note(struct store_sqlite *s, enum copying state, const struct wal *wal)
{
    struct commit_mark_record record = {
        .a = wal->salts, .b = wal->frames, .hash = {(uint8_t)state}};
    commit_mark_note(&s->commit_mark, COMMIT_MARK_VIEWS, &record);
    commit_mark_write(&s->commit_mark, COMMIT_MARK_VIEWS, COMMIT_MARK_VIEWS);
    return commit_mark_sync(&s->commit_mark);
}

static uint32_t checkpoint_generation(uint64_t salts)
{
    return (uint32_t)(salts >> 32);
}

static bool checkpoint_fits(const struct commit_mark_record *noted, const struct wal *wal)
{
    bool same = wal->salts == noted->a && wal->frames > 0;
    switch (noted->hash[0]) {
    case COPYING_UNDER_WAY:
        return same && wal->frames >= noted->b;
    case COPYING_DONE:
        if (same)
            return wal->frames >= noted->b;
        return wal->frames == 0 ||
               checkpoint_generation(wal->salts) == checkpoint_generation(noted->a) + 1;
    default:
        return noted->hash[0] == COPYING_NO_WAL;
    }
}

const char *sqlite_checkpoint_fault(struct store_sqlite *s)
{
    struct commit_mark_record noted;
    struct wal wal;
    if (!checkpoint_look_at_wal(&s->views_writer, &wal))
        return "its WAL cannot be looked at";
    if (!commit_mark_read(&s->commit_mark, COMMIT_MARK_VIEWS, &noted))
        return "the commit mark does not say which WAL belongs to it";
    return checkpoint_fits(&noted, &wal)
               ? NULL
               : "what was copied into it and what is left of its WAL do not belong together";
}

/* Copies all frames of the WAL, or as many as the readers allow that still need the file as it is;
 * the next call goes on from there. false: not all were copied. */
static bool checkpoint_copy_all(struct store_sqlite *s)
{
    struct wal wal;
    int frames = 0, copied = 0;
    if (!checkpoint_look_at_wal(&s->views_writer, &wal) ||
        !checkpoint_note(s, COPYING_UNDER_WAY, &wal))
        return false;
    if (sqlite3_wal_checkpoint_v2(s->views_writer.handle, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames,
                                  &copied) != SQLITE_OK ||
        copied != frames)
        return false;
    return checkpoint_note(s, COPYING_DONE, &wal);
}

static int checkpoint_on_commit(void *context, sqlite3 *handle, const char *database, int frames)
{
    (void)handle;
    (void)database;
    struct store_sqlite *s = context;
    s->views_frames = (uint32_t)frames;
    return SQLITE_OK;
}

void sqlite_checkpoint_watch(struct store_sqlite *s)
{
    s->views_frames = 0;
    sqlite3_wal_hook(s->views_writer.handle, checkpoint_on_commit, s);
}

void sqlite_checkpoint_due(struct store_sqlite *s)
{
    if (s->views_frames >= CHECKPOINT_FRAMES)
        (void)checkpoint_copy_all(s);
}

bool sqlite_checkpoint_all(struct store_sqlite *s)
{
    return checkpoint_copy_all(s) && checkpoint_note(s, COPYING_NO_WAL, &(struct wal){0, 0});
}

void sqlite_checkpoint_fresh(struct store_sqlite *s)
{
    (void)checkpoint_note(s, COPYING_NO_WAL, &(struct wal){0, 0});
}
