/* SPDX-License-Identifier: Apache-2.0 */
/* For tests of sends: a node of three shards in a simulated world, over a transport that may lose
 * and repeat frames, and a toy domain: an actor gives coins to another, which says thanks; the
 * giver's client is answered when the thanks are there. */
#ifndef TEST_PURSES_FIXTURE_H
#define TEST_PURSES_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "runtime/actor/turn.h"
#include "runtime/base/mutant.h"
#include "runtime/node/frame_mail.h"
#include "runtime/node/shard_set.h"
#include "runtime/sends/parked.h"
#include "runtime/sends/sends_service.h"
#include "runtime/shard/shard_priv.h"
#include "runtime/sim/store_sim.h"
#include "runtime/sim/world.h"

#define MS NS_PER_MS
#define SHARDS 3
#define PURSE 1
#define PURSES 4 /* in each shard */
#define COINS 1000
#define CURSED 3 /* the last purse of a shard: its turns fail while the curse lasts */

/* --- the domain ------------------------------------------------------------------------------- */

struct purse {
    uint64_t coins, given, got;
    uint64_t story; /* of the gifts it got: the coins of each, two digits, in their order */
};

struct gift {
    struct id128 from, to;
    uint64_t coins;
    struct id128 ask; /* of present and thanks */
};

#define DECLINED ERR_DOMAIN_FIRST
#define STUFFING 60000 /* bytes */
#define FLOOD 9000     /* sends of one turn: more than a record holds */

static bool curse; /* lasts */
static uint32_t flood; /* whoever sends does so that many times, if it is not 0 */
static bool brim;  /* whoever gets something fills the batch, so that no end of a record fits */

static inline void gift_write(struct wire_writer *w, const void *body)
{
    const struct gift *g = body;
    wire_put_array(w, 4);
    wire_put_id(w, g->from);
    wire_put_id(w, g->to);
    wire_put_uint(w, g->coins);
    wire_put_id(w, g->ask);
}

static inline bool gift_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct gift *g = body;
    (void)a;
    if (wire_get_array(r, 4) != 4)
        return false;
    g->from = wire_get_id(r);
    g->to = wire_get_id(r);
    g->coins = wire_get_uint(r, UINT64_MAX);
    g->ask = wire_get_id(r);
    return !r->failed;
}

#define GIFT_TYPE(type_name, type_number, offset)                                                  \
    static const struct message_type type_name##_type = {.name = #type_name,                       \
                                                         .number = type_number,                    \
                                                         .target_kind = PURSE,                     \
                                                         .target_offset = offset,                  \
                                                         .size = sizeof(struct gift),              \
                                                         .mutates = true,                          \
                                                         .read = gift_read,                        \
                                                         .write = gift_write}

/* As many bytes as it has coins. */
static inline void parcel_write(struct wire_writer *w, const void *body)
{
    static const char content[1 << 17];
    const struct gift *g = body;
    wire_put_array(w, 2);
    gift_write(w, g);
    wire_put_bytes(w, (struct slice){content, (uint32_t)g->coins});
}

static inline bool parcel_read(struct wire_reader *r, struct arena *a, void *body)
{
    return wire_get_array(r, 2) == 2 && gift_read(r, a, body) &&
           wire_get_bytes(r, UINT32_MAX).len > 0;
}

