/* SPDX-License-Identifier: Apache-2.0 */
/* Keys in both stores: sorted runs that are merged, and one row for each. The same random history
 * of steps, of which some are taken back and after some of which the process ends, must make both
 * find the same. Histories also run with the code broken on purpose (runtime/base/mutant.h), which
 * must be noticed. */
#include "runtime/base/mutant.h"
#include "runtime/base/time.h"
#include "tests/unit/store_fixture.h"

#define HISTORIES 24
#define STEPS 80
#define KEYS 400 /* few enough to come again */
#define STEP_KEYS_MAX 40
#define SLACK_NS (2 * NS_PER_DAY) /* what a store may keep longer */

enum mutant mutant_active = MUTANT_NONE;

struct model {
    struct rng rng;
    struct fixture *real, *simulated;
    struct key_space space;
    uint64_t seq, position, now_ns;
    struct key_decision added[STEP_KEYS_MAX];
    size_t added_count;
    uint64_t decided_ns[KEYS]; /* last; 0 = never, or taken back */
};

static struct id128 key_of(uint64_t n)
{
    return (struct id128){id128_hash((struct id128){n, 1}), n};
}

static struct view_store *views_of(const struct model *m, int which)
{
    return which == 0 ? m->real->views : m->simulated->views;
}

/* --- a step ----------------------------------------------------------------------------------- */

static void choose_keys(struct model *m)
{
    m->added_count = rng_below(&m->rng, 4) == 0 ? 0 : rng_below(&m->rng, STEP_KEYS_MAX);
    for (size_t i = 0; i < m->added_count; i++)
        m->added[i] = (struct key_decision){key_of(rng_below(&m->rng, KEYS)), ++m->position,
                                            m->now_ns};
}

static void write_step(struct model *m, int which, uint64_t until_ns)
{
    struct view_store *s = views_of(m, which);
    assert_int_equal(s->ops->begin(s), ERR_OK);
    assert_int_equal(s->ops->keys_add(s, m->space, m->added, m->added_count), ERR_OK);
    if (until_ns > 0)
        assert_int_equal(s->ops->keys_expire(s, m->space, until_ns), ERR_OK);
}

static void note_added(struct model *m)
{
    for (size_t i = 0; i < m->added_count; i++)
        m->decided_ns[m->added[i].key.lo] = m->added[i].time_ns;
}

static void model_step(struct model *m, uint64_t keep_ns)
{
    const bool expires = m->space.kind != KEY_KIND_EVENT && m->now_ns > keep_ns;
    const bool taken_back = rng_below(&m->rng, 5) == 0;
    m->now_ns += rng_below(&m->rng, NS_PER_DAY / 2);
    choose_keys(m);
    for (int which = 0; which < 2; which++) {
        struct view_store *s = views_of(m, which);
        write_step(m, which, expires ? m->now_ns - keep_ns : 0);
        if (taken_back)
            s->ops->rollback(s);
        else
            assert_int_equal(commit_at(s, m->space.shard, m->seq + 1), ERR_OK);
    }
    m->seq += !taken_back;
    if (!taken_back)
        note_added(m);
    if (rng_below(&m->rng, 6) == 0)
        fixture_restart(m->real);
}

/* --- what is found ---------------------------------------------------------------------------- */

/* false: a look-up is wrong. */
static bool agree(const struct model *m, uint64_t n, uint64_t keep_ns)
{
    uint64_t positions[2] = {0, 0};
    enum err found[2];
    for (int which = 0; which < 2; which++) {
        struct view_store *s = views_of(m, which);
        found[which] = s->ops->key_find(s, m->space, key_of(n), &positions[which]);
        assert_true(found[which] == ERR_OK || found[which] == ERR_NOT_FOUND);
    }
    if (found[1] == ERR_OK)
        return found[0] == ERR_OK && positions[0] == positions[1];
    return found[0] == ERR_NOT_FOUND ||
           (m->decided_ns[n] > 0 && m->decided_ns[n] + keep_ns + SLACK_NS >= m->now_ns);
}

struct walk {
    bool seen[KEYS];
};

static void see_key(void *context, struct id128 key)
{
    struct walk *w = context;
    assert_true(key.lo < KEYS && id128_equal(key, key_of(key.lo)));
    w->seen[key.lo] = true;
}

