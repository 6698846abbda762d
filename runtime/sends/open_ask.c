/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sends/open_ask.h"

#include "runtime/actor/registry_priv.h"

#define OPEN_ASK_FORMAT 1
#define OPEN_ASK_PARTS 4

const struct open_ask *open_ask_find(struct registry *r, struct id128 id)
{
    struct actor *a = registry_find(r, KIND_OPEN_ASK, id);
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

bool open_ask_exists(struct registry *r, struct id128 id)
{
    return registry_state_if(r, KIND_OPEN_ASK, id) != NULL;
}

void open_ask_add(struct registry *r, struct id128 id, const struct open_ask *ask)
{
    *(struct open_ask *)registry_create(r, KIND_OPEN_ASK, id) = *ask;
}

void open_ask_remove(struct registry *r, struct id128 id)
{
    registry_remove(r, KIND_OPEN_ASK, id);
}

static void open_ask_write(struct wire_writer *w, const void *state)
{
    const struct open_ask *a = state;
    wire_put_array(w, OPEN_ASK_PARTS);
    wire_put_uint(w, OPEN_ASK_FORMAT);
    wire_put_uint(w, a->opened_ns);
    wire_put_bool(w, a->keyed);
    wire_put_id(w, a->fingerprint);
}

static bool open_ask_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct open_ask *a = state;
    (void)r;
    if (wire_get_array(from, OPEN_ASK_PARTS) != OPEN_ASK_PARTS ||
        wire_get_uint(from, OPEN_ASK_FORMAT) != OPEN_ASK_FORMAT)
        return false;
    a->opened_ns = wire_get_uint(from, UINT64_MAX);
    a->keyed = wire_get_bool(from);
    a->fingerprint = wire_get_id(from);
    return !from->failed;
}

static const struct state_codec open_ask_codec = {
    .fields = "format opened keyed fingerprint",
    .write = open_ask_write,
    .read = open_ask_read,
};

const struct actor_kind open_ask_kind = {
    .name = "open_ask",
    .number = KIND_OPEN_ASK,
    .state_size = sizeof(struct open_ask),
    .codec = &open_ask_codec,
    .pinned = true,
};