GIFT_TYPE(give, 1, offsetof(struct gift, from));
GIFT_TYPE(present, 2, offsetof(struct gift, to));
GIFT_TYPE(thanks, 3, offsetof(struct gift, from));
GIFT_TYPE(given, 4, MESSAGE_NO_OFFSET);
GIFT_TYPE(got, 5, MESSAGE_NO_OFFSET);
GIFT_TYPE(made, 6, MESSAGE_NO_OFFSET);
GIFT_TYPE(decline, 7, offsetof(struct gift, from));
GIFT_TYPE(returned, 8, MESSAGE_NO_OFFSET);
GIFT_TYPE(whisper, 9, offsetof(struct gift, from)); /* sends what no purse handles */
GIFT_TYPE(unheard, 10, offsetof(struct gift, to));
GIFT_TYPE(pack, 11, offsetof(struct gift, from));  /* sends a parcel */
GIFT_TYPE(cheer, 13, offsetof(struct gift, from)); /* hails purses of this id in all shards */
GIFT_TYPE(hail, 14, offsetof(struct gift, to));
static const struct message_type stuffed_type = {.name = "stuffed",
                                                 .number = 15,
                                                 .target_offset = MESSAGE_NO_OFFSET,
                                                 .size = sizeof(struct gift),
                                                 .read = parcel_read,
                                                 .write = parcel_write};
static const struct message_type parcel_type = {.name = "parcel",
                                                .number = 12,
                                                .target_kind = PURSE,
                                                .target_offset = offsetof(struct gift, to),
                                                .size = sizeof(struct gift),
                                                .mutates = true,
                                                .read = parcel_read,
                                                .write = parcel_write};

static inline struct id128 purse_id(uint16_t shard, uint64_t number)
{
    return (struct id128){0, (number + 1) << 16 | shard};
}

static inline bool is_cursed(struct id128 id)
{
    return curse && id.lo >> 16 == CURSED + 1;
}

/* A purse is made by the first gift that it gives or gets. */
static inline void purse_make(struct turn *t, struct id128 id, enum presence found)
{
    const struct gift make = {.from = id};
    if (found == PRESENCE_ABSENT)
        turn_emit(t, &made_type, &make);
}

static inline void purse_send(struct turn *t, const struct message_type *type, const void *body)
{
    for (uint32_t left = flood > 0 ? flood : 1; left > 0; left--)
        turn_send(t, type, body);
}

static inline enum turn_result purse_give(struct turn *t, struct id128 self,
                                          const struct message *m, const struct message_type *type)
{
    struct gift g = *(const struct gift *)m->body;
    const void *state;
    enum presence found = turn_find(t, PURSE, self, &state);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    purse_make(t, self, found);
    turn_emit(t, &given_type, &g);
    g.ask = turn_open(t, ID128_ZERO);
    purse_send(t, type, &g);
    return TURN_DONE;
}

static inline enum turn_result on_give(struct turn *t, struct id128 self, const struct message *m)
{
    return purse_give(t, self, m, &present_type);
}

static inline enum turn_result on_whisper(struct turn *t, struct id128 self,
                                          const struct message *m)
{
    return purse_give(t, self, m, &unheard_type);
}

static inline enum turn_result on_pack(struct turn *t, struct id128 self, const struct message *m)
{
    return purse_give(t, self, m, &parcel_type);
}

static inline size_t purse_room(const struct turn *t)
{
    const struct wire_writer *body = &t->shard->journal.open->body;
    return body->len_max - body->len;
}

/* But for a byte. */
static inline void purse_fill_batch(struct turn *t, const struct message *m)
{
    struct gift g = *(const struct gift *)m->body;
    g.coins = STUFFING;
    size_t before = purse_room(t);
    turn_emit(t, &stuffed_type, &g);
    const size_t more = before - purse_room(t) - STUFFING; /* of each */
    while (purse_room(t) > 1) {
        size_t left = purse_room(t) - more - 1;
        g.coins = left > STUFFING ? STUFFING / 2 : left;
        turn_emit(t, &stuffed_type, &g);
    }
}

static inline enum turn_result on_present(struct turn *t, struct id128 self,
                                          const struct message *m)
{
    const void *state;
    enum presence found = turn_find(t, PURSE, self, &state);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    if (turn_origin(t)->refusing) {
        purse_send(t, &decline_type, m->body);
        return TURN_DONE;
    }
    purse_make(t, self, found);
    turn_emit(t, &got_type, m->body);
    if (is_cursed(self))
        return turn_fail(t, "cursed");
    purse_send(t, &thanks_type, m->body);
    if (brim)
        purse_fill_batch(t, m);
    return TURN_DONE;
}

