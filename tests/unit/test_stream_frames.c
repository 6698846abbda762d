/* SPDX-License-Identifier: Apache-2.0 */
/* What a shard says to another about their streams, and when: shard 0 of a node, to which the test
 * says what shard 1 would. */
#include "tests/unit/purses_fixture.h"

#define FRAMES_MAX 2000
#define OTHER_LIFE ((uint64_t)1 << STREAM_LIFE_BITS)

struct said {
    enum frame_what what;
    bool to_all;
    uint64_t n, life, at_ns;
};

/* By shard 0 to shard 1. */
static struct said said[FRAMES_MAX];
static uint32_t said_count;
static uint64_t next_key;

static bool take(struct scene *s, const struct frame *f)
{
    if (f->from == 1 || f->to == 1) {
        if (f->from == 0 && said_count < FRAMES_MAX)
            said[said_count++] = (struct said){.what = f->what,
                                               .to_all = f->to_all,
                                               .n = f->mark.n,
                                               .life = f->life,
                                               .at_ns = s->world.now_ns};
        return true;
    }
    return false;
}

static uint32_t count_of(enum frame_what what, bool to_all)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < said_count; i++)
        count += said[i].what == what && said[i].to_all == to_all;
    return count;
}

static const struct said *last_of(enum frame_what what, bool to_all)
{
    for (uint32_t i = said_count; i-- > 0;)
        if (said[i].what == what && said[i].to_all == to_all)
            return &said[i];
    fail_msg("shard 1 was not told this");
    return NULL;
}

static struct streams *streams_of_first(struct scene *s)
{
    return &shard_set_shard(s->set, 0)->streams;
}

/* Shard 1 says it, in its life of this number. */
static void hear_in(struct scene *s, uint64_t life, enum frame_what what, bool to_all, uint64_t n)
{
    struct frame f = {.what = what,
                      .from = 1,
                      .to = 0,
                      .to_all = to_all,
                      .life = OTHER_LIFE + life,
                      .to_life = streams_of_first(s)->life,
                      .mark = {.n = n, .place = n}}; /* no place of a send */
    shard_frame(shard_set_shard(s->set, 0), &f);
}

static void hear(struct scene *s, enum frame_what what, bool to_all, uint64_t n)
{
    hear_in(s, 0, what, to_all, n);
}

static void hear_mark(struct scene *s, enum frame_what what, struct stream_mark mark)
{
    const struct frame f = {.what = what,
                            .from = 1,
                            .life = OTHER_LIFE,
                            .to_life = streams_of_first(s)->life,
                            .mark = mark};
    shard_frame(shard_set_shard(s->set, 0), &f);
}

/* Something for a purse of shard 0. */
static void hear_sending(struct scene *s, const struct message_type *type, uint64_t n,
                         uint64_t coins)
{
    struct wire_writer body;
    struct gift g = {purse_id(1, 0), purse_id(0, 0), coins, {7, n}};
    wire_writer_init(&body, STREAM_WINDOW_BYTES);
    type->write(&body, &g);
    struct frame f = {.what = FRAME_SEND,
                      .from = 1,
                      .life = OTHER_LIFE,
                      .to_life = streams_of_first(s)->life,
                      .mark = {.n = n, .place = position_make(n, 1), .hash = n},
                      .kind = PURSE,
                      .type = type->number,
                      .target = g.to,
                      .message = wire_written(&body),
                      .who = principal_system()};
    shard_frame(shard_set_shard(s->set, 0), &f);
    wire_writer_done(&body);
}

static void hear_send(struct scene *s, uint64_t n)
{
    hear_sending(s, &present_type, n, 1);
}

static struct scene *given_alone(void **state)
{
    struct scene *s = *state;
    s->take = take;
    said_count = 0;
    next_key = 1;
    run(s, 50 * MS);
    return s;
}

/* Both have named and confirmed what they took: nothing. */
static struct scene *given_open(void **state)
{
    struct scene *s = given_alone(state);
    for (int all = 0; all < 2; all++) {
        hear(s, FRAME_NAME, all, 0);
        hear(s, FRAME_OPENED, all, 0);
    }
    run(s, NS_PER_S);
    said_count = 0;
    return s;
}

