/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, ids, memory, hashes and filters of the base layer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include "runtime/base/arena.h"
#include "runtime/base/array.h"
#include "runtime/base/error.h"
#include "runtime/base/filter.h"
#include "runtime/base/hex.h"
#include "runtime/base/id128.h"
#include "runtime/base/list.h"
#include "runtime/base/rng.h"
#include "runtime/base/sha256.h"
#include "runtime/base/slab.h"
#include "runtime/base/u128.h"

static void errors_have_text(void **state)
{
    (void)state;
    assert_string_equal(err_text(ERR_OK), "ok");
    assert_string_equal(err_text(ERR_FENCED), "another writer owns the shard");
    assert_string_equal(err_text((enum err)ERR_DOMAIN_FIRST), "unknown error");
}

static void sums_and_products_refuse_overflow(void **state)
{
    (void)state;
    u128 v = 7;
    assert_false(u128_add(U128_MAX, 1, &v));
    assert_false(u128_sub(1, 2, &v));
    assert_false(u128_mul(U128_MAX, 2, &v));
    assert_false(u128_mul((u128)1 << 64, (u128)1 << 64, &v));
    assert_true(v == 7);
    assert_true(u128_mul(UINT64_MAX, UINT64_MAX, &v));
    assert_true(v == (u128)UINT64_MAX * UINT64_MAX);
    assert_true(u128_add(U128_MAX - 1, 1, &v) && v == U128_MAX);
    assert_true(u128_sub(U128_MAX, U128_MAX, &v) && v == 0);
}

static void amounts_survive_their_text(void **state)
{
    (void)state;
    static const struct {
        u128 value;
        const char *text;
    } cases[] = {
        {0, "0"},
        {9, "9"},
        {UINT64_MAX, "18446744073709551615"},
        {(u128)UINT64_MAX + 1, "18446744073709551616"},
        {(u128)10000000000000000000u * 10000000000000000000u,
         "100000000000000000000000000000000000000"},
        {U128_MAX, "340282366920938463463374607431768211455"},
    };
    for (size_t i = 0; i < array_len(cases); i++) {
        char text[U128_TEXT_MAX];
        assert_int_equal(u128_text(cases[i].value, text), strlen(cases[i].text));
        assert_string_equal(text, cases[i].text);
        u128 back = 1;
        assert_true(u128_parse(text, strlen(text), &back));
        assert_true(back == cases[i].value);
    }
}

static void malformed_amounts_are_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "a",
        "340282366920938463463374607431768211456", /* the maximum and one more */
        "999999999999999999999999999999999999999",
        "1000000000000000000000000000000000000000", /* 40 digits */
    };
    u128 v = 7;
    for (size_t i = 0; i < array_len(cases); i++)
        assert_false(u128_parse(cases[i], strlen(cases[i]), &v));
    assert_true(v == 7);
}

static void an_id_tells_its_time_and_home(void **state)
{
    (void)state;
    struct id128 id = id128_make(0x0123456789ab, 0xfedcba9876543210, 0x4242);
    assert_int_equal(id128_unix_ms(id), 0x0123456789ab);
    assert_int_equal(id128_slot(id), 0x4242);
    assert_int_equal(id.hi & 0xffff, 0xfedc);
    assert_int_equal(id.lo >> 16, 0xba9876543210);
    uint8_t bytes[16];
    id128_store(id, bytes);
    assert_int_equal(bytes[0], 0x01);
    assert_int_equal(bytes[15], 0x42);
    assert_true(id128_equal(id128_load(bytes), id));
}

/* Chosen so that (hi ^ lo * odd) is the same for all of them: a hash that only mixes such a term
 * gives one value, and a table of them is a list. */
static struct id128 chosen_id(uint64_t n)
{
    const uint64_t inverse =
        0xF1DE83E19937733Du; /* of the golden ratio's odd number, modulo 2^64 */
    uint64_t hi = (1700000000000 + n) << 16;
    return (struct id128){hi, (hi ^ 0x1234567890AB0000u) * inverse};
}

static uint64_t distinct_homes(void)
{
    static bool taken[1 << 16];
    memset(taken, 0, sizeof taken);
    uint64_t count = 0;
    for (uint64_t n = 0; n < array_len(taken); n++) {
        size_t home = id128_hash(chosen_id(n)) >> 32 & (array_len(taken) - 1);
        count += !taken[home];
        taken[home] = true;
    }
    return count;
}

