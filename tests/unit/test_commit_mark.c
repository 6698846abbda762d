/* SPDX-License-Identifier: Apache-2.0 */
/* The file that remembers how far journal and views had come: what a write leaves, and one that
 * does not get through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include <fcntl.h>
#include <unistd.h>

#include "runtime/base/array.h"
#include "runtime/store/sqlite/commit_mark.h"

#define SHARDS 16
#define SECTOR 512

struct scene {
    char directory[64], path[96];
    struct commit_mark mark;
};

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    snprintf(s->directory, sizeof s->directory, "/tmp/commit-mark-XXXXXX");
    assert_non_null(mkdtemp(s->directory));
    snprintf(s->path, sizeof s->path, "%s/%s", s->directory, COMMIT_MARK_FILE);
    assert_int_equal(commit_mark_open(&s->mark, s->directory), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    commit_mark_close(&s->mark);
    assert_int_equal(unlink(s->path), 0);
    assert_int_equal(rmdir(s->directory), 0);
    free(s);
    return 0;
}

static void note(struct scene *s, uint32_t number, uint64_t seq)
{
    struct commit_mark_record record = {.a = seq};
    memset(record.hash, (int)(number + seq), sizeof record.hash);
    commit_mark_note(&s->mark, number, &record);
}

/* Batch `seq` of all shards in one write. */
static void commit(struct scene *s, uint64_t seq)
{
    for (uint32_t i = 0; i < SHARDS; i++)
        note(s, COMMIT_MARK_SHARD + i, seq);
    commit_mark_write(&s->mark, COMMIT_MARK_SHARD, COMMIT_MARK_SHARD + SHARDS - 1);
}

static void open_again(struct scene *s)
{
    commit_mark_close(&s->mark);
    assert_int_equal(commit_mark_open(&s->mark, s->directory), 0);
}

/* What the file knows of it; 0 = nothing. */
static uint64_t known(const struct scene *s, uint32_t number)
{
    struct commit_mark_record record;
    if (!commit_mark_read(&s->mark, number, &record))
        return 0;
    for (size_t i = 0; i < sizeof record.hash; i++)
        assert_int_equal(record.hash[i], (uint8_t)(number + record.a));
    return record.a;
}

static size_t file_read(const struct scene *s, char *bytes, size_t size)
{
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, bytes, size);
    assert_true(fd >= 0 && len > 0);
    close(fd);
    return (size_t)len;
}

static void file_write(const struct scene *s, const char *bytes, size_t len)
{
    int fd = open(s->path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, 0), len);
    close(fd);
}

static void the_newest_note_of_each_is_known_after_a_start(void **state)
{
    struct scene *s = *state;
    note(s, COMMIT_MARK_VIEWS, 9);
    commit_mark_write(&s->mark, COMMIT_MARK_VIEWS, COMMIT_MARK_VIEWS);
    for (uint64_t seq = 1; seq <= 3; seq++)
        commit(s, seq);
    note(s, COMMIT_MARK_SHARD + 2, 7); /* it alone */
    commit_mark_write(&s->mark, COMMIT_MARK_SHARD + 2, COMMIT_MARK_SHARD + 2);
    for (int start = 0; start < 2; start++) {
        for (uint32_t i = 0; i < SHARDS; i++)
            assert_int_equal(known(s, COMMIT_MARK_SHARD + i), i == 2 ? 7 : 3);
        assert_int_equal(known(s, COMMIT_MARK_VIEWS), 9);
        assert_int_equal(known(s, COMMIT_MARK_SHARD + SHARDS), 0);
        open_again(s);
    }
    commit(s, 8);
    assert_int_equal(known(s, COMMIT_MARK_SHARD + 2), 8);
}

static void what_was_noted_and_not_written_is_not_known(void **state)
{
    struct scene *s = *state;
    commit(s, 1);
    note(s, COMMIT_MARK_SHARD, 2);
    note(s, COMMIT_MARK_SHARD + 1, 2);
    commit_mark_write(&s->mark, COMMIT_MARK_SHARD + 1, COMMIT_MARK_SHARD + 1);
    assert_int_equal(known(s, COMMIT_MARK_SHARD), 1);
    assert_int_equal(known(s, COMMIT_MARK_SHARD + 1), 2);
}