/* Shard 0 sends to all, so many times. */
static void hail_all(struct scene *s, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        struct giver *g = ask(s, &cheer_type, purse_id(0, 0), purse_id(0, 1), 1, next_key++);
        run(s, MS);
        while (!g->answered)
            run(s, MS);
        wire_writer_done(&g->message.reply);
        s->giver_count = 0;
    }
}

static void give_one(struct scene *s)
{
    give(s, purse_id(0, 0), purse_id(1, 0), 1, next_key++);
    run(s, 20 * MS);
}

/* --- marks are named -------------------------------------------------------------------------- */

static void a_mark_is_named_ever_less_often_until_it_is_confirmed(void **state)
{
    struct scene *s = given_alone(state);
    uint64_t before_ns = 0, pause_ns = 0;
    run(s, 60 * NS_PER_S);
    for (uint32_t i = 0; i < said_count; i++) {
        if (said[i].what != FRAME_NAME || said[i].to_all)
            continue;
        assert_int_equal(said[i].n, 0);
        if (before_ns != 0)
            assert_true(said[i].at_ns - before_ns >= pause_ns);
        pause_ns = before_ns != 0 ? said[i].at_ns - before_ns : 0;
        before_ns = said[i].at_ns;
    }
    assert_in_range(pause_ns, STREAM_ASK_MAX_NS, STREAM_ASK_MAX_NS + STREAM_LOOK_NS);
    hear(s, FRAME_OPENED, false, 0);
    said_count = 0;
    run(s, 60 * NS_PER_S);
    assert_int_equal(count_of(FRAME_NAME, false), 0);
    assert_true(count_of(FRAME_NAME, true) > 10);
}

static void another_mark_or_another_life_confirms_nothing(void **state)
{
    struct scene *s = given_alone(state);
    said_count = 0;
    hear(s, FRAME_OPENED, false, 1);
    struct frame late = {.what = FRAME_OPENED, .from = 1, .life = OTHER_LIFE};
    late.to_life = streams_of_first(s)->life - 1;
    shard_frame(shard_set_shard(s->set, 0), &late);
    run(s, 20 * NS_PER_S);
    assert_true(count_of(FRAME_NAME, false) > 3);
    hear(s, FRAME_OPENED, false, 0);
    said_count = 0;
    run(s, 20 * NS_PER_S);
    assert_int_equal(count_of(FRAME_NAME, false), 0);
}

/* However much is missing; what has come before is taken. */
static void what_is_missing_is_asked_for_once(void **state)
{
    struct scene *s = given_open(state);
    for (uint64_t n = 3; n <= 9; n++)
        hear_send(s, n);
    assert_int_equal(count_of(FRAME_NAME, false), 1);
    assert_int_equal(last_of(FRAME_NAME, false)->n, 0);
    hear(s, FRAME_HEAD, false, 9);
    assert_int_equal(count_of(FRAME_NAME, false), 1);
    hear(s, FRAME_OPENED, false, 0);
    hear_send(s, 1);
    hear_send(s, 1);
    hear_send(s, 2);
    run(s, 50 * MS);
    assert_int_equal(last_of(FRAME_TAKEN, false)->n, 2);
    assert_int_equal(look(s, purse_id(0, 0)).got, 2);
    hear(s, FRAME_HEAD, false, 3);
    assert_int_equal(count_of(FRAME_NAME, false), 2);
    assert_int_equal(last_of(FRAME_NAME, false)->n, 2);
}

/* What it sends would otherwise be answered by sends that it takes for others. */
static void who_has_not_said_what_it_took_is_not_listened_to(void **state)
{
    struct scene *s = given_alone(state);
    hear(s, FRAME_NAME, true, 0); /* of those to all, not of those to it */
    hear(s, FRAME_OPENED, false, 0);
    hear_send(s, 1);
    run(s, 50 * MS);
    assert_int_equal(look(s, purse_id(0, 0)).got, 0);
    hear(s, FRAME_NAME, false, 0);
    hear_send(s, 1);
    run(s, 50 * MS);
    assert_int_equal(look(s, purse_id(0, 0)).got, 1);
}