static inline enum turn_result on_cheer(struct turn *t, struct id128 self, const struct message *m)
{
    (void)self;
    turn_send_all(t, &hail_type, m->body);
    turn_refuse(t, ERR_OK);
    return TURN_DONE;
}

static inline enum turn_result on_hail(struct turn *t, struct id128 self, const struct message *m)
{
    const struct gift make = {.from = self};
    const void *state;
    enum presence found = turn_find(t, PURSE, self, &state);
    if (found == PRESENCE_WAITING)
        return TURN_WAIT;
    if (found == PRESENCE_ABSENT)
        turn_emit(t, &made_type, &make);
    turn_emit(t, &got_type, m->body);
    return is_cursed(self) ? turn_fail(t, "cursed") : TURN_DONE;
}

static inline enum turn_result on_thanks(struct turn *t, struct id128 self, const struct message *m)
{
    const struct gift *g = m->body;
    if (is_cursed(self))
        return turn_fail(t, "cursed");
    turn_close(t, g->ask, ERR_OK, &given_type, g, 7);
    return TURN_DONE;
}

static inline enum turn_result on_decline(struct turn *t, struct id128 self,
                                          const struct message *m)
{
    const struct gift *g = m->body;
    const void *state;
    if (turn_find(t, PURSE, self, &state) == PRESENCE_WAITING)
        return TURN_WAIT;
    turn_emit(t, &returned_type, g);
    turn_close(t, g->ask, DECLINED, NULL, NULL, 0);
    return TURN_DONE;
}

static inline void made_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    (void)time_ns;
    ((struct purse *)registry_create(r, PURSE, g->from))->coins = COINS;
}

static inline void given_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    struct purse *p = registry_state(r, PURSE, g->from);
    (void)time_ns;
    p->coins -= g->coins;
    p->given++;
}

static inline void got_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    struct purse *p = registry_state(r, PURSE, g->to);
    (void)time_ns;
    p->coins += g->coins;
    p->got++;
    p->story = p->story * 100 + g->coins;
}

static inline void stuffed_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)r;
    (void)event;
    (void)time_ns;
}

static inline void returned_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct gift *g = event;
    struct purse *p = registry_state(r, PURSE, g->from);
    (void)time_ns;
    p->coins += g->coins;
}

static inline void purse_write(struct wire_writer *w, const void *state)
{
    const struct purse *p = state;
    wire_put_array(w, 4);
    wire_put_uint(w, p->coins);
    wire_put_uint(w, p->given);
    wire_put_uint(w, p->got);
    wire_put_uint(w, p->story);
}

static inline bool purse_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct purse *p = state;
    (void)r;
    if (wire_get_array(from, 4) != 4)
        return false;
    p->coins = wire_get_uint(from, UINT64_MAX);
    p->given = wire_get_uint(from, UINT64_MAX);
    p->got = wire_get_uint(from, UINT64_MAX);
    p->story = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

static const struct handler handlers[] = {
    {&give_type, on_give},       {&present_type, on_present}, {&thanks_type, on_thanks},
    {&decline_type, on_decline}, {&whisper_type, on_whisper}, {&pack_type, on_pack},
    {&parcel_type, on_present},  {&cheer_type, on_cheer},     {&hail_type, on_hail},
};
static const struct message_type *const refusable[] = {&present_type};
static const struct state_codec codec = {.write = purse_write, .read = purse_read};
static const struct actor_kind purse_kind = {.name = "purse",
                                             .number = PURSE,
                                             .state_size = sizeof(struct purse),
                                             .handlers = handlers,
                                             .handler_count = array_len(handlers),
                                             .refusable = refusable,
                                             .refusable_count = array_len(refusable),
                                             .codec = &codec};