static void hashes_of_chosen_ids_are_apart_whatever_the_seed(void **state)
{
    (void)state;
    const struct id128_seed fixed = id128_seed;
    uint64_t before = id128_hash(chosen_id(1));
    assert_in_range(distinct_homes(), 40000, 43000); /* at random: 41,427 */
    id128_draw_seed();
    assert_int_not_equal(id128_hash(chosen_id(1)), before);
    assert_in_range(distinct_homes(), 40000, 43000);
    id128_set_seed(&fixed);
    assert_int_equal(id128_hash(chosen_id(1)), before);
}

static void ids_survive_their_text_in_order(void **state)
{
    (void)state;
    struct rng r;
    rng_seed(&r, 1);
    for (int i = 0; i < 2000; i++) {
        struct id128 a = {rng_next(&r), rng_next(&r)};
        struct id128 b = i % 2 ? (struct id128){a.hi, rng_next(&r)}
                               : (struct id128){rng_next(&r), a.lo};
        char a_text[ID128_TEXT_LEN], b_text[ID128_TEXT_LEN];
        id128_text(a, a_text);
        id128_text(b, b_text);
        int by_text = memcmp(a_text, b_text, sizeof a_text);
        assert_int_equal((by_text > 0) - (by_text < 0), id128_compare(a, b));
        struct id128 back;
        assert_true(id128_parse(a_text, sizeof a_text, &back));
        assert_true(id128_equal(back, a));
    }
}

static void malformed_ids_are_refused(void **state)
{
    (void)state;
    struct id128 id;
    assert_true(id128_parse("7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26, &id) && id128_is_max(id));
    assert_true(id128_parse("7zzzzzzzzzzzzzzzzzzzzzzzzz", 26, &id) && id128_is_max(id));
    assert_true(id128_parse("00000000000000000000000000", 26, &id) && id128_is_zero(id));
    static const char *const cases[] = {
        "",
        "0000000000000000000000000",
        "000000000000000000000000000",
        "80000000000000000000000000",
        "0000000000000000000000000I",
        "0000000000000000000000000l",
        "0000000000000000000000000O",
        "0000000000000000000000000u",
        "0000000000000000000000000-",
        "0000000000000000000000000\xff",
    };
    for (size_t i = 0; i < array_len(cases); i++)
        assert_false(id128_parse(cases[i], strlen(cases[i]), &id));
    assert_true(id128_is_zero(id));
}

static void an_arena_hands_out_zeroed_memory_up_to_its_limit(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 300; size++) {
            char *memory = arena_alloc(&a, size);
            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            memset(memory, 0xa5, size);
        }
        struct slice copy = arena_copy(&a, slice_of("held until the reset"));
        assert_true(slice_equal(copy, slice_of("held until the reset")));
        assert_non_null(arena_alloc(&a, 50000));
        assert_null(arena_alloc(&a, 10000));
        assert_null(arena_alloc(&a, 1)); /* sticky */
        assert_int_equal(arena_copy(&a, slice_of("x")).len, 0);
        assert_true(a.failed);
        arena_reset(&a);
        assert_int_equal(a.allocated, 0);
    }
    assert_null(arena_alloc(&a, SIZE_MAX));
    arena_done(&a);
}

static void a_slab_reuses_what_is_given_back(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 8, 100, 9000};
    for (size_t s = 0; s < array_len(sizes); s++) {
        struct slab slab;
        slab_init(&slab, sizes[s]);
        enum { count = 2000 };
        static char *objects[count];
        for (int i = 0; i < count; i++) {
            objects[i] = slab_take(&slab);
            assert_non_null(objects[i]);
            assert_int_equal((uintptr_t)objects[i] % 8, 0);
            memset(objects[i], i, sizes[s]);
        }
        for (int i = 0; i < count; i++) /* nobody wrote over a neighbour */
            assert_true(objects[i][0] == (char)i && objects[i][sizes[s] - 1] == (char)i);
        assert_int_equal(slab.live, count);
        slab_give(&slab, objects[7]);
        assert_ptr_equal(slab_take(&slab), objects[7]);
        slab_done(&slab);
        assert_int_equal(slab.live, 0);
    }
}

