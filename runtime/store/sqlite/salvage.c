/* SPDX-License-Identifier: Apache-2.0 */
/* Two passes. The first reads every page of the file and every frame of the WAL; each row on a leaf
 * that is a batch and matches its hash goes into an index, which costs 24 bytes a batch. Rows are
 * only ever added, so an old version of a page has nothing that a newer one contradicts. The second
 * goes through the sorted index, reads the batches again and adds them to the copy.
 *
 * What is missing follows from the numbers, up to the batch that commit mark or views know of.
 * Where it was follows from what is left over: frames that do not match their checksum, and pages
 * of the file that are neither part of a tree nor of a whole batch, nor in the WAL. */
#include "runtime/store/sqlite/salvage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/array.h"
#include "runtime/base/memory.h"
#include "runtime/store/sqlite/raw_row.h"
#include "runtime/store/sqlite/sqlite_files.h"
#include "runtime/store/sqlite/sqlite_journal.h"

#define BATCH_COLUMNS 8
#define LEASE_COLUMNS 3
#define PROGRESS_PAGES 1024

/* Where a whole batch was found. */
struct salvage_entry {
    uint64_t seq;
    uint32_t page;   /* of the file, or 0 ... */
    uint32_t frame;  /* ... and then this frame */
    uint16_t shard;
    uint16_t row;
    bool from_file;  /* so are its further pages */
};

struct salvage {
    const struct salvage_options *options;
    struct salvage_report *report;
    struct raw_pages raw;
    struct raw_row row;
    struct salvage_entry *entries;
    size_t count, cap;
    uint8_t *used; /* [file_pages + 1]: something could be taken from the page */
    uint64_t known[JOURNAL_COPY_SHARDS]; /* newest batch, by commit mark and views */
    struct slot_map slots;
    struct journal_copy copy;
};

/* --- the first pass: what is whole ------------------------------------------------------------ */

static bool salvage_number(const struct raw_value *v, uint64_t max, uint64_t *number)
{
    *number = (uint64_t)v->number;
    return v->type == RAW_INTEGER && v->number >= 0 && *number <= max;
}

static bool salvage_digest(const struct raw_value *v, struct sha256_digest *digest)
{
    if (v->type != RAW_BLOB || v->bytes.len != SHA256_SIZE)
        return false;
    memcpy(digest->bytes, v->bytes.data, SHA256_SIZE);
    return true;
}

/* The row as a batch; false if it is none. The first column is the rowid, any will do. */
static bool salvage_read_batch(const struct raw_row *row, struct batch_row *b)
{
    const struct raw_value *c = row->columns;
    uint64_t shard, count;
    if (row->count != BATCH_COLUMNS || c[0].type != RAW_NULL || c[7].type != RAW_BLOB ||
        !salvage_number(&c[1], JOURNAL_COPY_SHARDS - 1, &shard) ||
        !salvage_number(&c[2], JOURNAL_SEQ_MAX, &b->seq) ||
        !salvage_number(&c[3], INT64_MAX, &b->epoch) ||
        !salvage_number(&c[4], UINT32_MAX, &count) || !salvage_digest(&c[5], &b->prev_hash) ||
        !salvage_digest(&c[6], &b->hash))
        return false;
    b->shard = (uint16_t)shard;
    b->count = (uint32_t)count;
    b->body = c[7].bytes;
    return b->seq > 0;
}

static bool salvage_whole(const struct salvage *s, struct batch_row *b)
{
    return salvage_read_batch(&s->row, b) && s->options->whole(b);
}

static void salvage_take_lease(struct salvage *s)
{
    const struct raw_row *row = &s->row;
    const struct raw_value *c = row->columns;
    uint64_t epoch;
    if (row->count != LEASE_COLUMNS || c[0].type != RAW_NULL || row->rowid < 0 ||
        row->rowid >= JOURNAL_COPY_SHARDS || !salvage_number(&c[1], INT64_MAX, &epoch) ||
        (c[2].type != RAW_NULL && c[2].type != RAW_BLOB))
        return;
    struct salvage_shard *shard = &s->report->shards[row->rowid];
    shard->epoch = epoch > shard->epoch ? epoch : shard->epoch;
    if (row->rowid >= s->report->shard_count)
        s->report->shard_count = (uint16_t)(row->rowid + 1);
}

