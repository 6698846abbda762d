/* SPDX-License-Identifier: Apache-2.0 */
/* Revocations: by token and by subject, across restarts, ended, full, damaged, unwritable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>

#include "gateway_bridge/auth/revocations.h"
#include "gateway_bridge/auth/token.h"
#include "runtime/base/sha256.h"

#define NOW UINT64_C(1800000000)

struct fixture {
    char directory[64];
    char path[80];
    struct revocations *list;
};

static struct id128 subject_id(const char *tenant, const char *subject)
{
    struct slice pieces[] = {slice_of(tenant), {"", 1}, slice_of(subject)};
    return sha256_id(pieces, array_len(pieces));
}

static void again_with(struct fixture *f, uint32_t lifetime_s)
{
    char error[REVOCATIONS_ERROR_MAX] = "";
    revocations_close(f->list);
    f->list = revocations_open(f->directory, lifetime_s, error);
    if (f->list == NULL)
        fail_msg("%s", error);
}

static void again(struct fixture *f)
{
    again_with(f, TOKEN_LIFETIME_MAX_S);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->directory, sizeof f->directory, "/tmp/revoked-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/revoked", f->directory);
    again(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char draft[96];
    snprintf(draft, sizeof draft, "%s.new", f->path);
    revocations_close(f->list);
    (void)unlink(f->path);
    (void)unlink(draft);
    (void)rmdir(draft);
    (void)rmdir(f->directory);
    free(f);
    return 0;
}

static enum revocations_outcome revoke_token(struct fixture *f, const char *jti, uint64_t now_s)
{
    struct revocation v;
    assert_true(revocation_of_token(&v, slice_of(jti), now_s));
    return revocations_add(f->list, &v, now_s);
}

static void revoke_subject(struct fixture *f, const char *subject, uint64_t before_s)
{
    struct revocation v;
    assert_true(revocation_of_subject(&v, slice_of("acme"), slice_of(subject), before_s, NOW));
    assert_int_equal(revocations_add(f->list, &v, NOW), REVOCATIONS_DONE);
}

static bool refused(struct fixture *f, const char *jti, const char *subject, uint64_t issued_s)
{
    struct id128 token = jti != NULL ? revocation_token_id(slice_of(jti)) : ID128_ZERO;
    return revocations_hit(f->list, token, subject_id("acme", subject), issued_s);
}

static void test_a_token_stays_revoked_over_a_restart(void **state)
{
    struct fixture *f = *state;
    uint64_t before = revocations_generation(f->list);
    assert_int_equal(revoke_token(f, "jti-1", NOW), REVOCATIONS_DONE);
    assert_true(revocations_generation(f->list) != before);
    for (int restart = 0; restart < 2; restart++) {
        assert_true(refused(f, "jti-1", "alice", NOW));
        assert_false(refused(f, "jti-2", "alice", NOW));
        assert_false(refused(f, NULL, "jti-1", NOW));
        again(f);
    }
}

static void test_a_subject_is_revoked_up_to_a_time(void **state)
{
    struct fixture *f = *state;
    revoke_subject(f, "alice", NOW - 10);
    for (int restart = 0; restart < 2; restart++) {
        assert_true(refused(f, "any", "alice", NOW - 11));
        assert_true(refused(f, NULL, "alice", 0));
        assert_false(refused(f, "any", "alice", NOW - 10));
        assert_false(refused(f, "any", "bob", NOW - 11));
        again(f);
    }
    revoke_subject(f, "Ren\xC3\xA9", NOW); /* a token's subject need not be ASCII */
    for (int restart = 0; restart < 2; restart++) {
        assert_true(refused(f, NULL, "Ren\xC3\xA9", NOW - 1));
        again(f);
    }
    revoke_subject(f, "alice", NOW);
    revoke_subject(f, "alice", NOW - 100); /* does not let in what was refused */
    assert_true(refused(f, "any", "alice", NOW - 1));
    assert_false(refused(f, "any", "alice", NOW));
}