static void walk_over(struct model *m, int which, struct walk *w)
{
    struct view_store *s = views_of(m, which);
    struct key_cursor cursor = {.begun = false};
    *w = (struct walk){{false}};
    while (!cursor.ended)
        assert_int_equal(s->ops->keys_walk(s, m->space, &cursor, KEYS_WALK_MIN, see_key, w),
                         ERR_OK);
}

/* false: the walk over the runs lacks a key. */
static bool walks_agree(struct model *m)
{
    struct walk real, simulated;
    walk_over(m, 0, &real);
    walk_over(m, 1, &simulated);
    for (uint64_t n = 0; n < KEYS; n++)
        if (simulated.seen[n] && !real.seen[n])
            return false;
    return true;
}

struct between {
    struct key_range range;
    struct walk seen;
};

static bool see_between(void *context, struct id128 key)
{
    struct between *b = context;
    assert_true(id128_compare(key, b->range.from) >= 0 && id128_compare(key, b->range.to) <= 0);
    see_key(&b->seen, key);
    return true;
}

/* false: a range of the runs lacks a key. */
static bool ranges_agree(struct model *m)
{
    struct between found[2];
    struct id128 one = key_of(rng_below(&m->rng, KEYS)), other = key_of(rng_below(&m->rng, KEYS));
    bool in_order = id128_compare(one, other) <= 0;
    for (int which = 0; which < 2; which++) {
        struct view_store *s = views_of(m, which);
        found[which] =
            (struct between){.range = {m->space, in_order ? one : other, in_order ? other : one,
                                       see_between, &found[which]}};
        assert_int_equal(s->ops->keys_between(s, &found[which].range), ERR_OK);
    }
    for (uint64_t n = 0; n < KEYS; n++)
        if (found[1].seen.seen[n] && !found[0].seen.seen[n])
            return false;
    return true;
}

/* --- a history -------------------------------------------------------------------------------- */

static bool run_steps(struct model *m, uint64_t keep_ns)
{
    for (int i = 0; i < STEPS; i++) {
        model_step(m, keep_ns);
        for (int k = 0; k < 20; k++)
            if (!agree(m, rng_below(&m->rng, KEYS), keep_ns))
                return false;
        if (!ranges_agree(m))
            return false;
    }
    for (uint64_t n = 0; n < KEYS; n++)
        if (!agree(m, n, keep_ns))
            return false;
    return walks_agree(m);
}

/* false: the stores differ. */
static bool run_history(uint64_t seed)
{
    static const size_t merges[] = {2, 8, 30, 100, 0};
    struct model m = {.now_ns = NS_PER_DAY};
    void *real = NULL, *simulated = NULL;
    rng_seed(&m.rng, seed);
    fixture_sqlite(&real);
    fixture_sim(&simulated);
    m.real = real;
    m.simulated = simulated;
    m.real->key_merge_keys = merges[rng_below(&m.rng, array_len(merges))];
    m.space = (struct key_space){(uint16_t)rng_below(&m.rng, 3),
                                 rng_below(&m.rng, 3) == 0 ? KEY_KIND_EVENT : KEY_KIND_REQUEST};
    fixture_restart(m.real);
    bool good = run_steps(&m, rng_below(&m.rng, 2) == 0 ? 3 * NS_PER_DAY : 31 * NS_PER_DAY);
    fixture_done(&real);
    fixture_done(&simulated);
    return good;
}

static void both_stores_find_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++)
        if (!run_history(seed))
            fail_msg("the stores differ after the history of seed %u", (unsigned)seed);
}

static void every_mutant_is_noticed(void **state)
{
    static const char *const names[] = {
#define X(name, text) text,
        MUTANT_LIST_KEYS(X)
#undef X
    };
    (void)state;
    for (int i = MUTANT_COUNT + 1; i < MUTANT_END; i++) {
        uint64_t seed = 1;
        mutant_active = (enum mutant)i;
        while (seed <= HISTORIES && run_history(seed))
            seed++;
        mutant_active = MUTANT_NONE;
        print_message("%s: seed %u\n", names[i - MUTANT_COUNT - 1], (unsigned)seed);
        assert_true(seed <= HISTORIES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_stores_find_the_same),
        cmocka_unit_test(every_mutant_is_noticed),
    };
    return cmocka_run_group_tests_name("key_model", tests, NULL, NULL);
}
