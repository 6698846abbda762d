/* SPDX-License-Identifier: Apache-2.0 */
/* The sends to one target are a list: its head and end are in the queue's state, each link in the
 * state of the send before. So parking one more changes two small states, however many wait. */
#include "runtime/sends/parked.h"

#include <string.h>

#include "runtime/actor/registry_priv.h"
#include "runtime/base/sha256.h"

#define PARKED_FORMAT 1
#define PARKED_PARTS 18
#define QUEUE_PARTS 4
#define EVENT_PARKED 4090
#define EVENT_UNPARKED 4091
#define UNPARKED_PARTS 5
#define PARKED_TEXT_MAX 4096 /* bytes of a principal's or request's text */

struct id128 parked_id(uint16_t from, bool to_all, uint64_t n)
{
    return (struct id128){(uint64_t)from << 1 | to_all, n};
}

static struct id128 parked_queue_id(uint16_t kind, struct id128 target)
{
    uint8_t bytes[16 + 2];
    id128_store(target, bytes);
    bytes[16] = (uint8_t)(kind >> 8);
    bytes[17] = (uint8_t)kind;
    const struct slice pieces[] = {{(const char *)bytes, sizeof bytes}};
    return sha256_id(pieces, array_len(pieces));
}

static const void *parked_state(struct registry *r, uint16_t kind, struct id128 id)
{
    struct actor *a = registry_find(r, kind, id);
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

const struct parked *parked_find(struct registry *r, struct id128 id)
{
    return parked_state(r, KIND_PARKED, id);
}

const struct parked_queue *parked_queue_find(struct registry *r, uint16_t kind, struct id128 target)
{
    return parked_state(r, KIND_PARKED_QUEUE, parked_queue_id(kind, target));
}

/* --- the events ------------------------------------------------------------------------------- */

static struct slice parked_own(struct registry *r, struct slice text)
{
    if (text.len == 0)
        return (struct slice){NULL, 0};
    char *copy = registry_alloc(r, text.len);
    memcpy(copy, text.data, text.len);
    return (struct slice){copy, text.len};
}

/* Copies the texts of `from`. */
static void parked_own_all(struct registry *r, struct parked *p, const struct parked *from)
{
    p->message = parked_own(r, from->message);
    p->reason = parked_own(r, from->reason);
    p->request = parked_own(r, from->request);
    p->who.tenant = parked_own(r, from->who.tenant);
    p->who.subject = parked_own(r, from->who.subject);
    p->who.client = parked_own(r, from->who.client);
}

static void parked_enqueue(struct registry *r, const struct parked *p)
{
    struct id128 id = parked_queue_id(p->kind, p->target);
    struct parked_queue *queue = registry_state_if(r, KIND_PARKED_QUEUE, id);
    if (queue == NULL) {
        queue = registry_create(r, KIND_PARKED_QUEUE, id);
        queue->first = p->id;
    } else {
        struct parked *last = registry_state(r, KIND_PARKED, queue->last);
        check(id128_is_zero(last->behind));
        last->behind = p->id;
    }
    queue->last = p->id;
    queue->count++;
}

static void parked_on_parked(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct parked *e = event;
    struct parked *p = registry_create(r, KIND_PARKED, e->id);
    check(id128_is_zero(e->behind));
    *p = *e;
    parked_own_all(r, p, e);
    p->parked_ns = time_ns;
    parked_enqueue(r, p);
}

/* Only the first of its target leaves. */
static void parked_on_unparked(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct unparked *e = event;
    struct id128 id = parked_queue_id(e->kind, e->target);
    struct parked_queue *queue = registry_state(r, KIND_PARKED_QUEUE, id);
    const struct parked *p = registry_state(r, KIND_PARKED, e->id);
    (void)time_ns;
    check(id128_equal(queue->first, e->id) && queue->count > 0);
    queue->first = p->behind;
    queue->count--;
    if (queue->count == 0)
        registry_remove(r, KIND_PARKED_QUEUE, id);
    registry_remove(r, KIND_PARKED, e->id);
}

static void parked_write(struct wire_writer *w, const void *body)
{
    const struct parked *p = body;
    wire_put_array(w, PARKED_PARTS);
    wire_put_uint(w, PARKED_FORMAT);
    wire_put_id(w, p->id);
    wire_put_uint(w, p->place);
    wire_put_uint(w, p->sent_ns);
    wire_put_uint(w, p->parked_ns);
    wire_put_uint(w, p->kind);
    wire_put_id(w, p->target);
    wire_put_uint(w, p->type);
    wire_put_bytes(w, p->message);
    wire_put_bytes(w, p->reason);
    wire_put_bytes(w, p->request);
    wire_put_bytes(w, p->who.tenant);
    wire_put_bytes(w, p->who.subject);
    wire_put_bytes(w, p->who.client);
    wire_put_id(w, p->who.token_id);
    wire_put_bool(w, p->who.any_owner);
    wire_put_bool(w, p->who.operator);
    wire_put_id(w, p->behind);
}

/* The texts point into what is read. */
static bool parked_read(struct wire_reader *r, struct parked *p)
{
    if (wire_get_array(r, PARKED_PARTS) != PARKED_PARTS ||
        wire_get_uint(r, PARKED_FORMAT) != PARKED_FORMAT)
        return false;
    p->id = wire_get_id(r);
    p->place = wire_get_uint(r, UINT64_MAX);
    p->sent_ns = wire_get_uint(r, UINT64_MAX);
    p->parked_ns = wire_get_uint(r, UINT64_MAX);
    p->kind = (uint16_t)wire_get_uint(r, KIND_MAX - 1);
    p->target = wire_get_id(r);
    p->type = (uint16_t)wire_get_uint(r, DOMAIN_NUMBER_MAX - 1);
    p->message = wire_get_bytes(r, PARKED_MESSAGE_MAX);
    p->reason = wire_get_bytes(r, PARKED_REASON_MAX);
    p->request = wire_get_bytes(r, PARKED_TEXT_MAX);
    p->who.tenant = wire_get_bytes(r, PARKED_TEXT_MAX);
    p->who.subject = wire_get_bytes(r, PARKED_TEXT_MAX);
    p->who.client = wire_get_bytes(r, PARKED_TEXT_MAX);
    p->who.token_id = wire_get_id(r);
    p->who.any_owner = wire_get_bool(r);
    p->who.operator= wire_get_bool(r);
    p->behind = wire_get_id(r);
    return !r->failed;
}

static bool parked_event_read(struct wire_reader *r, struct arena *a, void *body)
{
    (void)a;
    return parked_read(r, body);
}

const struct message_type send_parked_type = {
    .name = "send_parked",
    .number = EVENT_PARKED,
    .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct parked),
    .read = parked_event_read,
    .write = parked_write,
};

