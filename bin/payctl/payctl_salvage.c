/* SPDX-License-Identifier: Apache-2.0 */
/* store salvage: the work is done by runtime/store/sqlite/salvage.h; here its report becomes one
 * answer like those of payd. The list of revoked tokens goes along, since without it they would be
 * let in again. */
#include "runtime/store/sqlite/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/payctl/payctl_progress.h"
#include "bin/payctl/payctl_store.h"
#include "runtime/base/memory.h"
#include "runtime/journal/record.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define REASON_MAX 512
#define PATH_MAX_BYTES 4200
#define PIECE 65536
#define REVOKED_FILE "revoked"
#define GAPS_SHOWN_MAX 65536 /* as declared */

static bool salvage_is_whole(const struct batch_row *row)
{
    struct sha256_digest hash = batch_hash(row);
    return memcmp(hash.bytes, row->hash.bytes, SHA256_SIZE) == 0;
}

static void salvage_progress(uint64_t done, uint64_t total)
{
    progress_show("steps", done, total);
}

/* --- the list of revoked tokens --------------------------------------------------------------- */

static bool salvage_copy_bytes(int from, int to)
{
    char piece[PIECE];
    ssize_t got;
    while ((got = read(from, piece, sizeof piece)) > 0)
        if (write(to, piece, (size_t)got) != got)
            return false;
    return got == 0 && fsync(to) == 0;
}

/* Also done if there is none. */
static bool salvage_copy_revoked(const char *data, const char *into)
{
    char path[PATH_MAX_BYTES];
    snprintf(path, sizeof path, "%s/%s", data, REVOKED_FILE);
    int from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        return errno == ENOENT;
    snprintf(path, sizeof path, "%s/%s", into, REVOKED_FILE);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool copied = to >= 0 && salvage_copy_bytes(from, to);
    close(from);
    if (to >= 0)
        close(to);
    return copied;
}

/* --- the report ------------------------------------------------------------------------------- */

static uint64_t salvage_lost(const struct salvage_report *r)
{
    uint64_t lost = 0;
    for (uint32_t i = 0; i < r->gap_count; i++)
        lost += r->gaps[i].last - r->gaps[i].first + 1;
    return lost;
}

/* In the arena, as long as the report lives. */
static void salvage_describe(struct payctl *p, const struct salvage_report *r, const char *into,
                             struct salvage_info *info)
{
    struct salvaged_shard *shards = arena_alloc(&p->arena, sizeof *shards * (r->shard_count + 1u));
    struct missing_batches *missing = arena_alloc(&p->arena, sizeof *missing * (r->gap_count + 1u));
    struct damaged_place *damaged = arena_alloc(&p->arena, sizeof *damaged * (r->place_count + 1u));
    check(shards != NULL && missing != NULL && damaged != NULL);
    for (uint32_t i = 0; i < r->shard_count; i++) {
        const struct salvage_shard *s = &r->shards[i];
        shards[i] = (struct salvaged_shard){i, s->copied, s->last, s->bytes, s->found - s->copied};
    }
    for (uint32_t i = 0; i < r->gap_count; i++) {
        const struct salvage_gap *g = &r->gaps[i];
        missing[i] = (struct missing_batches){g->shard, g->first, g->last, g->end};
    }
    for (uint32_t i = 0; i < r->place_count; i++) {
        const struct salvage_place *at = &r->places[i];
        damaged[i] = (struct damaged_place){slice_of(at->file), at->offset, at->bytes};
    }
    *info = (struct salvage_info){
        .directory = slice_of(into),
        .starts = !r->hole,
        .batches_missing = salvage_lost(r),
        .shards = shards,
        .shards_count = r->shard_count,
        .missing = missing,
        .missing_count = r->gap_count < GAPS_SHOWN_MAX ? r->gap_count : GAPS_SHOWN_MAX,
        .damaged = damaged,
        .damaged_count = r->place_count,
    };
}

static int salvage_judge(struct payctl *p, const struct salvage_report *r)
{
    char line[REASON_MAX];
    uint64_t left_out = 0;
    for (uint32_t i = 0; i < r->shard_count; i++)
        left_out += r->shards[i].found - r->shards[i].copied;
    if (r->gap_count == 0)
        return PAYCTL_OK;
    int len = snprintf(line, sizeof line, "%llu batches are missing, the first is %llu of shard %u",
                       (unsigned long long)salvage_lost(r), (unsigned long long)r->gaps[0].first,
                       r->gaps[0].shard);
    if (r->hole)
        snprintf(line + len, sizeof line - (size_t)len,
                 "; others lie behind it, so no payd starts on the copy. With --until-gap a copy "
                 "ends before it");
    else if (left_out > 0)
        snprintf(line + len, sizeof line - (size_t)len,
                 "; %llu behind it were left out, so that payd starts on the copy",
                 (unsigned long long)left_out);
    else
        snprintf(line + len, sizeof line - (size_t)len,
                 "; they are the last ones, payd starts on the copy without them");
    payctl_print_error(p, result_info(RESULT_CORRUPT)->name, NULL, line);
    return PAYCTL_REFUSED;
}

int payctl_salvage(struct payctl *p)
{
    char reason[REASON_MAX];
    const char *into = payctl_args_value(&p->args, "into");
    const char *until_gap = payctl_args_value(&p->args, "until_gap");
    struct salvage_options options = {
        .directory = payctl_args_value(&p->args, "data"),
        .target = payctl_store_options(into),
        .until_gap = until_gap != NULL && strcmp(until_gap, "true") == 0,
        .whole = salvage_is_whole,
        .progress = salvage_progress,
    };
    struct salvage_report *report = memory_take_zeroed(1, sizeof *report);
    enum err e = salvage_run(&options, report, reason, sizeof reason);
    int code = PAYCTL_REFUSED;
    progress_clear();
    if (e != ERR_OK) {
        payctl_print_error(p, result_info((uint16_t)e)->name, NULL, reason);
    } else if (!salvage_copy_revoked(options.directory, into)) {
        payctl_print_error(p, "io", NULL, "the list of revoked tokens cannot be copied");
    } else {
        struct salvage_info info;
        salvage_describe(p, report, into, &info);
        payctl_print(p, &salvage_info_json, &info);
        code = salvage_judge(p, report);
    }
    salvage_report_done(report);
    free(report);
    return code;
}