static void a_slab_begins_lines_where_it_was_told(void **state)
{
    (void)state;
    enum { line = 64, hot_at = 16 };
    static const size_t sizes[] = {17, 128, 176, 9000};
    for (size_t s = 0; s < array_len(sizes); s++) {
        struct slab slab;
        slab_init_lined(&slab, sizes[s], hot_at);
        for (int round = 0; round < 2; round++) {
            char *before = NULL;
            for (int i = 0; i < 2000; i++) {
                char *object = slab_take(&slab);
                assert_int_equal(((uintptr_t)object + hot_at) % line, 0);
                assert_true(before == NULL || before[sizes[s] - 1] == (char)(i - 1));
                before = memset(object, i, sizes[s]);
            }
            slab_done(&slab); /* and once more */
        }
    }
}

static void queues_keep_their_order(void **state)
{
    (void)state;
    struct fifo f;
    struct fifo_link links[3];
    fifo_init(&f);
    assert_null(fifo_pop(&f));
    fifo_push(&f, &links[1]);
    fifo_push(&f, &links[2]);
    fifo_push_front(&f, &links[0]);
    for (int i = 0; i < 3; i++)
        assert_ptr_equal(fifo_pop(&f), &links[i]);
    assert_true(fifo_empty(&f));
    assert_null(fifo_pop_last(&f));
    for (int i = 0; i < 3; i++)
        fifo_push(&f, &links[i]);
    assert_ptr_equal(fifo_pop_last(&f), &links[2]);
    fifo_push(&f, &links[2]);
    for (int i = 3; i-- > 0;)
        assert_ptr_equal(fifo_pop_last(&f), &links[i]);
    assert_true(fifo_empty(&f));
    struct list head, items[2];
    list_init(&head);
    list_append(&head, &items[0]);
    list_append(&head, &items[1]);
    list_remove(&items[0]);
    list_remove(&items[0]);
    assert_ptr_equal(head.next, &items[1]);
    list_remove(&items[1]);
    assert_true(list_empty(&head));
}

/* FIPS 180-4's own examples. */
static void hashes_agree_with_the_standard(void **state)
{
    (void)state;
    static const uint8_t of_abc[] = {
        0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01, 0xcf, 0xea, 0x41, 0x41, 0x40, 0xde, 0x5d, 0xae, 0x22,
        0x23, 0xb0, 0x03, 0x61, 0xa3, 0x96, 0x17, 0x7a, 0x9c, 0xb4, 0x10, 0xff, 0x61, 0xf2, 0x00,
        0x15, 0xad};
    static const uint8_t of_nothing[] = {0xe3, 0xb0, 0xc4, 0x42};
    struct slice whole = slice_of("abc");
    struct slice pieces[] = {slice_of("a"), {NULL, 0}, slice_of("bc")};
    for (int i = 0; i < 3; i++) { /* the context is reused */
        struct sha256_digest d = sha256(&whole, 1);
        assert_memory_equal(d.bytes, of_abc, sizeof of_abc);
        d = sha256(pieces, array_len(pieces));
        assert_memory_equal(d.bytes, of_abc, sizeof of_abc);
        d = sha256(NULL, 0);
        assert_memory_equal(d.bytes, of_nothing, sizeof of_nothing);
    }
    assert_true(sha256_id(&whole, 1).hi == 0xba7816bf8f01cfeau);
}

static void random_numbers_repeat_and_stay_below(void **state)
{
    (void)state;
    struct rng a, b;
    rng_seed(&a, 42);
    rng_seed(&b, 42);
    unsigned seen[10] = {0};
    for (int i = 0; i < 100000; i++) {
        assert_int_equal(rng_next(&a), rng_next(&b));
        uint64_t drawn = rng_below(&a, array_len(seen));
        assert_int_equal(drawn, rng_below(&b, array_len(seen)));
        assert_true(drawn < array_len(seen));
        seen[drawn]++;
    }
    for (size_t i = 0; i < array_len(seen); i++)
        assert_in_range(seen[i], 9500, 10500);
    assert_int_equal(rng_below(&a, 1), 0);
    int hits = 0;
    for (int i = 0; i < 100000; i++)
        hits += rng_chance(&a, 250000);
    assert_in_range(hits, 24000, 26000);
    assert_false(rng_chance(&a, 0));
    assert_true(rng_chance(&a, 1000000));
    /* The reference outputs for the state 1, 2, 3, 4. */
    struct rng known = {{1, 2, 3, 4}};
    assert_int_equal(rng_next(&known), 11520);
    assert_int_equal(rng_next(&known), 0);
    assert_int_equal(rng_next(&known), 1509978240);
}

