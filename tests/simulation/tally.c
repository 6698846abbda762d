/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers check what must hold of what reaches them; whether it does reach them, and what became
 * durable, is for the model (model/ref_tallies.h). */
#include "tests/simulation/tally.h"

#include <stddef.h>
#include <string.h>

#include "runtime/base/error.h"
#include "runtime/sends/open_ask.h"
#include "tests/simulation/forgery.h"

#define TALLY_NUMBERS 3840 /* of messages and events */
#define TALLY_HI 1         /* of the ids */
#define FORGES_ONE_IN 4    /* of who leaves notes */

static struct {
    struct rng *rng;
    uint32_t ppm;
} failing;

void tally_fail_sends(struct rng *rng, uint32_t ppm)
{
    failing.rng = rng;
    failing.ppm = ppm;
}

struct id128 tally_id(const struct slot_map *slots, uint32_t number, uint16_t shard)
{
    uint64_t name = (uint64_t)shard * TALLIES + number + 1;
    return (struct id128){TALLY_HI, name << 16 | slots->ranges[shard].first};
}

uint32_t tally_index(struct id128 id)
{
    return (uint32_t)(id.lo >> 16) - 1;
}

/* --- messages --------------------------------------------------------------------------------- */

static void note_write(struct wire_writer *w, const void *body)
{
    const struct tally_note *n = body;
    wire_put_array(w, 3);
    wire_put_id(w, n->from);
    wire_put_id(w, n->to);
    wire_put_uint(w, n->n);
}

static bool note_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct tally_note *n = body;
    (void)a;
    if (wire_get_array(r, 3) != 3)
        return false;
    n->from = wire_get_id(r);
    n->to = wire_get_id(r);
    n->n = wire_get_uint(r, UINT64_MAX);
    return !r->failed && tally_index(n->from) < TALLIES_MAX && tally_index(n->to) < TALLIES_MAX;
}

static void news_write(struct wire_writer *w, const void *body)
{
    const struct tally_news *n = body;
    wire_put_array(w, 2);
    wire_put_id(w, n->tally);
    wire_put_uint(w, n->n);
}

static bool news_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct tally_news *n = body;
    (void)a;
    if (wire_get_array(r, 2) != 2)
        return false;
    n->tally = wire_get_id(r);
    n->board = BOARD_ID;
    n->n = wire_get_uint(r, UINT64_MAX);
    return !r->failed && tally_index(n->tally) < TALLIES_MAX;
}

static void move_write(struct wire_writer *w, const void *body)
{
    const struct tally_move *m = body;
    wire_put_array(w, 6 + 3 * (uint32_t)m->count);
    wire_put_id(w, m->move);
    wire_put_id(w, m->target);
    wire_put_id(w, m->ask);
    wire_put_uint(w, m->step);
    wire_put_uint(w, m->code);
    wire_put_uint(w, m->count);
    for (uint64_t i = 0; i < m->count; i++) {
        wire_put_id(w, m->tallies[i]);
        wire_put_uint(w, m->shards[i]);
        wire_put_int(w, m->deltas[i]);
    }
}

static bool move_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct tally_move *m = body;
    (void)a;
    uint32_t parts = wire_get_array(r, 6 + 3 * TALLY_PARTS_MAX);
    m->move = wire_get_id(r);
    m->target = wire_get_id(r);
    m->ask = wire_get_id(r);
    m->step = wire_get_uint(r, TALLY_PARTS_MAX - 1);
    m->code = wire_get_uint(r, UINT16_MAX);
    m->count = wire_get_uint(r, TALLY_PARTS_MAX);
    for (uint64_t i = 0; i < m->count; i++) {
        m->tallies[i] = wire_get_id(r);
        m->shards[i] = wire_get_uint(r, UINT16_MAX);
        m->deltas[i] = wire_get_int(r);
    }
    return !r->failed && parts == 6 + 3 * m->count && m->count > 0;
}