static void salvage_use_page(void *context, uint32_t page)
{
    struct salvage *s = context;
    if (page <= s->raw.file_pages)
        s->used[page] = 1;
}

/* Reads the row and, if it is a whole batch, remembers where it is. false: it is no whole row. */
static bool salvage_take_row(struct salvage *s, const uint8_t page[RAW_PAGE],
                             struct salvage_entry at)
{
    struct batch_row b;
    if (!raw_row_read(&s->row, &s->raw, page, at.row, at.from_file))
        return false;
    if (s->row.count != BATCH_COLUMNS) {
        salvage_take_lease(s);
        return true;
    }
    if (!salvage_whole(s, &b))
        return false;
    raw_row_pages(&s->row, &s->raw, at.from_file, salvage_use_page, s);
    array_reserve(s->entries, s->cap, s->count + 1);
    at.shard = b.shard;
    at.seq = b.seq;
    s->entries[s->count++] = at;
    return true;
}

/* Can everything on the page be read? */
static bool salvage_take_page(struct salvage *s, const uint8_t page[RAW_PAGE],
                              struct salvage_entry at)
{
    bool good = raw_page_kind(page) != RAW_PAGE_UNKNOWN;
    uint32_t rows = raw_page_rows(page);
    for (uint32_t i = 0; i < rows; i++) {
        at.row = (uint16_t)i;
        at.from_file = false;
        bool taken = salvage_take_row(s, page, at);
        at.from_file = true;
        good = (taken || salvage_take_row(s, page, at)) && good;
    }
    return good;
}

static void salvage_show(const struct salvage *s, uint64_t done, uint64_t total)
{
    if (s->options->progress != NULL && done % PROGRESS_PAGES == 0)
        s->options->progress(done, total);
}

static void salvage_scan(struct salvage *s)
{
    uint8_t page[RAW_PAGE];
    uint64_t total = (uint64_t)s->raw.file_pages + s->raw.frames;
    s->used = memory_take_zeroed((size_t)s->raw.file_pages + 1, 1);
    for (uint32_t i = 1; i <= s->raw.file_pages; i++) {
        salvage_show(s, i, total);
        struct salvage_entry at = {.page = i};
        bool good = raw_pages_file(&s->raw, i, page) &&
                    (i == 1 ? raw_page_first(page) : salvage_take_page(s, page, at));
        s->used[i] |= good || s->raw.latest[i] != 0;
    }
    for (uint32_t i = 0; i < s->raw.frames; i++) {
        salvage_show(s, s->raw.file_pages + i, total);
        struct salvage_entry at = {.frame = i};
        if (raw_pages_frame(&s->raw, i, page))
            (void)salvage_take_page(s, page, at);
    }
}

static int salvage_by_key(const void *a, const void *b)
{
    const struct salvage_entry *x = a, *y = b;
    return x->shard != y->shard ? x->shard - y->shard : (x->seq > y->seq) - (x->seq < y->seq);
}

/* --- what is missing -------------------------------------------------------------------------- */

static void salvage_add_place(struct salvage_report *r, const char *file, uint64_t offset,
                              uint64_t bytes)
{
    struct salvage_place *last = r->place_count > 0 ? &r->places[r->place_count - 1] : NULL;
    if (last != NULL && strcmp(last->file, file) == 0 && last->offset + last->bytes == offset) {
        last->bytes += bytes;
        return;
    }
    if (r->place_count == SALVAGE_PLACES_MAX)
        return;
    array_reserve(r->places, r->place_cap, r->place_count + 1);
    r->places[r->place_count++] = (struct salvage_place){file, offset, bytes};
}