/* By number and by size; its sender reads the rest from its journal when it is asked for. */
static void what_exceeds_the_window_is_asked_for_later(void **state)
{
    struct scene *s = given_open(state);
    for (uint64_t n = 1; n <= STREAM_WINDOW + 1; n++)
        hear_send(s, n);
    run(s, 50 * MS);
    assert_int_equal(last_of(FRAME_TAKEN, false)->n, STREAM_WINDOW);
    assert_int_equal(count_of(FRAME_NAME, false), 0);
    hear(s, FRAME_HEAD, false, STREAM_WINDOW + 1);
    assert_int_equal(last_of(FRAME_NAME, false)->n, STREAM_WINDOW);
    hear(s, FRAME_OPENED, false, STREAM_WINDOW);
    const uint64_t size = 60000, fit = STREAM_WINDOW_BYTES / size;
    for (uint64_t n = 1; n <= fit + 1; n++)
        hear_sending(s, &parcel_type, STREAM_WINDOW + n, size);
    run(s, 50 * MS);
    assert_int_equal(last_of(FRAME_TAKEN, false)->n, STREAM_WINDOW + fit);
}

/* Who says that it sent nothing new hears again how far that was taken. */
static void a_sender_that_has_not_heard_is_told_again(void **state)
{
    struct scene *s = given_open(state);
    hear_send(s, 1);
    run(s, 50 * MS);
    said_count = 0;
    hear(s, FRAME_HEAD, false, 1);
    assert_int_equal(count_of(FRAME_TAKEN, false), 1);
    assert_int_equal(last_of(FRAME_TAKEN, false)->n, 1);
    assert_int_equal(count_of(FRAME_NAME, false), 0);
}

static struct frame a_present(uint64_t n, struct slice message)
{
    return (struct frame){.what = FRAME_SEND,
                          .from = 1,
                          .life = OTHER_LIFE,
                          .mark = {.n = n, .place = position_make(n, 1), .hash = n},
                          .kind = PURSE,
                          .type = present_type.number,
                          .target = purse_id(0, 0),
                          .message = message,
                          .who = principal_system()};
}

/* Each by itself would be recorded and never be read again, or break what the shard asserts. */
static void what_no_shard_can_have_said_is_dropped(void **state)
{
    struct scene *s = given_open(state);
    struct shard *shard = shard_set_shard(s->set, 0);
    struct wire_writer body;
    const struct gift g = {purse_id(1, 0), purse_id(0, 0), 1, {7, 2}};
    static char letters[1 << 9];
    memset(letters, 'x', sizeof letters);
    wire_writer_init(&body, 1 << 10);
    present_type.write(&body, &g);
    const struct frame good = a_present(2, wire_written(&body));
    struct frame bad[16];
    size_t count = 0;
    for (; count < 13; count++)
        bad[count] = good;
    bad[0].from = SHARDS;
    bad[1].to = 1;
    bad[2].mark.place = 0;
    bad[3].mark.place = position_make(1, 1); /* that of the one before */
    bad[4].time_ns = UINT64_MAX;
    bad[5].kind = KIND_MAX;
    bad[6].type = DOMAIN_NUMBER_MAX;
    bad[7].target = ID128_ZERO;
    bad[8].who.subject.len = 0;
    bad[9].who.subject = (struct slice){letters, ATTRIBUTION_TEXT_MAX + 1};
    bad[10].who.tenant = slice_of("\xff");
    bad[11].request_id = (struct slice){letters, ATTRIBUTION_REQUEST_MAX + 1};
    bad[12].message.len = PARKED_MESSAGE_MAX + 1;
    hear_send(s, 1);
    for (size_t i = 0; i < count; i++)
        shard_frame(shard, &bad[i]);
    run(s, 50 * MS);
    assert_int_equal(look(s, purse_id(0, 0)).got, 1);
    shard_frame(shard, &good);
    run(s, 50 * MS);
    assert_int_equal(look(s, purse_id(0, 0)).got, 2);
    assert_int_equal(s->stopped, 0);
    wire_writer_done(&body);
}

static uint64_t one_of(struct rng *rng, const uint64_t *values, size_t count)
{
    return values[rng_below(rng, count)];
}

