/* SPDX-License-Identifier: Apache-2.0 */
/* A WAL is a header and frames: a page each, behind its number, the size of the database if the
 * frame ends a commit, the salts of this WAL, and a checksum that goes on from that of the frame
 * before. When the WAL starts over the salts change, and what is left behind the new frames is of
 * no use: it was copied into the file. So a frame belongs to this WAL if it has its salts, or if
 * its checksum goes on from a frame that does. A checksum is followed from the one that stands in
 * the frame before, whether that one is whole or not: damage then costs one frame, not all behind
 * it. */
#include "runtime/store/sqlite/raw_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/memory.h"
#include "runtime/store/sqlite/sqlite_files.h"

#define WAL_HEADER 32
#define WAL_MAGIC 0x377f0682u /* the last bit: numbers of checksums are big-endian */
#define WAL_SALTS_AT 16
#define WAL_CHECKSUM_AT 24
#define FRAME_HEADER 24
#define FRAME_COMMIT_AT 4
#define FRAME_SALTS_AT 8
#define FRAME_CHECKSUM_AT 16
#define FRAME_BYTES (FRAME_HEADER + RAW_PAGE)
#define FRAMES_MAX (1u << 24)

struct wal_checksum {
    uint32_t a, b;
};

static uint32_t raw_u32(const uint8_t *at, bool big)
{
    return big ? (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3]
               : (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* Goes on over a number of bytes that 8 divides. */
static struct wal_checksum raw_checksum(struct wal_checksum c, const uint8_t *bytes, size_t size,
                                        bool big)
{
    check(size % 8 == 0);
    for (size_t i = 0; i < size; i += 8) {
        c.a += raw_u32(bytes + i, big) + c.b;
        c.b += raw_u32(bytes + i + 4, big) + c.a;
    }
    return c;
}

static struct wal_checksum raw_checksum_stored(const uint8_t *at)
{
    return (struct wal_checksum){raw_u32(at, true), raw_u32(at + 4, true)};
}

static bool raw_checksum_equal(struct wal_checksum x, struct wal_checksum y)
{
    return x.a == y.a && x.b == y.b;
}

static bool raw_read(int fd, uint64_t offset, uint8_t *bytes, size_t size)
{
    while (size > 0) {
        ssize_t got = pread(fd, bytes, size, (off_t)offset);
        if (got <= 0 && !(got < 0 && errno == EINTR))
            return false;
        size_t taken = got > 0 ? (size_t)got : 0;
        bytes += taken;
        offset += taken;
        size -= taken;
    }
    return true;
}

/* --- the WAL ---------------------------------------------------------------------------------- */

/* What is known while the frames are gone over. */
struct wal_reading {
    uint8_t salts[8];
    bool big;
    struct wal_checksum before; /* stored in what stands before the next frame */
    bool belongs;               /* so does that */
};

/* A damaged header leaves the salts of the first frame. */
static bool raw_wal_begin(struct raw_pages *r, struct wal_reading *w)
{
    uint8_t header[WAL_HEADER], first[FRAME_HEADER];
    if (!raw_read(r->wal, 0, header, sizeof header))
        return false;
    uint32_t magic = raw_u32(header, true);
    w->big = (magic & 1) != 0;
    w->before = raw_checksum_stored(header + WAL_CHECKSUM_AT);
    w->belongs = true;
    memcpy(w->salts, header + WAL_SALTS_AT, sizeof w->salts);
    struct wal_checksum found =
        raw_checksum((struct wal_checksum){0, 0}, header, WAL_CHECKSUM_AT, w->big);
    if ((magic & ~1u) == WAL_MAGIC && raw_checksum_equal(found, w->before))
        return true;
    r->wal_unreadable = true;
    w->big = false;
    if (!raw_read(r->wal, WAL_HEADER, first, sizeof first))
        return false;
    memcpy(w->salts, first + FRAME_SALTS_AT, sizeof w->salts);
    return true;
}

/* Does the frame end a commit of this WAL? */
static bool raw_wal_frame(struct wal_reading *w, const uint8_t bytes[FRAME_BYTES],
                          uint32_t pages_max, struct raw_frame *frame)
{
    struct wal_checksum c = raw_checksum(w->before, bytes, FRAME_SALTS_AT, w->big);
    c = raw_checksum(c, bytes + FRAME_HEADER, RAW_PAGE, w->big);
    struct wal_checksum stored = raw_checksum_stored(bytes + FRAME_CHECKSUM_AT);
    bool ours = memcmp(bytes + FRAME_SALTS_AT, w->salts, sizeof w->salts) == 0;
    frame->whole = raw_checksum_equal(c, stored);
    frame->page = raw_u32(bytes, true);
    if (frame->page > pages_max)
        frame->page = 0;
    w->belongs = ours || (w->belongs && frame->whole);
    w->before = stored;
    return w->belongs && raw_u32(bytes + FRAME_COMMIT_AT, true) != 0;
}

/* What cannot be read ends the WAL. */
static void raw_wal_read(struct raw_pages *r)
{
    struct wal_reading w;
    uint8_t bytes[FRAME_BYTES];
    if (r->wal < 0 || r->wal_size == 0 || !raw_wal_begin(r, &w))
        return;
    uint64_t room = r->wal_size < WAL_HEADER ? 0 : (r->wal_size - WAL_HEADER) / FRAME_BYTES;
    uint32_t count = room < FRAMES_MAX ? (uint32_t)room : FRAMES_MAX;
    r->frame = memory_take_zeroed((size_t)count + 1, sizeof *r->frame);
    for (uint32_t i = 0; i < count; i++) {
        if (!raw_read(r->wal, raw_pages_frame_offset(i) - FRAME_HEADER, bytes, sizeof bytes))
            break;
        if (raw_wal_frame(&w, bytes, r->file_pages + count, &r->frame[i]))
            r->frames = i + 1;
    }
}

static void raw_pages_map(struct raw_pages *r)
{
    r->page_count = r->file_pages;
    for (uint32_t i = 0; i < r->frames; i++)
        if (r->frame[i].page > r->page_count)
            r->page_count = r->frame[i].page;
    r->latest = memory_take_zeroed((size_t)r->page_count + 1, sizeof *r->latest);
    for (uint32_t i = 0; i < r->frames; i++)
        r->latest[r->frame[i].page] = i + 1;
}

/* --- both files ------------------------------------------------------------------------------- */

/* 0 or the system's error; *fd is -1 if there is none. */
static int raw_file_open(const char *directory, const char *suffix, int *fd, uint64_t *size)
{
    struct sqlite_path path = sqlite_files_path(directory, db_journal.file_name, suffix);
    struct stat st;
    *size = 0;
    *fd = open(path.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (*fd < 0)
        return errno == ENOENT ? 0 : errno;
    if (fstat(*fd, &st) != 0)
        return errno;
    *size = (uint64_t)st.st_size;
    return 0;
}

int raw_pages_open(struct raw_pages *r, const char *directory)
{
    uint64_t size = 0;
    *r = (struct raw_pages){.file = -1, .wal = -1};
    int failed = raw_file_open(directory, "", &r->file, &size);
    r->file_pages = size / RAW_PAGE < UINT32_MAX / 2 ? (uint32_t)(size / RAW_PAGE) : UINT32_MAX / 2;
    if (failed == 0)
        failed = raw_file_open(directory, "-wal", &r->wal, &r->wal_size);
    if (failed != 0) {
        raw_pages_close(r);
        return failed;
    }
    raw_wal_read(r);
    raw_pages_map(r);
    return 0;
}

void raw_pages_close(struct raw_pages *r)
{
    if (r->file >= 0)
        close(r->file);
    if (r->wal >= 0)
        close(r->wal);
    free(r->frame);
    free(r->latest);
    *r = (struct raw_pages){.file = -1, .wal = -1};
}

bool raw_pages_file(const struct raw_pages *r, uint32_t page, uint8_t bytes[RAW_PAGE])
{
    return page > 0 && page <= r->file_pages &&
           raw_read(r->file, (uint64_t)(page - 1) * RAW_PAGE, bytes, RAW_PAGE);
}

uint64_t raw_pages_frame_offset(uint32_t frame)
{
    return WAL_HEADER + (uint64_t)frame * FRAME_BYTES + FRAME_HEADER;
}

bool raw_pages_frame(const struct raw_pages *r, uint32_t frame, uint8_t bytes[RAW_PAGE])
{
    return frame < r->frames && raw_read(r->wal, raw_pages_frame_offset(frame), bytes, RAW_PAGE);
}