static void salvage_find_places(struct salvage *s)
{
    static const char file[] = "journal.db", wal[] = "journal.db-wal";
    const uint32_t lock_page = 0x40000000 / RAW_PAGE + 1; /* SQLite never uses it */
    for (uint32_t i = 1; i <= s->raw.file_pages; i++)
        if (s->used[i] == 0 && i != lock_page)
            salvage_add_place(s->report, file, (uint64_t)(i - 1) * RAW_PAGE, RAW_PAGE);
    bool any = false;
    for (uint32_t i = 0; i < s->raw.frames; i++)
        any = any || s->raw.frame[i].whole;
    if (s->raw.wal_unreadable)
        salvage_add_place(s->report, wal, 0, any ? raw_pages_frame_offset(0) : s->raw.wal_size);
    for (uint32_t i = 0; any && i < s->raw.frames; i++)
        if (!s->raw.frame[i].whole)
            salvage_add_place(s->report, wal, raw_pages_frame_offset(i), RAW_PAGE);
}

static void salvage_add_gap(struct salvage *s, uint16_t shard, uint64_t first, uint64_t last,
                            bool end)
{
    struct salvage_report *r = s->report;
    if (first > last)
        return;
    array_reserve(r->gaps, r->gap_cap, r->gap_count + 1);
    r->gaps[r->gap_count++] = (struct salvage_gap){shard, first, last, end};
}

/* The newest batches that something beside the journal knows of, and which slots the shards have,
 * where that can be read. */
static void salvage_look_beside(struct salvage *s)
{
    struct store_sqlite_options look = s->options->target;
    struct journal_store *journal;
    struct view_store *views;
    struct commit_mark mark;
    struct commit_mark_record record;
    char reason[DB_PATH_MAX];
    look.directory = s->options->directory;
    look.look = true;
    if (commit_mark_look(&mark, s->options->directory) == 0) {
        for (uint16_t i = 0; i < JOURNAL_COPY_SHARDS; i++)
            if (commit_mark_read(&mark, COMMIT_MARK_SHARD + i, &record))
                s->known[i] = record.a;
        commit_mark_close(&mark);
    }
    if (store_sqlite_open(&look, &journal, &views, reason, sizeof reason) != ERR_OK)
        return;
    s->slots = *journal->slots;
    for (uint16_t i = 0; i < JOURNAL_COPY_SHARDS; i++) {
        struct store_position position = {0};
        if (views->ops->position(views, i, &position) == ERR_OK && position.seq > s->known[i])
            s->known[i] = position.seq;
    }
    views->ops->close(views);
    journal->ops->close(journal);
}

/* --- the second pass: the copy ---------------------------------------------------------------- */

static bool salvage_read_again(struct salvage *s, const struct salvage_entry *e,
                               struct batch_row *b)
{
    uint8_t page[RAW_PAGE];
    bool read = e->page != 0 ? raw_pages_file(&s->raw, e->page, page)
                             : raw_pages_frame(&s->raw, e->frame, page);
    return read && e->row < raw_page_rows(page) &&
           raw_row_read(&s->row, &s->raw, page, e->row, e->from_file) &&
           salvage_whole(s, b);
}

/* Notes what is missing before this batch, and copies it unless it lies behind a gap that shall be
 * the end. */
static enum err salvage_copy_batch(struct salvage *s, const struct batch_row *b, uint64_t before)
{
    struct salvage_shard *shard = &s->report->shards[b->shard];
    bool behind = shard->last != before;
    salvage_add_gap(s, b->shard, before + 1, b->seq - 1, false);
    shard->found++;
    behind = behind || b->seq != before + 1;
    if (behind && s->options->until_gap)
        return ERR_OK;
    s->report->hole = s->report->hole || behind;
    shard->copied++;
    shard->bytes += b->body.len;
    shard->last = b->seq;
    return journal_copy_add(&s->copy, b);
}

static void salvage_end_shard(struct salvage *s, uint16_t number, uint64_t last)
{
    uint64_t known = s->known[number];
    salvage_add_gap(s, number, last + 1, known, true);
    if ((last > 0 || known > 0) && number >= s->report->shard_count)
        s->report->shard_count = (uint16_t)(number + 1);
}