static void test_it_ends_with_the_last_token_it_could_concern(void **state)
{
    struct fixture *f = *state;
    struct revocation list[4];
    assert_int_equal(revoke_token(f, "old", NOW), REVOCATIONS_DONE);
    uint64_t end = NOW + TOKEN_LIFETIME_MAX_S + TOKEN_SKEW_S;
    assert_int_equal(revocations_list(f->list, list, 4, end - 1), 1);
    assert_string_equal(list[0].name, "old");
    assert_int_equal(list[0].until_s, end);
    assert_int_equal(revocations_list(f->list, list, 4, end), 0);
    assert_int_equal(revoke_token(f, "new", end), REVOCATIONS_DONE);
    assert_false(refused(f, "old", "alice", NOW));
    again(f);
    assert_int_equal(revocations_list(f->list, list, 4, end), 1);
}

/* Who issues its id again meanwhile does not get it in earlier. */
static void test_a_token_that_is_revoked_again_stays_so_longer(void **state)
{
    struct fixture *f = *state;
    struct revocation list[4];
    assert_int_equal(revoke_token(f, "jti-1", NOW), REVOCATIONS_DONE);
    assert_int_equal(revoke_token(f, "jti-1", NOW + 600), REVOCATIONS_DONE);
    assert_int_equal(revocations_list(f->list, list, 4, NOW + 600), 1);
    assert_int_equal(list[0].until_s, NOW + 600 + TOKEN_LIFETIME_MAX_S + TOKEN_SKEW_S);
}

/* The file of a list without room for one more. */
static void write_full_list(const char *path)
{
    size_t len = 0, size = (size_t)REVOCATIONS_MAX * 64;
    char *text = malloc(size);
    assert_non_null(text);
    for (uint32_t i = 0; i < REVOCATIONS_MAX; i++)
        len += (size_t)snprintf(text + len, size - len, "1\t%llu\t0\t%llu\t\tjti-%u\n",
                                (unsigned long long)NOW, (unsigned long long)NOW + 3610, i);
    struct slice lines = {text, (uint32_t)len};
    struct sha256_digest digest = sha256(&lines, 1);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fprintf(file, "sha256\t");
    for (int i = 0; i < SHA256_SIZE; i++)
        fprintf(file, "%02x", digest.bytes[i]);
    fprintf(file, "\n");
    fclose(file);
    free(text);
}

static void test_it_lasts_as_long_as_tokens_may_live(void **state)
{
    struct fixture *f = *state;
    struct revocation list[4];
    assert_int_equal(revoke_token(f, "old", NOW), REVOCATIONS_DONE);
    revoke_subject(f, "alice", NOW - 10);
    again_with(f, 86400); /* the setting has changed */
    assert_int_equal(revocations_list(f->list, list, 4, NOW + 86400), 1);
    assert_string_equal(list[0].name, "old");
    assert_int_equal(revocations_list(f->list, list, 4, NOW + 86400 + TOKEN_SKEW_S), 0);
    again_with(f, 60); /* what was let in until then lives on */
    assert_int_equal(revocations_list(f->list, list, 4, NOW + 3599), 2);
    assert_int_equal(revoke_token(f, "new", NOW + 3600), REVOCATIONS_DONE);
    assert_int_equal(revocations_list(f->list, list, 4, NOW + 3660 + TOKEN_SKEW_S), 0);
}

static void test_a_full_list_refuses_more(void **state)
{
    struct fixture *f = *state;
    write_full_list(f->path);
    again(f);
    assert_true(refused(f, "jti-9999", "alice", NOW));
    assert_int_equal(revoke_token(f, "one more", NOW), REVOCATIONS_FULL);
    assert_false(refused(f, "one more", "alice", NOW));
    assert_int_equal(revoke_token(f, "jti-7", NOW), REVOCATIONS_DONE);
    assert_int_equal(revoke_token(f, "one more", NOW + 3610), REVOCATIONS_DONE);
    assert_true(refused(f, "one more", "alice", NOW));
}

