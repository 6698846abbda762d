/* SPDX-License-Identifier: Apache-2.0 */
/* See purse.h. Written by hand what schemas/generate.py makes for real messages. */
#include "tests/unit/purse.h"

/* --- messages and events: all are arrays of unsigned integers and ids ------------------------- */

#define EVENT_FILLED 101
#define EVENT_MOVED 102
#define EVENT_EXPIRES 103
#define EVENT_EMPTIED 104

static bool read_fill(struct wire_reader *r, struct arena *a, void *body)
{
    struct purse_fill *m = body;
    (void)a;
    wire_get_array(r, 2);
    m->id = wire_get_id(r);
    m->coins = wire_get_uint(r, UINT64_MAX);
    return !r->failed;
}

static void write_fill(struct wire_writer *w, const void *body)
{
    const struct purse_fill *m = body;
    wire_put_array(w, 2);
    wire_put_id(w, m->id);
    wire_put_uint(w, m->coins);
}

static bool read_move(struct wire_reader *r, struct arena *a, void *body)
{
    struct purse_move *m = body;
    (void)a;
    wire_get_array(r, 4);
    m->from = wire_get_id(r);
    m->to = wire_get_id(r);
    m->coins = wire_get_uint(r, UINT64_MAX);
    m->times = (uint32_t)wire_get_uint(r, UINT32_MAX);
    return !r->failed;
}

static void write_move(struct wire_writer *w, const void *body)
{
    const struct purse_move *m = body;
    wire_put_array(w, 4);
    wire_put_id(w, m->from);
    wire_put_id(w, m->to);
    wire_put_uint(w, m->coins);
    wire_put_uint(w, m->times);
}

static bool read_look(struct wire_reader *r, struct arena *a, void *body)
{
    struct purse_look *m = body;
    (void)a;
    wire_get_array(r, 1);
    m->id = wire_get_id(r);
    return !r->failed;
}

static void write_look(struct wire_writer *w, const void *body)
{
    wire_put_array(w, 1);
    wire_put_id(w, ((const struct purse_look *)body)->id);
}

static bool read_coins(struct wire_reader *r, struct arena *a, void *body)
{
    struct purse_coins *m = body;
    (void)a;
    wire_get_array(r, 2);
    m->coins = wire_get_uint(r, UINT64_MAX);
    m->changes = wire_get_uint(r, UINT64_MAX);
    return !r->failed;
}

static void write_coins(struct wire_writer *w, const void *body)
{
    const struct purse_coins *m = body;
    wire_put_array(w, 2);
    wire_put_uint(w, m->coins);
    wire_put_uint(w, m->changes);
}

