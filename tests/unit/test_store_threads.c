/* SPDX-License-Identifier: Apache-2.0 */
/* The workers of the embedded store at the same time: one thread appends and opens the journal anew
 * now and then, one projects, two read. Readers see only what a single moment can have held. */
#include "tests/unit/store_fixture.h"

#include <pthread.h>
#include <stdatomic.h>

#define BATCHES 400
#define REOPEN_EVERY 50
#define READERS 2
#define BODY_SIZE 30000 /* enough for checkpoints by the views worker */

struct workers {
    struct journal_store *journal;
    struct view_store *views;
    _Atomic uint64_t appended; /* batches acknowledged */
    _Atomic bool done;
};

static void *journal_worker(void *argument)
{
    struct workers *l = argument;
    struct journal_store *s = l->journal;
    char *body = calloc(1, BODY_SIZE + 1);
    memset(body, 'b', BODY_SIZE);
    uint64_t epoch = lease(s, 0);
    for (uint64_t seq = 1; seq <= BATCHES; seq++) {
        assert_int_equal(append_one(s, 0, seq, epoch, body), ERR_OK);
        atomic_store(&l->appended, seq);
        if (seq % REOPEN_EVERY == 0)
            assert_int_equal(s->ops->reopen(s), ERR_OK);
    }
    free(body);
    return NULL;
}

static void *views_worker(void *argument)
{
    struct workers *l = argument;
    struct view_store *s = l->views;
    uint64_t projected = 0;
    while (projected < BATCHES) {
        uint64_t appended = atomic_load(&l->appended);
        if (appended == projected) {
            usleep(100);
            continue;
        }
        assert_int_equal(s->ops->begin(s), ERR_OK);
        while (projected < appended) {
            projected++;
            assert_int_equal(put_coin(s, 1, projected, projected, "coin", 0), ERR_OK);
        }
        assert_int_equal(commit_at(s, 0, projected), ERR_OK);
        l->journal->ops->tidy(l->journal);
    }
    atomic_store(&l->done, true);
    return NULL;
}

static bool next_batch(void *context, const struct batch_row *row)
{
    assert_int_equal(row->seq, ++*(uint64_t *)context);
    return true;
}

static bool next_coin(void *context, const struct value *row)
{
    assert_int_equal(row[COIN_PLACE].number, ++*(uint64_t *)context);
    return true;
}

static void *read_worker(void *argument)
{
    struct workers *l = argument;
    struct journal_store *journal = l->journal;
    struct view_store *views = l->views;
    while (!atomic_load(&l->done)) {
        uint64_t before = atomic_load(&l->appended), batches = 0, coins = 0;
        assert_int_equal(journal->ops->tail(journal, 0, 1, next_batch, &batches), ERR_OK);
        assert_true(batches >= before);
        uint64_t position = views_seq(views, 0);
        struct view_scan q = {&coins_view, &coins_view.key, NULL, 0, NULL, 0, false, UINT32_MAX};
        assert_int_equal(views_scan(views, &q, next_coin, &coins), ERR_OK);
        assert_true(coins >= position && head(journal, 0) >= coins);
    }
    return NULL;
}

static void workers_work_at_the_same_time(void **state)
{
    struct fixture *f = *state;
    struct workers l = {.journal = f->journal, .views = f->views};
    pthread_t threads[2 + READERS];
    pthread_create(&threads[0], NULL, journal_worker, &l);
    pthread_create(&threads[1], NULL, views_worker, &l);
    for (int i = 0; i < READERS; i++)
        pthread_create(&threads[2 + i], NULL, read_worker, &l);
    for (int i = 0; i < 2 + READERS; i++)
        pthread_join(threads[i], NULL);
    fixture_restart(f);
    assert_int_equal(head(f->journal, 0), BATCHES);
    assert_int_equal(views_seq(f->views, 0), BATCHES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(workers_work_at_the_same_time, fixture_sqlite,
                                        fixture_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