static void unparked_write(struct wire_writer *w, const void *body)
{
    const struct unparked *u = body;
    wire_put_array(w, UNPARKED_PARTS);
    wire_put_id(w, u->id);
    wire_put_uint(w, u->kind);
    wire_put_id(w, u->target);
    wire_put_text(w, u->by);
    wire_put_text(w, u->reason);
}

static bool unparked_read(struct wire_reader *r, struct arena *a, void *body)
{
    struct unparked *u = body;
    (void)a;
    if (wire_get_array(r, UNPARKED_PARTS) != UNPARKED_PARTS)
        return false;
    u->id = wire_get_id(r);
    u->kind = (uint16_t)wire_get_uint(r, KIND_MAX - 1);
    u->target = wire_get_id(r);
    u->by = wire_get_text(r, PARKED_BY_MAX);
    u->reason = wire_get_text(r, PARKED_REASON_MAX);
    return !r->failed;
}

const struct message_type send_unparked_type = {
    .name = "send_unparked",
    .number = EVENT_UNPARKED,
    .target_offset = MESSAGE_NO_OFFSET,
    .size = sizeof(struct unparked),
    .read = unparked_read,
    .write = unparked_write,
};

const struct event_rule parked_rules[PARKED_RULES] = {
    {.type = &send_parked_type, .key_offset = MESSAGE_NO_OFFSET, .apply = parked_on_parked},
    {.type = &send_unparked_type, .key_offset = MESSAGE_NO_OFFSET, .apply = parked_on_unparked},
};

/* --- stored ----------------------------------------------------------------------------------- */

static bool parked_state_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct parked *p = state;
    struct parked read = {0};
    if (!parked_read(from, &read))
        return false;
    *p = read;
    parked_own_all(r, p, &read);
    return true;
}

static void parked_release(struct registry *r, void *state)
{
    struct parked *p = state;
    const struct slice owned[] = {p->message,    p->reason,      p->request,
                                  p->who.tenant, p->who.subject, p->who.client};
    for (size_t i = 0; i < array_len(owned); i++)
        registry_free(r, (void *)(uintptr_t)owned[i].data);
}

static const struct state_codec parked_codec = {
    .fields = "format id place sent parked kind target type",
    .write = parked_write,
    .read = parked_state_read,
    .release = parked_release,
};

const struct actor_kind parked_kind = {
    .name = "parked",
    .number = KIND_PARKED,
    .state_size = sizeof(struct parked),
    .codec = &parked_codec,
    .pinned = true,
};

static void queue_write(struct wire_writer *w, const void *state)
{
    const struct parked_queue *queue = state;
    wire_put_array(w, QUEUE_PARTS);
    wire_put_uint(w, PARKED_FORMAT);
    wire_put_id(w, queue->first);
    wire_put_id(w, queue->last);
    wire_put_uint(w, queue->count);
}

static bool queue_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct parked_queue *queue = state;
    (void)r;
    if (wire_get_array(from, QUEUE_PARTS) != QUEUE_PARTS ||
        wire_get_uint(from, PARKED_FORMAT) != PARKED_FORMAT)
        return false;
    queue->first = wire_get_id(from);
    queue->last = wire_get_id(from);
    queue->count = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

static const struct state_codec queue_codec = {
    .fields = "format first last count",
    .write = queue_write,
    .read = queue_read,
};

const struct actor_kind parked_queue_kind = {
    .name = "parked_queue",
    .number = KIND_PARKED_QUEUE,
    .state_size = sizeof(struct parked_queue),
    .codec = &queue_codec,
    .pinned = true,
};