#define TALLY_TYPE(type, add, kind, offset, of, does)                                              \
    const struct message_type type##_type = {.name = #type,                                        \
                                             .number = TALLY_NUMBERS + (add),                      \
                                             .target_kind = kind,                                  \
                                             .target_offset = offset,                              \
                                             .size = sizeof(struct of),                            \
                                             .mutates = (kind) != 0,                               \
                                             .read = does##_read,                                  \
                                             .write = does##_write}
#define NO MESSAGE_NO_OFFSET

TALLY_TYPE(tally_post, 1, KIND_TALLY, offsetof(struct tally_note, from), tally_note, note);
TALLY_TYPE(tally_note, 2, KIND_TALLY, offsetof(struct tally_note, to), tally_note, note);
TALLY_TYPE(tally_tell, 3, KIND_TALLY, offsetof(struct tally_news, tally), tally_news, news);
TALLY_TYPE(tally_news, 4, KIND_BOARD, offsetof(struct tally_news, board), tally_news, news);
TALLY_TYPE(tally_move, 5, KIND_TALLY, offsetof(struct tally_move, target), tally_move, move);
TALLY_TYPE(tally_token, 6, KIND_TALLY, offsetof(struct tally_move, target), tally_move, move);
TALLY_TYPE(tally_follow, 7, KIND_TALLY, offsetof(struct tally_move, target), tally_move, move);
TALLY_TYPE(tally_moved, 8, 0, NO, tally_move, move);
TALLY_TYPE(note_left, 9, 0, NO, tally_note, note);
TALLY_TYPE(note_heard, 10, 0, NO, tally_note, note);
TALLY_TYPE(news_told, 11, 0, NO, tally_news, news);
TALLY_TYPE(news_heard, 12, 0, NO, tally_news, news);
TALLY_TYPE(coins_kept, 13, 0, NO, tally_move, move);
TALLY_TYPE(coins_decided, 14, 0, NO, tally_move, move);
TALLY_TYPE(coins_followed, 15, 0, NO, tally_move, move);
TALLY_TYPE(move_settled, 16, 0, NO, tally_move, move);

/* --- what events do --------------------------------------------------------------------------- */

static struct tally *tally_of(struct registry *r, struct id128 id)
{
    struct tally *t = registry_state_if(r, KIND_TALLY, id);
    if (t == NULL) {
        t = registry_create(r, KIND_TALLY, id);
        t->coins = TALLY_COINS;
    }
    return t;
}

static void on_note_left(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_note *n = event;
    (void)time_ns;
    tally_of(r, n->from)->sent[tally_index(n->to)] = n->n;
}

static void on_note_heard(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_note *n = event;
    (void)time_ns;
    tally_of(r, n->to)->heard[tally_index(n->from)] = n->n;
}

static void on_news_told(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_news *n = event;
    (void)time_ns;
    tally_of(r, n->tally)->told = n->n;
}

static void on_news_heard(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_news *n = event;
    (void)time_ns;
    struct board *b = registry_state_if(r, KIND_BOARD, n->board);
    if (b == NULL)
        b = registry_create(r, KIND_BOARD, n->board);
    b->heard[tally_index(n->tally)] = n->n;
}

static uint64_t tally_given(const struct tally_move *m)
{
    return m->deltas[m->step] < 0 ? (uint64_t)-m->deltas[m->step] : 0;
}

/* The actor of what this part keeps aside; several may be in one shard. */
static struct id128 tally_kept_id(const struct tally_move *m)
{
    return (struct id128){m->move.hi + 1 + m->step, m->move.lo};
}

static void on_coins_kept(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_move *m = event;
    (void)time_ns;
    tally_of(r, m->target)->kept += tally_given(m);
    *(uint64_t *)registry_create(r, KIND_COINS_KEPT, tally_kept_id(m)) = tally_given(m);
}

/* What went to this shard by way of `peer` less what came. */
static void tally_cross(struct registry *r, uint64_t peer, int64_t coins)
{
    struct id128 id = {2, peer};
    int64_t *net = registry_state_if(r, KIND_COINS_TRANSIT, id);
    if (net == NULL)
        net = registry_create(r, KIND_COINS_TRANSIT, id);
    *net += coins;
}