static const struct actor_kind *const kinds[] = {&purse_kind};
static const struct event_rule rules[] = {
    {.type = &made_type, .key_offset = MESSAGE_NO_OFFSET, .apply = made_apply},
    {.type = &given_type, .key_offset = MESSAGE_NO_OFFSET, .apply = given_apply},
    {.type = &got_type, .key_offset = MESSAGE_NO_OFFSET, .apply = got_apply},
    {.type = &returned_type, .key_offset = MESSAGE_NO_OFFSET, .apply = returned_apply},
    {.type = &stuffed_type, .key_offset = MESSAGE_NO_OFFSET, .apply = stuffed_apply},
};
static const struct service purse_service = {.name = "purses",
                                             .kinds = kinds,
                                             .kind_count = array_len(kinds),
                                             .rules = rules,
                                             .rule_count = array_len(rules)};
static const struct service *const services[] = {&purse_service, &sends_service};

/* --- a node of three shards ------------------------------------------------------------------- */

struct giver { /* a client */
    struct message message;
    struct gift gift;
    bool answered;
};

struct scene {
    struct world world;
    struct world_worker journal, views, read, loads;
    struct rng rng;
    struct store_sim *sim;
    struct domain domain;
    struct shard_set *set;
    uint32_t lose_ppm, repeat_ppm; /* of frames */
    /* Sees each frame that leaves; true: it is not carried. */
    bool (*take)(struct scene *s, const struct frame *f);
    uint64_t journal_quota;
    uint32_t stopped;
    char reason[256];
    struct giver givers[64];
    uint32_t giver_count;
};

static inline void on_pass(void *context)
{
    struct scene *s = context;
    for (uint16_t i = 0; s->set != NULL && i < SHARDS; i++)
        shard_set_pass(s->set, i, 500000);
    for (uint16_t i = 0; s->set != NULL && i < SHARDS; i++)
        if (shard_set_answer(s->set, i))
            env_wake(&s->world.loop.env);
}

static inline void on_state(void *context, uint16_t shard, enum shard_state state,
                            const char *reason)
{
    struct scene *s = context;
    (void)shard;
    if (state != SHARD_STOPPED)
        return;
    s->stopped++;
    snprintf(s->reason, sizeof s->reason, "%s", reason);
}

static inline void on_quiet(void *context, uint16_t shard)
{
    (void)context;
    (void)shard;
}

static inline void deliver(void *context, const struct frame *f)
{
    struct scene *s = context;
    if (s->set != NULL)
        shard_frame(shard_set_shard(s->set, f->to), f);
}

static inline void carry(void *context, const struct frame *f)
{
    struct scene *s = context;
    if ((s->take != NULL && s->take(s, f)) || rng_chance(&s->rng, s->lose_ppm))
        return;
    frame_mail_send(&s->world.loop.env, f, deliver, s);
    if (rng_chance(&s->rng, s->repeat_ppm))
        frame_mail_send(&s->world.loop.env, f, deliver, s);
}

/* So small that the slot of a purse is the number of its shard. */
static inline const struct slot_map *purses_slots(void)
{
    static struct slot_map slots;
    static const struct slot_range ranges[SHARDS] = {{0, 0}, {1, 1}, {2, UINT16_MAX}};
    assert_true(slot_map_set(&slots, ranges, SHARDS));
    return &slots;
}