/* Of a shard that says what it likes, but knows how it is said. */
static struct frame noise(struct scene *s, struct rng *rng, struct slice message)
{
    const uint64_t own = streams_of_first(s)->life;
    const uint64_t numbers[] = {0, 1, 2, 3, STREAM_WINDOW, STREAM_WINDOW + 1, UINT64_MAX};
    const uint64_t places[] = {0, 1, position_make(1, 1), position_make(2, 1), UINT64_MAX};
    const uint64_t lives[] = {0, OTHER_LIFE, OTHER_LIFE, OTHER_LIFE, OTHER_LIFE + 1};
    const uint64_t own_lives[] = {own, own, own, own + 1};
    struct frame f = a_present(one_of(rng, numbers, array_len(numbers)), message);
    f.what = (enum frame_what)rng_below(rng, FRAME_TAKEN + 1);
    f.to_all = rng_below(rng, 3) == 0;
    f.mark.place = one_of(rng, places, array_len(places));
    f.life = one_of(rng, lives, array_len(lives));
    f.to_life = one_of(rng, own_lives, array_len(own_lives));
    f.type = (uint16_t)(f.type + rng_below(rng, 3));
    f.kind = rng_below(rng, 8) == 0 ? (uint16_t)rng_below(rng, KIND_MAX) : f.kind;
    f.message.len -= (uint32_t)rng_below(rng, 2);
    return f;
}

/* It may stop the shard whose journal does not fit what it names, and no more. */
static void whatever_another_shard_says_ends_no_process(void **state)
{
    struct rng rng;
    struct wire_writer body;
    const struct gift g = {purse_id(1, 0), purse_id(0, 0), 1, {7, 2}};
    rng_seed(&rng, 5);
    wire_writer_init(&body, 1 << 10);
    present_type.write(&body, &g);
    for (int round = 0; round < 40; round++) {
        tear_down(state);
        set_up(state);
        struct scene *s = given_alone(state);
        for (int i = 0; i < 200 && s->stopped == 0; i++) {
            const struct frame f = noise(s, &rng, wire_written(&body));
            shard_frame(shard_set_shard(s->set, 0), &f);
            if (rng_below(&rng, 4) == 0)
                give_one(s);
            run(s, rng_below(&rng, 3) * STREAM_LOOK_NS);
        }
    }
    wire_writer_done(&body);
}

/* --- sends leave ------------------------------------------------------------------------------ */

static void nothing_leaves_before_the_receiver_has_named_its_mark(void **state)
{
    struct scene *s = given_alone(state);
    give_one(s);
    run(s, 5 * NS_PER_S);
    assert_int_equal(count_of(FRAME_SEND, false), 0);
    hear(s, FRAME_NAME, false, 0);
    run(s, 20 * MS);
    assert_int_equal(count_of(FRAME_OPENED, false), 1);
    assert_int_equal(count_of(FRAME_SEND, false), 1);
    assert_int_equal(last_of(FRAME_SEND, false)->n, 1);
}

/* Else those of 256 shards would cost 295 MB. */
static void a_pair_without_sends_costs_little_memory(void **state)
{
    struct scene *s = given_open(state);
    const struct stream_pair *pair = &streams_of_first(s)->pairs[1];
    assert_true(sizeof *pair <= 512);
    hail_all(s, 1);
    assert_null(pair->outgoing[0].places);
    assert_null(pair->outgoing[1].places);
    give_one(s);
    assert_non_null(pair->outgoing[0].places);
}

/* Of one stream and of another, while the journal is being read for the first. */
static void what_stayed_behind_leaves_as_soon_as_it_is_read(void **state)
{
    struct scene *s = given_alone(state);
    give_one(s);
    hail_all(s, 1);
    run(s, 60 * MS); /* so that nobody else says anything */
    hear(s, FRAME_NAME, false, 0);
    hear(s, FRAME_NAME, true, 0);
    assert_int_equal(count_of(FRAME_SEND, false) + count_of(FRAME_SEND, true), 0);
    run(s, 5 * MS);
    assert_int_equal(count_of(FRAME_SEND, false), 1);
    assert_int_equal(count_of(FRAME_SEND, true), 1);
}