static void a_filter_forgets_nothing_and_rarely_errs(void **state)
{
    (void)state;
    struct filter f;
    filter_init(&f, 100);
    assert_int_equal(f.block_mask, 0);
    filter_done(&f);
    enum { keys = 50000 };
    filter_init(&f, 128 * 1024); /* 21 bits per key */
    assert_int_equal(f.block_mask, 2047);
    for (uint64_t i = 0; i < keys; i++)
        filter_add(&f, (struct id128){i << 16, 3});
    for (uint64_t i = 0; i < keys; i++)
        assert_true(filter_maybe(&f, (struct id128){i << 16, 3}));
    assert_int_equal(f.added, keys);
    unsigned wrong = 0;
    for (uint64_t i = keys; i < 3 * keys; i++)
        wrong += filter_maybe(&f, (struct id128){i << 16, 3});
    assert_true(wrong < 2 * keys / 1000); /* under 0.1 % */
    filter_done(&f);
}

static void bytes_survive_their_hex_in_one_spelling(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x9a, 0xbf, 0xff};
    uint8_t read[sizeof bytes];
    char text[2 * sizeof bytes];
    hex_write(bytes, sizeof bytes, text);
    assert_memory_equal(text, "009abfff", sizeof text);
    assert_true(hex_read(text, sizeof read, read));
    assert_memory_equal(read, bytes, sizeof bytes);
    assert_false(hex_read("009aBfff", sizeof read, read));
    assert_false(hex_read("009abff:", sizeof read, read));
    assert_int_equal(hex_value('F'), 15);
    assert_int_equal(hex_value('g'), -1);
}

static void an_array_grows_and_keeps_its_items(void **state)
{
    (void)state;
    uint64_t *items = NULL;
    uint32_t cap = 0;
    for (uint32_t count = 0; count < 1000; count++) {
        array_reserve(items, cap, count + 1);
        items[count] = count;
    }
    assert_true(cap >= 1000 && cap < 4000);
    assert_true(items[0] == 0 && items[999] == 999);
    array_reserve(items, cap, 100000); /* far more than twice */
    assert_int_equal(cap, 100000);
    assert_true(items[999] == 999);
    free(items);
}

static void bytes_grow_up_to_their_limit(void **state)
{
    (void)state;
    size_t cap = 0;
    char *bytes = array_try_grow(NULL, &cap, 10, 1000);
    assert_true(bytes != NULL && cap >= 10 && cap <= 1000);
    bytes = array_try_grow(bytes, &cap, 900, 1000);
    assert_true(bytes != NULL && cap >= 900 && cap <= 1000);
    size_t before = cap;
    assert_null(array_try_grow(bytes, &cap, 1001, 1000));
    assert_true(cap == before);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_have_text),
        cmocka_unit_test(sums_and_products_refuse_overflow),
        cmocka_unit_test(amounts_survive_their_text),
        cmocka_unit_test(malformed_amounts_are_refused),
        cmocka_unit_test(an_id_tells_its_time_and_home),
        cmocka_unit_test(hashes_of_chosen_ids_are_apart_whatever_the_seed),
        cmocka_unit_test(ids_survive_their_text_in_order),
        cmocka_unit_test(malformed_ids_are_refused),
        cmocka_unit_test(an_arena_hands_out_zeroed_memory_up_to_its_limit),
        cmocka_unit_test(a_slab_reuses_what_is_given_back),
        cmocka_unit_test(a_slab_begins_lines_where_it_was_told),
        cmocka_unit_test(queues_keep_their_order),
        cmocka_unit_test(hashes_agree_with_the_standard),
        cmocka_unit_test(random_numbers_repeat_and_stay_below),
        cmocka_unit_test(bytes_survive_their_hex_in_one_spelling),
        cmocka_unit_test(an_array_grows_and_keeps_its_items),
        cmocka_unit_test(bytes_grow_up_to_their_limit),
        cmocka_unit_test(a_filter_forgets_nothing_and_rarely_errs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