/* Of a write that was cut anywhere, from the front or from the end, each shard has this note or the
 * one before. */
static void a_torn_write_leaves_every_shard_a_note(void **state)
{
    struct scene *s = *state;
    static char before[COMMIT_MARK_RECORDS * 128], after[sizeof before], torn[sizeof before];
    commit(s, 1);
    for (uint64_t seq = 2; seq <= 3; seq++) {
        size_t len = file_read(s, before, sizeof before);
        commit(s, seq);
        assert_int_equal(file_read(s, after, sizeof after), len);
        for (size_t cut = 0; cut <= len; cut += SECTOR) {
            for (int front = 0; front < 2; front++) {
                memcpy(torn, front ? after : before, len);
                memcpy(torn + cut, (front ? before : after) + cut, len - cut);
                file_write(s, torn, len);
                for (uint32_t i = 0; i < SHARDS; i++)
                    assert_in_range(known(s, COMMIT_MARK_SHARD + i), seq - 1, seq);
            }
        }
        file_write(s, after, len);
    }
}

static void a_note_whose_content_changed_is_not_believed(void **state)
{
    struct scene *s = *state;
    static char bytes[COMMIT_MARK_RECORDS * 128];
    commit(s, 1);
    commit(s, 2);
    size_t len = file_read(s, bytes, sizeof bytes);
    size_t second = (size_t)COMMIT_MARK_SHARD * 128; /* an even count is in the first slot */
    for (size_t at = 0; at < 64; at++) {
        bytes[second + at] ^= 1;
        file_write(s, bytes, len);
        assert_int_equal(known(s, COMMIT_MARK_SHARD), 1);
        bytes[second + at] ^= 1;
    }
    file_write(s, bytes, len);
    assert_int_equal(known(s, COMMIT_MARK_SHARD), 2);
}

/* It lags until a write gets through, which has all notes since. */
static void a_write_that_fails_leaves_the_notes_before(void **state)
{
    struct scene *s = *state;
    commit(s, 1);
    int fd = s->mark.fd;
    s->mark.fd = open(s->path, O_RDONLY | O_CLOEXEC);
    assert_true(s->mark.fd >= 0);
    for (uint64_t seq = 2; seq <= 4; seq++)
        commit(s, seq);
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(known(s, COMMIT_MARK_SHARD + i), 1);
    close(s->mark.fd);
    s->mark.fd = fd;
    commit(s, 5);
    for (uint32_t i = 0; i < SHARDS; i++)
        assert_int_equal(known(s, COMMIT_MARK_SHARD + i), 5);
}

static void a_shard_of_too_high_a_number_is_not_noted(void **state)
{
    struct scene *s = *state;
    note(s, COMMIT_MARK_RECORDS - 1, 3);
    note(s, COMMIT_MARK_RECORDS, 4);
    commit_mark_write(&s->mark, COMMIT_MARK_RECORDS - 1, COMMIT_MARK_RECORDS);
    commit_mark_write(&s->mark, COMMIT_MARK_RECORDS, COMMIT_MARK_RECORDS);
    assert_int_equal(known(s, COMMIT_MARK_RECORDS - 1), 3);
    assert_int_equal(known(s, COMMIT_MARK_RECORDS), 0);
    assert_int_equal(lseek(s->mark.fd, 0, SEEK_END), COMMIT_MARK_RECORDS * 128);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_newest_note_of_each_is_known_after_a_start),
        CASE(what_was_noted_and_not_written_is_not_known),
        CASE(a_torn_write_leaves_every_shard_a_note),
        CASE(a_note_whose_content_changed_is_not_believed),
        CASE(a_write_that_fails_leaves_the_notes_before),
        CASE(a_shard_of_too_high_a_number_is_not_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