static void a_journal_that_could_not_be_read_is_read_again(void **state)
{
    struct scene *s = given_open(state);
    for (int all = 0; all < 2; all++)
        hear_in(s, 1, FRAME_OPENED, all, 0);
    give_one(s);
    run(s, NS_PER_S);
    store_sim_script(s->sim, STORE_SIM_READ_IO, 0);
    hear_in(s, 1, FRAME_NAME, false, 0);
    run(s, 20 * MS);
    assert_int_equal(count_of(FRAME_SEND, false), 0);
    run(s, STREAM_LOOK_NS);
    assert_int_equal(count_of(FRAME_SEND, false), 1);
}

static void expect_stopped(struct scene *s, const char *reason)
{
    run(s, 20 * MS);
    assert_int_equal(s->stopped, 1);
    if (strstr(s->reason, reason) == NULL)
        fail_msg("%s", s->reason);
}

static void a_mark_beyond_the_journal_stops_its_shard(void **state)
{
    struct scene *s = given_alone(state);
    give_one(s);
    give_one(s);
    hear(s, FRAME_NAME, false, 3);
    expect_stopped(s, "shard 1 has taken send 3 of shard 0");
}

/* The last one that was sent, but for its place or its hash. */
static void expect_other_mark_stops(void **state, uint64_t place_by, uint64_t hash_by)
{
    struct scene *s = given_alone(state);
    give_one(s);
    give_one(s);
    struct stream_mark mark = stream_of(s, 0, 1)->sent;
    assert_int_equal(mark.n, 2);
    mark.place += place_by;
    mark.hash += hash_by;
    hear_mark(s, FRAME_NAME, mark);
    expect_stopped(s, "shard 1 has taken send 2 of shard 0");
}

static void a_mark_without_a_place_stops_its_shard(void **state)
{
    struct scene *s = given_alone(state);
    give_one(s);
    give_one(s);
    hear_mark(s, FRAME_NAME, (struct stream_mark){.n = 1, .hash = 7});
    expect_stopped(s, "shard 1 has taken send 1 of shard 0");
}

static void a_mark_at_another_place_stops_its_shard(void **state)
{
    expect_other_mark_stops(state, 1, 0);
}

static void a_mark_of_another_content_stops_its_shard(void **state)
{
    expect_other_mark_stops(state, 0, 1);
}

static void an_older_mark_of_another_send_stops_its_shard_once_it_is_read(void **state)
{
    struct scene *s = given_alone(state);
    give_one(s);
    give_one(s);
    hear(s, FRAME_NAME, false, 1);
    expect_stopped(s, "shard 1 has taken send 1 of shard 0");
}

static void a_turn_that_is_taken_back_has_sent_nothing(void **state)
{
    struct scene *s = given_open(state);
    flood = FLOOD; /* more than a record holds */
    struct giver *g = give(s, purse_id(0, 0), purse_id(1, 0), 1, next_key++);
    run(s, 50 * MS);
    assert_true(g->answered && g->message.code != ERR_OK);
    assert_null(stream_find(&shard_set_shard(s->set, 0)->registry, 1, false));
    flood = 0;
    give_one(s);
    assert_int_equal(count_of(FRAME_SEND, false), 1);
    assert_int_equal(last_of(FRAME_SEND, false)->n, 1);
}

/* For presents shard 0 sends its thanks, as many, and hears that they were taken. */
static void thank(struct scene *s, uint64_t from, uint64_t to)
{
    for (uint64_t n = from; n <= to; n++) {
        hear_send(s, n);
        run(s, MS);
        hear(s, FRAME_TAKEN, false, n);
    }
}

/* The journal says now and then how far the sends were taken; what is older is not compared any
 * more, but who names the last of it must have taken that one. */
static void a_mark_just_before_what_the_journal_knows_as_taken_is_compared(void **state)
{
    struct scene *s = given_open(state);
    thank(s, 1, STREAM_UNTAKEN_STEP);
    assert_int_equal(stream_of(s, 0, 1)->untaken_n, 1);
    thank(s, STREAM_UNTAKEN_STEP + 1, STREAM_UNTAKEN_STEP + 2);
    assert_int_equal(stream_of(s, 0, 1)->untaken_n, STREAM_UNTAKEN_STEP + 1);
    struct frame f = {.what = FRAME_NAME, .from = 1, .life = OTHER_LIFE + 1};
    f.to_life = streams_of_first(s)->life;
    f.mark = (struct stream_mark){.n = STREAM_UNTAKEN_STEP, .place = position_make(1, 1)};
    shard_frame(shard_set_shard(s->set, 0), &f);
    expect_stopped(s, "shard 1 has taken send 128 of shard 0");
}