static enum err salvage_copy_shard(struct salvage *s, uint16_t number, size_t *at)
{
    uint64_t before = 0;
    for (; *at < s->count; (*at)++) {
        const struct salvage_entry *e = &s->entries[*at];
        struct batch_row b;
        if (e->shard != number)
            break;
        if (e->seq == before) /* found more than once */
            continue;
        if (!salvage_read_again(s, e, &b))
            return ERR_IO; /* it was there a moment ago */
        enum err failed = salvage_copy_batch(s, &b, before);
        if (failed != ERR_OK)
            return failed;
        before = e->seq;
        salvage_show(s, *at, s->count);
    }
    salvage_end_shard(s, number, before);
    return ERR_OK;
}

static enum err salvage_copy(struct salvage *s, char *reason, size_t reason_size)
{
    enum err e = journal_copy_open(&s->copy, &s->options->target, reason, reason_size);
    if (e != ERR_OK)
        return e;
    uint64_t epochs[JOURNAL_COPY_SHARDS];
    size_t at = 0;
    for (uint16_t shard = 0; e == ERR_OK && shard < JOURNAL_COPY_SHARDS; shard++) {
        e = salvage_copy_shard(s, shard, &at);
        epochs[shard] = s->report->shards[shard].epoch;
    }
    if (s->slots.shards < s->report->shard_count) /* not known, or of something else */
        slot_map_split(&s->slots, s->report->shard_count);
    s->report->shard_count = s->slots.shards;
    if (e == ERR_OK)
        e = journal_copy_finish(&s->copy, &s->slots, epochs);
    if (e != ERR_OK)
        snprintf(reason, reason_size, "%s: cannot copy to it: %s", s->options->target.directory,
                 err_text(e));
    journal_copy_close(&s->copy);
    return e;
}

/* --- both ------------------------------------------------------------------------------------- */

static enum err salvage_look(struct salvage *s, char *reason, size_t reason_size)
{
    const char *directory = s->options->directory, *target = s->options->target.directory;
    if (access(target, F_OK) == 0)
        return sqlite_files_refuse(reason, reason_size, target, "make a new directory", EEXIST);
    int failed = raw_pages_open(&s->raw, directory);
    if (failed != 0)
        return sqlite_files_refuse(reason, reason_size, directory, "read its journal", failed);
    if (s->raw.file_pages == 0 && s->raw.frames == 0)
        return sqlite_files_refuse(reason, reason_size, directory, "find a journal in it", ENOENT);
    return ERR_OK;
}

/* An empty copy would be an empty ledger. */
static enum err salvage_any(const struct salvage *s, char *reason, size_t reason_size)
{
    if (s->count > 0)
        return ERR_OK;
    snprintf(reason, reason_size, "%s: no whole batch was found in it; %s was not made",
             s->options->directory, s->options->target.directory);
    return ERR_CORRUPT;
}

enum err salvage_run(const struct salvage_options *options, struct salvage_report *report,
                     char *reason, size_t reason_size)
{
    struct salvage s = {.options = options, .report = report, .raw = {.file = -1, .wal = -1}};
    int lock = -1;
    *report = (struct salvage_report){0};
    enum err e = sqlite_files_lock(options->directory, true, &lock, reason, reason_size);
    if (e == ERR_OK)
        e = salvage_look(&s, reason, reason_size);
    if (e == ERR_OK) {
        salvage_scan(&s);
        e = salvage_any(&s, reason, reason_size);
    }
    if (e == ERR_OK) {
        salvage_find_places(&s);
        salvage_look_beside(&s);
        qsort(s.entries, s.count, sizeof *s.entries, salvage_by_key);
        e = salvage_copy(&s, reason, reason_size);
    }
    raw_pages_close(&s.raw);
    raw_row_done(&s.row);
    free(s.entries);
    free(s.used);
    if (lock >= 0)
        close(lock);
    return e;
}

void salvage_report_done(struct salvage_report *report)
{
    free(report->gaps);
    free(report->places);
    *report = (struct salvage_report){0};
}
