/* SPDX-License-Identifier: Apache-2.0 */
/* A turn that fails leaves nothing: the ids that it used are as new as before. */
#include "tests/unit/shard_fixture.h"

#define DEED_KIND PURSE_KIND /* there are no purses here */
#define EVENT_DONE 200
#define DEED_DONE 70 /* refused: it was done before */
#define FAILS 1

/* A deed has an id and is done once; or it fails. Read and written as what fills a purse. */
static struct message_type deed_type, done_type;

static void apply_done(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct purse_fill *e = event;
    (void)time_ns;
    struct purse *p = registry_state_if(r, DEED_KIND, e->id);
    if (p == NULL)
        p = registry_create(r, DEED_KIND, e->id);
    p->changes++;
}

static enum turn_result on_deed(struct turn *t, struct id128 self, const struct message *m)
{
    const struct purse_fill *deed = m->body;
    const void *state;
    struct stored_event before;
    enum presence known = turn_find_decision(t, deed->id, &before);
    if (turn_find(t, DEED_KIND, self, &state) == PRESENCE_WAITING || known == PRESENCE_WAITING)
        return TURN_WAIT;
    if (known == PRESENCE_THERE) {
        turn_refuse(t, DEED_DONE);
        return TURN_DONE;
    }
    turn_emit(t, &done_type, deed);
    if (deed->coins == FAILS)
        return turn_fail(t, "it was asked to fail");
    turn_reply(t, ERR_OK, &purse_coins_type, &(struct purse_coins){deed->coins, 0}, 0);
    return TURN_DONE;
}

static void write_deed(struct wire_writer *w, const void *state)
{
    purse_coins_type.write(w, state);
}

static bool read_deed(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    return purse_coins_type.read(from, NULL, state);
}

static const struct handler deed_handlers[] = {{&deed_type, on_deed}};
static const struct state_codec deed_codec = {.write = write_deed, .read = read_deed};
static const struct actor_kind deed_kind = {.name = "deed",
                                            .number = DEED_KIND,
                                            .state_size = sizeof(struct purse),
                                            .handlers = deed_handlers,
                                            .handler_count = 1,
                                            .codec = &deed_codec};
static const struct actor_kind *const deed_kinds[] = {&deed_kind};
static const struct event_rule deed_rules[] = {
    {&done_type, offsetof(struct purse_fill, id), apply_done, NULL}};
static const struct service deed_service = {
    .name = "deed", .kinds = deed_kinds, .kind_count = 1, .rules = deed_rules, .rule_count = 1};
static const struct service *const deed_services[] = {&deed_service};

static int given_deeds(void **state)
{
    deed_type = done_type = purse_fill_type;
    deed_type.name = "deed";
    done_type.name = "done";
    done_type.number = EVENT_DONE;
    setup(state);
    struct fixture *f = *state;
    domain_init(&f->domain, deed_services, array_len(deed_services));
    crash(f);
    run(f, NS_PER_S);
    assert_int_equal(f->state, SHARD_RUNNING);
    return 0;
}

static uint16_t deed(struct fixture *f, uint64_t n, uint64_t fails)
{
    struct ask a = {.body.fill = {purse(n), fails}};
    post(f, &a, &deed_type, purse(n));
    finish(f, &a);
    forget(&a);
    return a.message.code;
}

static void a_failed_turn_has_used_no_id(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(deed(f, 1, 0), ERR_OK);
    assert_int_equal(deed(f, 1, 0), DEED_DONE);
    assert_int_equal(deed(f, 2, FAILS), ERR_FAILED);
    run(f, 60 * NS_PER_S); /* its actor runs again */
    assert_int_equal(deed(f, 2, 0), ERR_OK);
    assert_int_equal(deed(f, 2, 0), DEED_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_failed_turn_has_used_no_id, given_deeds, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