/* One after another in batches that are not durable: where the first of them stands in the journal
 * is not known before it leaves. */
static void a_send_that_has_not_left_has_no_place_yet(void **state)
{
    struct scene *s = given_open(state);
    const uint64_t n = STREAM_UNTAKEN_STEP;
    thank(s, 1, n - 1);
    hear_send(s, n);
    run(s, MS);
    hear_send(s, n + 1);
    for (int i = 0; i < 100 && stream_of(s, 0, 1)->sent.n == n; i++)
        run(s, MS / 100);
    const uint64_t place = stream_of(s, 0, 1)->sent.place;
    hear(s, FRAME_TAKEN, false, n);
    hear_send(s, n + 2);
    for (int i = 0; i < 100 && stream_of(s, 0, 1)->sent.n == n + 1; i++)
        run(s, MS / 100);
    assert_int_equal(stream_of(s, 0, 1)->sent.n, n + 2);
    assert_int_equal(last_of(FRAME_SEND, false)->n, n); /* the others still stay */
    assert_int_equal(stream_of(s, 0, 1)->untaken_n, 1);
    run(s, 20 * MS);
    thank(s, n + 3, n + 3);
    assert_int_equal(stream_of(s, 0, 1)->untaken_n, n + 1);
    assert_int_equal(stream_of(s, 0, 1)->untaken_place, place);
}

static void a_mark_of_what_is_long_taken_stops_its_shard(void **state)
{
    struct scene *s = given_open(state);
    thank(s, 1, STREAM_UNTAKEN_STEP + 2);
    struct frame f = {.what = FRAME_NAME, .from = 1, .life = OTHER_LIFE + 1};
    f.to_life = streams_of_first(s)->life;
    f.mark = (struct stream_mark){.n = STREAM_UNTAKEN_STEP - 1, .place = position_make(1, 1)};
    shard_frame(shard_set_shard(s->set, 0), &f);
    expect_stopped(s, "shard 1 has taken send 127 of shard 0");
}

/* What the last life agreed on is void: its receiver may have lost it, or this one. */
static void a_shard_that_recovered_has_its_receivers_name_their_marks_again(void **state)
{
    struct scene *s = given_open(state);
    uint64_t life = streams_of_first(s)->life;
    store_sim_set_faults(s->sim, &(struct store_sim_faults){.unknown_lost_ppm = 1000000});
    give_one(s);
    store_sim_set_faults(s->sim, &(struct store_sim_faults){0});
    run(s, 5 * NS_PER_S);
    assert_true(streams_of_first(s)->life > life);
    said_count = 0;
    give_one(s);
    run(s, NS_PER_S);
    assert_int_equal(count_of(FRAME_SEND, false), 0);
    hear(s, FRAME_NAME, false, 0);
    run(s, 20 * MS);
    assert_true(count_of(FRAME_SEND, false) > 0);
    assert_int_equal(last_of(FRAME_SEND, false)->life, streams_of_first(s)->life);
}

/* What was sent meanwhile is read from the journal as soon as there is room for half a window. */
static void no_more_than_a_window_is_on_its_way(void **state)
{
    struct scene *s = given_open(state);
    hail_all(s, 2 * STREAM_WINDOW);
    assert_int_equal(count_of(FRAME_SEND, true), STREAM_WINDOW);
    assert_int_equal(last_of(FRAME_SEND, true)->n, STREAM_WINDOW);
    said_count = 0;
    hear(s, FRAME_TAKEN, true, STREAM_WINDOW / 2);
    run(s, 2 * MS);
    assert_int_equal(count_of(FRAME_SEND, true), STREAM_WINDOW / 2);
    assert_int_equal(last_of(FRAME_SEND, true)->n, STREAM_WINDOW + STREAM_WINDOW / 2);
    hear(s, FRAME_TAKEN, true, STREAM_WINDOW / 2 + 1); /* there is room for one */
    run(s, STREAM_LOOK_NS + 2 * MS);
    assert_int_equal(last_of(FRAME_SEND, true)->n, STREAM_WINDOW + STREAM_WINDOW / 2 + 1);
    hear(s, FRAME_TAKEN, true, STREAM_WINDOW + STREAM_WINDOW / 2 + 1);
    run(s, 2 * MS);
    assert_int_equal(last_of(FRAME_SEND, true)->n, 2 * STREAM_WINDOW);
}

