/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/sends/open_ask.h"

#include <string.h>

#include "runtime/actor/registry_priv.h"

#define OPEN_ASK_FORMAT 1
#define OPEN_ASK_PARTS 5
#define ATTACHED_PARTS 3

const struct open_ask *open_ask_find(struct registry *r, struct id128 id)
{
    struct actor *a = registry_find(r, KIND_OPEN_ASK, id);
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

const struct open_ask *open_ask_load(struct registry *r, struct id128 id)
{
    return registry_state_if(r, KIND_OPEN_ASK, id);
}

bool open_ask_has_key(const struct open_ask *ask, struct id128 key)
{
    check(ask->key_count <= RECORD_KEYS_MAX);
    for (uint32_t i = 0; i < ask->key_count; i++)
        if (id128_equal(ask->keys[i].key, key))
            return true;
    return false;
}

bool open_ask_attach(struct registry *r, struct id128 id, const struct record_key *key)
{
    struct open_ask *a = registry_state(r, KIND_OPEN_ASK, id);
    check(!id128_equal(key->key, id));
    if (a->key_count == RECORD_KEYS_MAX || open_ask_has_key(a, key->key))
        return false;
    struct record_key *keys = registry_alloc(r, (a->key_count + 1) * sizeof *keys);
    if (a->keys != NULL) {
        memcpy(keys, a->keys, a->key_count * sizeof *keys);
        registry_free(r, a->keys);
    }
    keys[a->key_count++] = *key;
    a->keys = keys;
    return true;
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
    wire_put_array(w, a->key_count * ATTACHED_PARTS);
    for (uint32_t i = 0; i < a->key_count; i++) {
        wire_put_id(w, a->keys[i].key);
        wire_put_id(w, a->keys[i].fingerprint);
        wire_put_bool(w, a->keys[i].wide);
    }
}

static bool open_ask_read_keys(struct registry *r, struct wire_reader *from, struct open_ask *a)
{
    uint32_t parts = wire_get_array(from, RECORD_KEYS_MAX * ATTACHED_PARTS);
    if (from->failed || parts % ATTACHED_PARTS != 0)
        return false;
    if (parts == 0)
        return true;
    a->key_count = parts / ATTACHED_PARTS;
    a->keys = registry_alloc(r, a->key_count * sizeof *a->keys);
    for (uint32_t i = 0; i < a->key_count; i++) {
        a->keys[i].key = wire_get_id(from);
        a->keys[i].fingerprint = wire_get_id(from);
        a->keys[i].wide = wire_get_bool(from);
    }
    if (from->failed)
        registry_free(r, a->keys);
    return !from->failed;
}

static bool open_ask_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct open_ask *a = state;
    if (wire_get_array(from, OPEN_ASK_PARTS) != OPEN_ASK_PARTS ||
        wire_get_uint(from, OPEN_ASK_FORMAT) != OPEN_ASK_FORMAT)
        return false;
    a->opened_ns = wire_get_uint(from, UINT64_MAX);
    a->keyed = wire_get_bool(from);
    a->fingerprint = wire_get_id(from);
    return open_ask_read_keys(r, from, a);
}

static void open_ask_release(struct registry *r, void *state)
{
    struct open_ask *a = state;
    if (a->keys != NULL)
        registry_free(r, a->keys);
}

static const struct state_codec open_ask_codec = {
    .fields = "format opened keyed fingerprint attached",
    .write = open_ask_write,
    .read = open_ask_read,
    .release = open_ask_release,
};

const struct actor_kind open_ask_kind = {
    .name = "open_ask",
    .number = KIND_OPEN_ASK,
    .state_size = sizeof(struct open_ask),
    .codec = &open_ask_codec,
    .pinned = true,
};
