/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite takes a damaged or shortened WAL for one that ends there: what came after is gone without
 * an error, acknowledged batches too. So after each append the journal worker notes the newest
 * batches here; a start that does not find them in the journal refuses. The note is written, not
 * synced: it survives the end of the process at once, and a loss of power as far as the system had
 * written it or the views worker synced it. It may lag behind the journal, it never leads.
 *
 * It costs a pwrite for each append, into the page cache, and no sync: of the records from the
 * first to the last of the shards in it, 2 KiB for sixteen. SQLite has no such thing: a WAL that
 * ends early is by its design one whose writer stopped there. Only a file that is not the WAL can
 * say that there was more.
 *
 * A record has two slots that take turns, so that a torn write leaves the one before. The other is
 * written again as it was. */
#include "runtime/store/sqlite/commit_mark.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/check.h"
#include "runtime/store/sqlite/db.h"

/* written when the file is made, so that notes need no space on a disk that is full */
#define COMMIT_MARK_FIRST_BYTES 4096

static_assert(sizeof(struct commit_mark_slot) == 64, "slots end at sector boundaries");

static void commit_mark_checksum(const struct commit_mark_slot *slot, uint32_t number,
                                 uint8_t check[COMMIT_MARK_CHECK_SIZE])
{
    uint32_t which = htole32(number);
    const struct slice pieces[] = {
        slice_of("commit-mark"),
        {(const char *)&which, sizeof which},
        {(const char *)slot, offsetof(struct commit_mark_slot, check)},
    };
    struct sha256_digest digest = sha256(pieces, array_len(pieces));
    memcpy(check, digest.bytes, COMMIT_MARK_CHECK_SIZE);
}

static off_t commit_mark_offset(uint32_t number)
{
    return (off_t)(2 * number) * (off_t)sizeof(struct commit_mark_slot);
}

/* Nothing is written with count 0. */
static bool commit_mark_slot_valid(const struct commit_mark_slot *slot, uint32_t number)
{
    uint8_t found[COMMIT_MARK_CHECK_SIZE];
    if (slot->count == 0)
        return false;
    commit_mark_checksum(slot, number, found);
    return memcmp(slot->check, found, sizeof found) == 0;
}

/* The newer of a record's slots, NULL if nothing is known. */
static const struct commit_mark_slot *commit_mark_newest(const struct commit_mark_slot slots[2],
                                                         uint32_t number)
{
    const struct commit_mark_slot *found = NULL;
    for (int i = 0; i < 2; i++)
        if (commit_mark_slot_valid(&slots[i], number) &&
            (found == NULL || le64toh(slots[i].count) > le64toh(found->count)))
            found = &slots[i];
    return found;
}

/* Slots beyond the end of the file read as zero. */
static void commit_mark_read_slots(const struct commit_mark *m, uint32_t first, uint32_t count,
                                   struct commit_mark_slot slots[][2])
{
    memset(slots, 0, count * sizeof *slots);
    ssize_t size = pread(m->fd, slots, count * sizeof *slots, commit_mark_offset(first));
    (void)size;
}

int commit_mark_open(struct commit_mark *m, const char *directory)
{
    char path[DB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", directory, COMMIT_MARK_FILE);
    m->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (m->fd < 0)
        return errno;
    static const char nothing[COMMIT_MARK_FIRST_BYTES];
    if (lseek(m->fd, 0, SEEK_END) == 0 && write(m->fd, nothing, sizeof nothing) < 0)
        errno = 0; /* no space: the notes extend the file later, or lag */
    commit_mark_read_slots(m, 0, COMMIT_MARK_RECORDS, m->slots);
    for (uint32_t i = 0; i < COMMIT_MARK_RECORDS; i++) {
        const struct commit_mark_slot *slot = commit_mark_newest(m->slots[i], i);
        m->counts[i] = slot != NULL ? le64toh(slot->count) : 0;
    }
    return 0;
}

int commit_mark_look(struct commit_mark *m, const char *directory)
{
    char path[DB_PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/%s", directory, COMMIT_MARK_FILE);
    m->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    return m->fd >= 0 || errno == ENOENT ? 0 : errno;
}

void commit_mark_close(struct commit_mark *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

bool commit_mark_read(const struct commit_mark *m, uint32_t number,
                      struct commit_mark_record *record)
{
    struct commit_mark_slot slots[1][2];
    if (number >= COMMIT_MARK_RECORDS)
        return false;
    commit_mark_read_slots(m, number, 1, slots);
    const struct commit_mark_slot *slot = commit_mark_newest(slots[0], number);
    if (slot == NULL)
        return false;
    *record = slot->record;
    record->a = le64toh(record->a);
    record->b = le64toh(record->b);
    return true;
}

void commit_mark_note(struct commit_mark *m, uint32_t number,
                      const struct commit_mark_record *record)
{
    if (number >= COMMIT_MARK_RECORDS)
        return;
    uint64_t count = ++m->counts[number];
    struct commit_mark_slot *slot = &m->slots[number][count & 1];
    *slot = (struct commit_mark_slot){.count = htole64(count), .record = *record};
    slot->record.a = htole64(record->a);
    slot->record.b = htole64(record->b);
    commit_mark_checksum(slot, number, slot->check);
}

void commit_mark_write(const struct commit_mark *m, uint32_t first, uint32_t last)
{
    check(first <= last);
    if (last >= COMMIT_MARK_RECORDS)
        last = COMMIT_MARK_RECORDS - 1;
    if (first > last)
        return;
    size_t size = (last + 1 - first) * sizeof m->slots[0];
    ssize_t written = pwrite(m->fd, m->slots[first], size, commit_mark_offset(first));
    (void)written; /* where it failed, the notes before stay */
}

bool commit_mark_sync(struct commit_mark *m)
{
    return fdatasync(m->fd) == 0;
}