/* Shard 0 sends far more than a window to shard 1, in one batch. */
static void give_many(struct scene *s)
{
    flood = STREAM_WINDOW + STREAM_WINDOW / 2;
    give_one(s);
    flood = 0;
}

/* Else it would be gone through once for each window. */
static void a_batch_with_very_many_sends_is_read_once(void **state)
{
    struct scene *s = given_alone(state);
    give_many(s);
    hear(s, FRAME_NAME, false, 0);
    run(s, 5 * MS);
    assert_int_equal(last_of(FRAME_SEND, false)->n, STREAM_WINDOW);
    hear(s, FRAME_TAKEN, false, 1); /* and no time passes in which anything could be read */
    assert_int_equal(last_of(FRAME_SEND, false)->n, STREAM_WINDOW + 1);
    hear(s, FRAME_TAKEN, false, STREAM_WINDOW);
    assert_int_equal(last_of(FRAME_SEND, false)->n, STREAM_WINDOW + STREAM_WINDOW / 2);
    assert_int_equal(count_of(FRAME_SEND, false), STREAM_WINDOW + STREAM_WINDOW / 2);
    assert_null(outbox_read_oldest(&streams_of_first(s)->read, 1, false));
}

static void what_was_read_before_a_mark_was_named_waits_until_that_is_compared(void **state)
{
    struct scene *s = given_alone(state);
    give_many(s);
    hear(s, FRAME_NAME, false, 0);
    run(s, 5 * MS);
    hear(s, FRAME_NAME, false, STREAM_WINDOW); /* of no such place */
    assert_int_equal(count_of(FRAME_SEND, false), STREAM_WINDOW);
    expect_stopped(s, "shard 1 has taken send 256 of shard 0");
    assert_int_equal(count_of(FRAME_SEND, false), STREAM_WINDOW);
}

/* The walk that was under way then began with another mark. */
static void so_does_what_is_read_meanwhile(void **state)
{
    struct scene *s = given_alone(state);
    give_many(s);
    hear(s, FRAME_NAME, false, 0);
    assert_true(streams_of_first(s)->read.busy);
    hear(s, FRAME_NAME, false, 7); /* of no such place */
    expect_stopped(s, "shard 1 has taken send 7 of shard 0");
    assert_int_equal(count_of(FRAME_SEND, false), 0);
}

static void who_starts_over_is_given_again_what_was_read(void **state)
{
    struct scene *s = given_alone(state);
    give_many(s);
    hear(s, FRAME_NAME, false, 0);
    run(s, 5 * MS);
    said_count = 0;
    hear_in(s, 1, FRAME_NAME, false, 0);
    run(s, 5 * MS);
    assert_int_equal(count_of(FRAME_SEND, false), STREAM_WINDOW);
    assert_int_equal(last_of(FRAME_SEND, false)->n, STREAM_WINDOW);
}

static void who_is_silent_is_told_how_far_the_sends_went(void **state)
{
    struct scene *s = given_open(state);
    give_one(s);
    give_one(s);
    assert_int_equal(count_of(FRAME_HEAD, false), 0);
    run(s, 2 * NS_PER_S);
    assert_int_equal(last_of(FRAME_HEAD, false)->n, 2);
    assert_in_range(count_of(FRAME_HEAD, false), 5, 10);
    for (int i = 0; i < 20; i++) { /* what was known is no news */
        hear(s, FRAME_TAKEN, false, 0);
        run(s, STREAM_LOOK_NS / 2);
    }
    assert_true(count_of(FRAME_HEAD, false) > 12);
    hear(s, FRAME_TAKEN, false, 1);
    hear(s, FRAME_TAKEN, false, 3); /* it has not left: no answer of ours */
    said_count = 0;
    run(s, 2 * NS_PER_S);
    assert_true(count_of(FRAME_HEAD, false) > 0);
    hear(s, FRAME_TAKEN, false, 2);
    said_count = 0;
    run(s, 5 * NS_PER_S);
    assert_int_equal(said_count, 0);
}

