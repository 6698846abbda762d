/* SPDX-License-Identifier: Apache-2.0 */
/* The pacing of the views worker on a disk that fails: a caller that waits for a write hears of its
 * failure, and the sync behind it does not hear of it again. */
#include "tests/unit/store_fixture.h"

#include <errno.h>
#include <fcntl.h>

/* of a coin: more than the views worker writes without a wait */
#define NAME_SIZE (3 * 1024 * 1024)
#define BODY_SIZE (12 * 1024 * 1024) /* of a batch: the next step copies it into journal.db */

static int failure; /* errno of each wait; 0 = all is well */
static int waits;

/* In the place of the system's. */
int sync_file_range(int fd, off64_t from, off64_t count, unsigned flags)
{
    (void)from, (void)count, (void)flags;
    assert_true(fd >= 0);
    waits++;
    errno = failure;
    return failure != 0 ? -1 : 0;
}

static const char *long_text(size_t size)
{
    static char text[BODY_SIZE + 1];
    memset(text, 'x', size);
    text[size] = '\0';
    return text;
}

static enum err project(struct view_store *s, uint64_t seq, size_t size)
{
    assert_int_equal(s->ops->begin(s), ERR_OK);
    enum err e = put_coin(s, 1, seq, 1, long_text(size), 0);
    if (e == ERR_OK)
        return commit_at(s, 0, seq);
    s->ops->rollback(s);
    return e;
}

static void a_step_waits_for_the_disk(void **state)
{
    struct fixture *f = *state;
    waits = 0;
    assert_int_equal(project(f->views, 1, 10), ERR_OK);
    assert_int_equal(waits, 0);
    assert_int_equal(project(f->views, 2, NAME_SIZE), ERR_OK);
    assert_true(waits >= 2);
}

static void a_file_system_that_cannot_wait_does_no_harm(void **state)
{
    struct fixture *f = *state;
    static const int codes[] = {ENOSYS, EINVAL, ESPIPE, EOPNOTSUPP, EPERM};
    for (uint32_t i = 0; i < array_len(codes); i++) {
        failure = codes[i];
        assert_int_equal(project(f->views, i + 1, NAME_SIZE), ERR_OK);
    }
    failure = 0;
    assert_int_equal(views_seq(f->views, 0), array_len(codes));
}

static void a_step_whose_write_failed_is_not_committed(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(project(f->views, 1, 10), ERR_OK);
    failure = EIO;
    assert_int_equal(project(f->views, 2, NAME_SIZE), ERR_IO);
    failure = ENOSPC;
    assert_int_equal(project(f->views, 2, NAME_SIZE), ERR_STORE_FULL);
    failure = 0;
    assert_int_equal(views_seq(f->views, 0), 1);
    assert_int_equal(project(f->views, 2, NAME_SIZE), ERR_OK);
}

/* Else the WAL would start over, and with it what journal.db never got. */
static void after_a_failed_checkpoint_the_journal_is_opened_anew(void **state)
{
    struct fixture *f = *state;
    struct journal_store *journal = f->journal;
    uint64_t epoch = lease(journal, 0);
    assert_int_equal(append_one(journal, 0, 1, epoch, long_text(BODY_SIZE)), ERR_OK);
    failure = EIO;
    waits = 0;
    journal->ops->tidy(journal);
    assert_int_equal(waits, 1);
    failure = 0;
    assert_int_equal(append_one(journal, 0, 2, epoch, "b"), ERR_IO);
    assert_int_equal(journal->ops->reopen(journal), ERR_OK);
    assert_int_equal(head(journal, 0), 1);
    assert_int_equal(append_one(journal, 0, 2, epoch, "b"), ERR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_sqlite, fixture_done)
    const struct CMUnitTest tests[] = {
        TEST(a_step_waits_for_the_disk),
        TEST(a_file_system_that_cannot_wait_does_no_harm),
        TEST(a_step_whose_write_failed_is_not_committed),
        TEST(after_a_failed_checkpoint_the_journal_is_opened_anew),
    };
    return cmocka_run_group_tests_name("store_pace", tests, NULL, NULL);
}