static void on_coins_decided(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_move *m = event;
    (void)time_ns;
    tally_of(r, m->target)->coins += (uint64_t)m->deltas[m->step];
    for (uint64_t i = 0; i < m->step; i++)
        tally_cross(r, m->shards[i], m->deltas[i]);
}

static void on_coins_followed(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct tally_move *m = event;
    struct tally *t = tally_of(r, m->target);
    (void)time_ns;
    t->kept -= *(uint64_t *)registry_state(r, KIND_COINS_KEPT, tally_kept_id(m));
    registry_remove(r, KIND_COINS_KEPT, tally_kept_id(m));
    if (m->code != ERR_OK)
        return;
    t->coins += (uint64_t)m->deltas[m->step];
    tally_cross(r, m->shards[m->count - 1], -m->deltas[m->step]);
}

static void on_move_settled(struct registry *r, const void *event, uint64_t time_ns)
{
    (void)r;
    (void)event;
    (void)time_ns;
}

/* --- turns ------------------------------------------------------------------------------------ */

static enum turn_result tally_end(struct turn *t)
{
    bool fails =
        turn_origin(t) != NULL && failing.rng != NULL && rng_chance(failing.rng, failing.ppm);
    return fails ? turn_fail(t, "as drawn") : TURN_DONE;
}

/* The state as it is, or of one that is still to be made; false: it is being loaded. */
static bool tally_look(struct turn *t, struct id128 id, struct tally *tally)
{
    const void *state;
    *tally = (struct tally){.coins = TALLY_COINS};
    enum presence p = turn_find(t, KIND_TALLY, id, &state);
    if (p == PRESENCE_THERE)
        *tally = *(const struct tally *)state;
    return p != PRESENCE_WAITING;
}

static enum turn_result on_post(struct turn *t, struct id128 self, const struct message *m)
{
    const struct tally_note *asked = m->body;
    struct tally_note note = *asked;
    struct tally tally;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    for (uint64_t i = 1; i <= asked->n; i++) {
        note.n = tally.sent[tally_index(note.to)] + i;
        turn_emit(t, &note_left_type, &note);
        turn_send(t, &tally_note_type, &note);
    }
    if (asked->n % FORGES_ONE_IN == 0)
        forgery_send(t, asked->to, note.n);
    turn_reply(t, ERR_OK, NULL, NULL, 0);
    return TURN_DONE;
}

static enum turn_result on_note(struct turn *t, struct id128 self, const struct message *m)
{
    const struct tally_note *n = m->body;
    struct tally tally;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    check(n->n == tally.heard[tally_index(n->from)] + 1); /* once, and in order */
    turn_emit(t, &note_heard_type, n);
    return tally_end(t);
}

static enum turn_result on_tell(struct turn *t, struct id128 self, const struct message *m)
{
    struct tally_news news = *(const struct tally_news *)m->body;
    struct tally tally;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    news.board = BOARD_ID;
    news.n = tally.told + 1;
    turn_emit(t, &news_told_type, &news);
    turn_send_all(t, &tally_news_type, &news);
    turn_reply(t, ERR_OK, NULL, NULL, 0);
    return TURN_DONE;
}

static enum turn_result on_news(struct turn *t, struct id128 self, const struct message *m)
{
    const struct tally_news *n = m->body;
    const void *state;
    enum presence p = turn_find(t, KIND_BOARD, self, &state);
    if (p == PRESENCE_WAITING)
        return TURN_WAIT;
    uint64_t heard =
        p == PRESENCE_THERE ? ((const struct board *)state)->heard[tally_index(n->tally)] : 0;
    check(n->n == heard + 1);
    turn_emit(t, &news_heard_type, n);
    return tally_end(t);
}

/* What the tally of this step says to the move. */
static uint16_t tally_refusal(const struct tally *tally, const struct tally_move *m)
{
    check(tally->kept <= tally->coins);
    return tally->coins - tally->kept < tally_given(m) ? ERR_FORBIDDEN : ERR_OK;
}