static inline void start(struct scene *s)
{
    static struct env *envs[1];
    static struct worker *readers[1], *loaders[1];
    envs[0] = &s->world.loop.env;
    readers[0] = (struct worker *)&s->read;
    loaders[0] = (struct worker *)&s->loads;
    s->set = shard_set_new(&(struct shard_set_options){
        .domain = &s->domain,
        .journal_store = store_sim_journal(s->sim),
        .view_store = store_sim_views(s->sim),
        .slots = purses_slots(),
        .envs = envs,
        .env_count = 1,
        .journal_worker = (struct worker *)&s->journal,
        .views_worker = (struct worker *)&s->views,
        .read_workers = readers,
        .reader_count = 1,
        .load_workers = loaders,
        .loader_count = 1,
        .owner = slice_of("test"),
        .resident_max = 1000,
        .dedup_entries_max = 10000,
        .filter_bytes = 1 << 16,
        .journal_quota = s->journal_quota,
        .transport = {carry, s},
        .state_changed = on_state,
        .quiet = on_quiet,
        .context = s,
    });
    env_wake(&s->world.loop.env);
}

static inline int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    world_init(&s->world, 7);
    s->world.loop.pass = on_pass;
    s->world.loop.context = s;
    world_worker_init(&s->journal, &s->world, "journal", MS / 10, MS / 2);
    world_worker_init(&s->views, &s->world, "views", MS / 10, 2 * MS);
    world_worker_init(&s->read, &s->world, "read", MS / 100, MS / 10);
    world_worker_init(&s->loads, &s->world, "loads", MS / 100, MS / 10);
    rng_seed(&s->rng, 99);
    s->sim = store_sim_new(&(struct store_sim_options){.rng = &s->rng});
    domain_init(&s->domain, services, array_len(services));
    curse = brim = false;
    flood = 0;
    start(s);
    *state = s;
    return 0;
}

static inline bool keep_none(void *context)
{
    (void)context;
    return false;
}

/* The process dies. */
static inline void kill_node(struct scene *s)
{
    s->set = shard_set_kill(s->set);
    world_crash(&s->world, keep_none);
    store_sim_crash(s->sim);
    for (uint32_t i = 0; i < s->giver_count; i++)
        wire_writer_done(&s->givers[i].message.reply);
    s->giver_count = 0;
}

static inline int tear_down(void **state)
{
    struct scene *s = *state;
    kill_node(s);
    store_sim_free(s->sim);
    world_done(&s->world);
    free(s);
    return 0;
}

static inline void run(struct scene *s, uint64_t ns)
{
    world_run(&s->world, s->world.now_ns + ns);
}

static inline void on_answer(struct message *m)
{
    container_of(m, struct giver, message)->answered = true;
}

/* A client has something sent under a key of its own. */
static inline struct giver *ask(struct scene *s, const struct message_type *type, struct id128 from,
                                struct id128 to, uint64_t coins, uint64_t key)
{
    assert_true(s->giver_count < array_len(s->givers));
    struct giver *g = &s->givers[s->giver_count++];
    *g = (struct giver){.gift = {.from = from, .to = to, .coins = coins}};
    g->message = (struct message){.type = type,
                                  .body = &g->gift,
                                  .done = on_answer,
                                  .keyed = true,
                                  .key = {1, key},
                                  .fingerprint = {2, coins},
                                  .who = principal_system()};
    wire_writer_init(&g->message.reply, 1000);
    shard_set_post(s->set, &s->world.loop.env, &g->message);
    return g;
}

static inline struct giver *give(struct scene *s, struct id128 from, struct id128 to,
                                 uint64_t coins, uint64_t key)
{
    return ask(s, &give_type, from, to, coins, key);
}

static inline const void *peek(struct scene *s, uint16_t kind, struct id128 id, uint16_t shard)
{
    struct actor *a = registry_find(&shard_set_shard(s->set, shard)->registry, kind, id);
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

/* Of purses that are in memory, as all are that were used since the start. */
static inline struct purse look(struct scene *s, struct id128 id)
{
    const struct purse *p = peek(s, PURSE, id, id128_slot(id));
    return p != NULL ? *p : (struct purse){.coins = COINS};
}

static inline const struct stream *stream_of(struct scene *s, uint16_t shard, uint16_t other)
{
    return peek(s, KIND_STREAM, stream_id(other, false), shard);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

#endif