/* --- the other one starts over ---------------------------------------------------------------- */

static void a_sender_that_starts_over_is_named_the_mark_again(void **state)
{
    struct scene *s = given_open(state);
    hear_send(s, 1);
    run(s, 50 * MS);
    said_count = 0;
    hear_in(s, 1, FRAME_HEAD, false, 1);
    assert_int_equal(count_of(FRAME_NAME, false), 1);
    assert_int_equal(count_of(FRAME_NAME, true), 1);
    assert_int_equal(last_of(FRAME_NAME, false)->n, 1);
    said_count = 0;
    hear(s, FRAME_HEAD, false, 1); /* it was said by the one before */
    assert_int_equal(said_count, 0);
    give_one(s);
    run(s, 5 * NS_PER_S);
    assert_int_equal(count_of(FRAME_SEND, false) + count_of(FRAME_HEAD, false), 0);
    hear_in(s, 1, FRAME_NAME, false, 0);
    run(s, 20 * MS);
    assert_int_equal(count_of(FRAME_SEND, false), 2); /* the thanks, and this one */
}

/* --- what is received --------------------------------------------------------------------------
 */

/* Neither a user's nor an operator's, whatever the name. */
static void what_the_platform_sends_is_received_as_its_own(void **state)
{
    struct scene *s = *state;
    const struct principal system = principal_system();
    struct principal user = {.tenant = slice_of("acme"),
                             .subject = slice_of(PRINCIPAL_SYSTEM),
                             .client = slice_of("app")};
    struct frame f = {.what = FRAME_SEND, .from = 1, .kind = PURSE, .type = present_type.number};
    f.who = (struct principal){.subject = system.subject};
    struct incoming *in = incoming_new(&s->domain, &f);
    assert_true(id128_equal(in->message.who.id, system.id));
    assert_true(in->message.who.operator);
    incoming_free(in);
    f.who = user;
    in = incoming_new(&s->domain, &f);
    principal_identify(&user);
    assert_true(id128_equal(in->message.who.id, user.id));
    assert_false(in->message.who.operator);
    incoming_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_mark_is_named_ever_less_often_until_it_is_confirmed),
        CASE(another_mark_or_another_life_confirms_nothing),
        CASE(what_is_missing_is_asked_for_once),
        CASE(who_has_not_said_what_it_took_is_not_listened_to),
        CASE(what_exceeds_the_window_is_asked_for_later),
        CASE(a_sender_that_has_not_heard_is_told_again),
        CASE(what_no_shard_can_have_said_is_dropped),
        CASE(whatever_another_shard_says_ends_no_process),
        CASE(nothing_leaves_before_the_receiver_has_named_its_mark),
        CASE(a_pair_without_sends_costs_little_memory),
        CASE(what_stayed_behind_leaves_as_soon_as_it_is_read),
        CASE(a_journal_that_could_not_be_read_is_read_again),
        CASE(a_mark_beyond_the_journal_stops_its_shard),
        CASE(a_mark_without_a_place_stops_its_shard),
        CASE(a_mark_at_another_place_stops_its_shard),
        CASE(a_mark_of_another_content_stops_its_shard),
        CASE(an_older_mark_of_another_send_stops_its_shard_once_it_is_read),
        CASE(a_mark_just_before_what_the_journal_knows_as_taken_is_compared),
        CASE(a_send_that_has_not_left_has_no_place_yet),
        CASE(a_mark_of_what_is_long_taken_stops_its_shard),
        CASE(a_turn_that_is_taken_back_has_sent_nothing),
        CASE(a_shard_that_recovered_has_its_receivers_name_their_marks_again),
        CASE(no_more_than_a_window_is_on_its_way),
        CASE(a_batch_with_very_many_sends_is_read_once),
        CASE(what_was_read_before_a_mark_was_named_waits_until_that_is_compared),
        CASE(so_does_what_is_read_meanwhile),
        CASE(who_starts_over_is_given_again_what_was_read),
        CASE(who_is_silent_is_told_how_far_the_sends_went),
        CASE(what_the_platform_sends_is_received_as_its_own),
        CASE(a_sender_that_starts_over_is_named_the_mark_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