#define TYPE(NAME, NUMBER, SHAPE, STRUCT, OFFSET, MUTATES, PASSES)                                 \
    const struct message_type NAME = {.name = #NAME,                                               \
                                      .number = NUMBER,                                            \
                                      .target_kind = PURSE_KIND,                                   \
                                      .target_offset = OFFSET,                                     \
                                      .size = sizeof(struct STRUCT),                               \
                                      .mutates = MUTATES,                                          \
                                      .passes_quota = PASSES,                                      \
                                      .read = read_##SHAPE,                                        \
                                      .write = write_##SHAPE}

TYPE(purse_fill_type, 11, fill, purse_fill, 0, true, false);
TYPE(purse_move_type, 12, move, purse_move, 0, true, true);
TYPE(purse_look_type, 13, look, purse_look, 0, false, false);
TYPE(purse_break_type, 14, look, purse_break, 0, true, false);
TYPE(purse_expire_type, 15, fill, purse_expire, 0, true, false);
TYPE(purse_coins_type, 16, coins, purse_coins, MESSAGE_NO_OFFSET, false, false);
static TYPE(filled_type, EVENT_FILLED, fill, purse_fill, 0, true, false);
static TYPE(moved_type, EVENT_MOVED, move, purse_move, 0, true, false);
static TYPE(expires_type, EVENT_EXPIRES, fill, purse_expire, 0, true, false);
static TYPE(emptied_type, EVENT_EMPTIED, look, purse_look, 0, true, false);

/* --- apply ------------------------------------------------------------------------------------ */

static void apply_filled(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct purse_fill *e = event;
    (void)time_ns;
    struct purse *p = registry_state_if(r, PURSE_KIND, e->id);
    if (p == NULL)
        p = registry_create(r, PURSE_KIND, e->id);
    p->coins += e->coins;
    p->changes++;
}

static void apply_moved(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct purse_move *e = event;
    (void)time_ns;
    struct purse *from = registry_state(r, PURSE_KIND, e->from);
    struct purse *to = registry_state(r, PURSE_KIND, e->to);
    from->coins -= e->coins;
    to->coins += e->coins;
    from->changes++;
    to->changes++;
}

static void apply_expires(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct purse_expire *e = event;
    (void)time_ns;
    registry_state(r, PURSE_KIND, e->id);
    registry_deadline(r, PURSE_KIND, e->id, e->due_ns);
}

static void apply_emptied(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct purse_look *e = event;
    (void)time_ns;
    struct purse *p = registry_state(r, PURSE_KIND, e->id);
    p->coins = 0;
    p->changes++;
    registry_no_deadline(r, PURSE_KIND, e->id);
}

/* --- handlers --------------------------------------------------------------------------------- */

static void reply_coins(struct turn *t, const struct purse *p)
{
    struct purse_coins reply = {p->coins, p->changes};
    turn_reply(t, ERR_OK, &purse_coins_type, &reply, p->changes);
}

static enum turn_result on_fill(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state;
    if (turn_find(t, PURSE_KIND, self, &state) == PRESENCE_WAITING)
        return TURN_WAIT;
    turn_emit(t, &filled_type, m->body);
    if (turn_find(t, PURSE_KIND, self, &state) != PRESENCE_THERE)
        return turn_fail(t, "a filled purse is gone");
    reply_coins(t, state);
    return TURN_DONE;
}

static enum turn_result on_move(struct turn *t, struct id128 self, const struct message *m)
{
    const struct purse_move *move = m->body;
    const void *from, *to;
    enum presence a = turn_find(t, PURSE_KIND, self, &from);
    enum presence b = turn_find(t, PURSE_KIND, move->to, &to);
    if (a == PRESENCE_WAITING || b == PRESENCE_WAITING)
        return TURN_WAIT;
    if (a == PRESENCE_ABSENT || b == PRESENCE_ABSENT) {
        turn_refuse(t, PURSE_UNKNOWN);
        return TURN_DONE;
    }
    struct turn_savepoint start = turn_savepoint(t);
    for (uint32_t i = 0; i < move->times; i++) {
        if (((const struct purse *)from)->coins < move->coins) {
            turn_rollback(t, start);
            turn_refuse(t, PURSE_EMPTY);
            return TURN_DONE;
        }
        turn_emit(t, &moved_type, move);
    }
    reply_coins(t, from);
    return TURN_DONE;
}

static enum turn_result on_look(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state;
    (void)m;
    switch (turn_find(t, PURSE_KIND, self, &state)) {
    case PRESENCE_WAITING:
        return TURN_WAIT;
    case PRESENCE_ABSENT:
        turn_refuse(t, ERR_NOT_FOUND);
        return TURN_DONE;
    case PRESENCE_THERE:
        break;
    }
    reply_coins(t, state);
    return TURN_DONE;
}

static enum turn_result on_break(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    const void *state;
    if (turn_find(t, PURSE_KIND, self, &state) == PRESENCE_WAITING)
        return TURN_WAIT;
    struct purse_fill more = {self, 1000};
    turn_emit(t, &filled_type, &more);
    return turn_fail(t, "it was asked to break");
}

static enum turn_result on_expire(struct turn *t, struct id128 self, const struct message *m)
{
    const void *state;
    enum presence p = turn_find(t, PURSE_KIND, self, &state);
    if (p == PRESENCE_WAITING)
        return TURN_WAIT;
    if (p == PRESENCE_ABSENT) {
        turn_refuse(t, PURSE_UNKNOWN);
        return TURN_DONE;
    }
    turn_emit(t, &expires_type, m->body);
    reply_coins(t, state);
    return TURN_DONE;
}

static enum turn_result on_timeout(struct turn *t, struct id128 self)
{
    const void *state;
    enum presence p = turn_find(t, PURSE_KIND, self, &state);
    if (p == PRESENCE_WAITING)
        return TURN_WAIT;
    struct purse_look event = {self};
    if (p == PRESENCE_THERE && ((const struct purse *)state)->coins == PURSE_CURSED)
        return turn_fail(t, "it is cursed");
    if (p == PRESENCE_THERE && ((const struct purse *)state)->coins == PURSE_WORDY)
        reply_coins(t, state);
    if (p == PRESENCE_THERE)
        turn_emit(t, &emptied_type, &event);
    return TURN_DONE;
}

static void write_state(struct wire_writer *w, const void *state)
{
    write_coins(w, state);
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    return read_coins(from, NULL, state);
}

/* --- service ---------------------------------------------------------------------------------- */

static const struct handler handlers[] = {
    {&purse_fill_type, on_fill},   {&purse_move_type, on_move},
    {&purse_look_type, on_look},   {&purse_break_type, on_break},
    {&purse_expire_type, on_expire},
};

static const struct state_codec purse_codec = {.write = write_state, .read = read_state};

static const struct actor_kind purse_kind = {
    .name = "purse",
    .number = PURSE_KIND,
    .state_size = sizeof(struct purse),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &purse_codec,
    .timeout = on_timeout,
};

static const struct actor_kind *const kinds[] = {&purse_kind};

static const struct event_rule rules[] = {
    {&filled_type, MESSAGE_NO_OFFSET, apply_filled, NULL},
    {&moved_type, MESSAGE_NO_OFFSET, apply_moved, NULL},
    {&expires_type, MESSAGE_NO_OFFSET, apply_expires, NULL},
    {&emptied_type, MESSAGE_NO_OFFSET, apply_emptied, NULL},
};

static const struct event_needs needs[] = {
    {&filled_type, PURSE_KIND, 1, {offsetof(struct purse_fill, id)}},
};

const struct service purse_service = {
    .name = "purse",
    .kinds = kinds,
    .kind_count = 1,
    .rules = rules,
    .rule_count = array_len(rules),
    .needs = needs,
    .needs_count = array_len(needs),
};