static void tally_pass_on(struct turn *t, const struct tally_move *m)
{
    struct tally_move token = *m;
    token.step++;
    token.target = m->tallies[token.step];
    turn_send(t, &tally_token_type, &token);
}

/* To those before. */
static void tally_tell_decision(struct turn *t, const struct tally_move *m, uint16_t code)
{
    for (uint64_t i = 0; i < m->step; i++) {
        struct tally_move follow = *m;
        follow.code = code;
        follow.step = i;
        follow.target = m->tallies[i];
        turn_send(t, &tally_follow_type, &follow);
    }
}

/* At home, at once. */
static void tally_settle(struct turn *t, struct tally_move *m, uint16_t code)
{
    m->code = code;
    turn_emit(t, &move_settled_type, m);
    turn_reply(t, code, &tally_moved_type, m, 0);
}

/* A request without a key is known by the id of the move: decided, or still open. */
static enum presence tally_known(struct turn *t, const struct tally_move *m)
{
    struct stored_event stored;
    const void *open;
    enum presence p = turn_find_decision(t, m->move, &stored);
    if (p == PRESENCE_THERE) {
        const struct tally_move *settled = stored.event;
        turn_reply(t, (uint16_t)settled->code, &tally_moved_type, settled, 0);
    }
    if (p != PRESENCE_ABSENT)
        return p;
    p = turn_find(t, KIND_OPEN_ASK, turn_ask_by_id(m->move), &open);
    if (p == PRESENCE_THERE)
        turn_attach(t, turn_ask_by_id(m->move));
    return p;
}

static enum turn_result on_move(struct turn *t, struct id128 self, const struct message *message)
{
    struct tally_move m = *(const struct tally_move *)message->body;
    struct tally tally;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    enum presence known = tally_known(t, &m);
    if (known != PRESENCE_ABSENT)
        return known == PRESENCE_WAITING ? TURN_WAIT : TURN_DONE;
    for (uint64_t i = 0; i < m.count; i++)
        m.shards[i] = slot_map_home(turn_slots(t), m.tallies[i]);
    uint16_t code = tally_refusal(&tally, &m);
    if (code != ERR_OK || m.count == 1) {
        tally_settle(t, &m, code);
        return TURN_DONE;
    }
    m.ask = turn_open(t, m.move);
    turn_emit(t, &coins_kept_type, &m);
    tally_pass_on(t, &m);
    return TURN_DONE;
}

static enum turn_result on_token(struct turn *t, struct id128 self, const struct message *message)
{
    struct tally_move m = *(const struct tally_move *)message->body;
    struct tally tally;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    uint16_t code = turn_origin(t)->refusing ? ERR_PRECONDITION : tally_refusal(&tally, &m);
    if (code != ERR_OK) {
        tally_tell_decision(t, &m, code);
    } else if (m.step + 1 == m.count) {
        turn_emit(t, &coins_decided_type, &m);
        tally_tell_decision(t, &m, ERR_OK);
    } else {
        turn_emit(t, &coins_kept_type, &m);
        tally_pass_on(t, &m);
    }
    return tally_end(t);
}

static enum turn_result on_follow(struct turn *t, struct id128 self, const struct message *message)
{
    struct tally_move m = *(const struct tally_move *)message->body;
    struct tally tally;
    const void *kept;
    if (!tally_look(t, self, &tally))
        return TURN_WAIT;
    enum presence p = turn_find(t, KIND_COINS_KEPT, tally_kept_id(&m), &kept);
    if (p == PRESENCE_WAITING)
        return TURN_WAIT;
    if (p == PRESENCE_ABSENT) /* only where a journal has lost its end */
        return turn_fail(t, "the move is not known here");
    turn_emit(t, &coins_followed_type, &m);
    if (m.step == 0) {
        turn_emit(t, &move_settled_type, &m);
        turn_close(t, m.ask, (uint16_t)m.code, &tally_moved_type, &m, 0);
    }
    return tally_end(t);
}