static void test_damage_stops_the_start(void **state)
{
    struct fixture *f = *state;
    char text[1024], error[REVOCATIONS_ERROR_MAX];
    assert_int_equal(revoke_token(f, "jti-1", NOW), REVOCATIONS_DONE);
    revoke_subject(f, "alice", NOW);
    FILE *file = fopen(f->path, "r");
    assert_non_null(file);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    for (size_t i = 0; i < 2 * len; i++) { /* every byte flipped, then every truncation */
        size_t size = i < len ? len : i - len;
        if (i < len)
            text[i] ^= 1;
        file = fopen(f->path, "w");
        assert_int_equal(fwrite(text, 1, size, file), size);
        fclose(file);
        if (i < len)
            text[i] ^= 1;
        assert_null(revocations_open(f->directory, TOKEN_LIFETIME_MAX_S, error));
        assert_non_null(strstr(error, f->path));
    }
}

static void test_what_cannot_be_written_holds_until_the_end(void **state)
{
    struct fixture *f = *state;
    char draft[96];
    snprintf(draft, sizeof draft, "%s.new", f->path);
    assert_int_equal(mkdir(draft, 0700), 0);
    assert_int_equal(revoke_token(f, "jti-1", NOW), REVOCATIONS_WRITING);
    assert_true(refused(f, "jti-1", "alice", NOW));
    assert_int_equal(rmdir(draft), 0);
    assert_int_equal(revoke_token(f, "jti-1", NOW), REVOCATIONS_DONE);
    again(f);
    assert_true(refused(f, "jti-1", "alice", NOW));
}

static void test_names_are_printable_and_short(void **state)
{
    (void)state;
    struct revocation v;
    char name[REVOCATION_NAME_MAX + 2];
    memset(name, 'a', sizeof name);
    assert_true(revocation_of_token(&v, (struct slice){name, REVOCATION_NAME_MAX}, NOW));
    assert_false(revocation_of_token(&v, (struct slice){name, REVOCATION_NAME_MAX + 1}, NOW));
    assert_false(revocation_of_token(&v, slice_of(""), NOW));
    assert_false(revocation_of_token(&v, slice_of("a\tb"), NOW));
    assert_false(revocation_of_subject(&v, slice_of("t\n"), slice_of("alice"), NOW, NOW));
}

struct reader {
    struct fixture *fixture;
    atomic_bool stop;
    bool seen_back; /* a revoked token was let in again */
};

static void *read_on(void *context)
{
    struct reader *r = context;
    bool known = false;
    while (!atomic_load(&r->stop)) {
        bool hit = refused(r->fixture, "jti-0", "alice", NOW);
        r->seen_back |= known && !hit;
        known |= hit;
    }
    return NULL;
}

static void test_loops_read_while_one_adds(void **state)
{
    struct fixture *f = *state;
    struct reader r = {.fixture = f};
    pthread_t thread;
    char jti[32];
    assert_int_equal(pthread_create(&thread, NULL, read_on, &r), 0);
    for (uint32_t i = 0; i < 100; i++) {
        snprintf(jti, sizeof jti, "jti-%u", i);
        assert_int_equal(revoke_token(f, jti, NOW), REVOCATIONS_DONE);
        assert_true(refused(f, jti, "alice", NOW));
    }
    atomic_store(&r.stop, true);
    pthread_join(thread, NULL);
    assert_false(r.seen_back);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_a_token_stays_revoked_over_a_restart),
        TEST(test_a_subject_is_revoked_up_to_a_time),
        TEST(test_it_ends_with_the_last_token_it_could_concern),
        TEST(test_it_lasts_as_long_as_tokens_may_live),
        TEST(test_a_token_that_is_revoked_again_stays_so_longer),
        TEST(test_a_full_list_refuses_more),
        TEST(test_damage_stops_the_start),
        TEST(test_what_cannot_be_written_holds_until_the_end),
        TEST(test_loops_read_while_one_adds),
        cmocka_unit_test(test_names_are_printable_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