/* --- stored ----------------------------------------------------------------------------------- */

static void numbers_write(struct wire_writer *w, const uint64_t *numbers, uint32_t count)
{
    wire_put_array(w, count);
    for (uint32_t i = 0; i < count; i++)
        wire_put_uint(w, numbers[i]);
}

static bool numbers_read(struct wire_reader *r, uint64_t *numbers, uint32_t count)
{
    if (wire_get_array(r, count) != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = wire_get_uint(r, UINT64_MAX);
    return !r->failed;
}

#define TALLY_CODEC(name, type)                                                                    \
    static void name##_write(struct wire_writer *w, const void *state)                             \
    {                                                                                              \
        numbers_write(w, state, sizeof(type) / sizeof(uint64_t));                                  \
    }                                                                                              \
    static bool name##_read(struct registry *r, struct wire_reader *from, void *state)             \
    {                                                                                              \
        (void)r;                                                                                   \
        return numbers_read(from, state, sizeof(type) / sizeof(uint64_t));                         \
    }                                                                                              \
    static const struct state_codec name##_codec = {.write = name##_write, .read = name##_read}

TALLY_CODEC(tally, struct tally);
TALLY_CODEC(board, struct board);
TALLY_CODEC(coins, uint64_t);

static const struct handler tally_handlers[] = {
    {&tally_post_type, on_post}, {&tally_note_type, on_note},   {&tally_tell_type, on_tell},
    {&tally_move_type, on_move}, {&tally_token_type, on_token}, {&tally_follow_type, on_follow},
};

static const struct handler board_handlers[] = {{&tally_news_type, on_news}};

/* A decision that was made can only be carried out. */
static const struct message_type *const tally_refusable[] = {&tally_token_type};

static const struct actor_kind tally_kind = {.name = "tally",
                                             .number = KIND_TALLY,
                                             .state_size = sizeof(struct tally),
                                             .handlers = tally_handlers,
                                             .handler_count = array_len(tally_handlers),
                                             .refusable = tally_refusable,
                                             .refusable_count = array_len(tally_refusable),
                                             .codec = &tally_codec};
static const struct actor_kind board_kind = {.name = "board",
                                             .number = KIND_BOARD,
                                             .state_size = sizeof(struct board),
                                             .handlers = board_handlers,
                                             .handler_count = array_len(board_handlers),
                                             .codec = &board_codec};
static const struct actor_kind coins_kept_kind = {.name = "coins_kept",
                                                  .number = KIND_COINS_KEPT,
                                                  .state_size = sizeof(uint64_t),
                                                  .codec = &coins_codec};
/* Changed for peers that no turn looks for. */
static const struct actor_kind coins_transit_kind = {.name = "coins_transit",
                                                     .number = KIND_COINS_TRANSIT,
                                                     .state_size = sizeof(int64_t),
                                                     .codec = &coins_codec,
                                                     .pinned = true};

static const struct actor_kind *const kinds[] = {&tally_kind, &board_kind, &coins_kept_kind,
                                                 &coins_transit_kind};

static const struct event_rule rules[] = {
    {.type = &note_left_type, .key_offset = NO, .apply = on_note_left},
    {.type = &note_heard_type, .key_offset = NO, .apply = on_note_heard},
    {.type = &news_told_type, .key_offset = NO, .apply = on_news_told},
    {.type = &news_heard_type, .key_offset = NO, .apply = on_news_heard},
    {.type = &coins_kept_type, .key_offset = NO, .apply = on_coins_kept},
    {.type = &coins_decided_type, .key_offset = NO, .apply = on_coins_decided},
    {.type = &coins_followed_type, .key_offset = NO, .apply = on_coins_followed},
    {.type = &move_settled_type,
     .key_offset = offsetof(struct tally_move, move),
     .apply = on_move_settled},
};

const struct service tally_service = {.name = "tallies",
                                      .kinds = kinds,
                                      .kind_count = array_len(kinds),
                                      .rules = rules,
                                      .rule_count = array_len(rules)};
