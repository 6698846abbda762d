/* SPDX-License-Identifier: Apache-2.0 */
/* Both directions of a pair are in one state: a shard that sends to another usually hears from it
 * as well. A state is saved as a whole by a turn that sends, so that an undone turn's sends are not
 * counted. */
#include "runtime/sends/stream.h"

#include "runtime/actor/registry_priv.h"
#include "runtime/base/mutant.h"

#define STREAM_FORMAT 1
#define STREAM_PARTS 9

struct id128 stream_id(uint16_t shard, bool to_all)
{
    return (struct id128){0, (uint64_t)shard << 1 | to_all};
}

const struct stream *stream_find(struct registry *r, uint16_t shard, bool to_all)
{
    struct actor *a = registry_find(r, KIND_STREAM, stream_id(shard, to_all));
    return a != NULL && (a->flags & ACTOR_EXISTS) != 0 ? actor_state(a) : NULL;
}

static struct stream *stream_get(struct registry *r, uint16_t shard, bool to_all)
{
    struct id128 id = stream_id(shard, to_all);
    struct stream *s = registry_state_if(r, KIND_STREAM, id);
    return s != NULL ? s : registry_create(r, KIND_STREAM, id);
}

void stream_apply_send(struct registry *r, uint16_t self, const struct record_send *send,
                       uint64_t place, uint64_t hash)
{
    struct stream *s = stream_get(r, send->to_all ? self : send->to, send->to_all);
    check(place > s->sent.place);
    s->sent = (struct stream_mark){.n = s->sent.n + 1, .place = place, .hash = hash};
    if (s->sent.n == 1) {
        s->untaken_n = 1;
        s->untaken_place = place;
    } else if (send->says_untaken) {
        check(send->untaken_n >= s->untaken_n && send->untaken_n <= s->sent.n);
        s->untaken_n = send->untaken_n;
        s->untaken_place = send->untaken_n == s->sent.n ? place : send->untaken_place;
    }
}

bool stream_takes(struct registry *r, const struct record_taken *taken)
{
    const struct stream *s =
        registry_state_if(r, KIND_STREAM, stream_id(taken->from, taken->to_all));
    return taken->n == (s != NULL ? s->taken.n : 0) + 1;
}

void stream_apply_taken(struct registry *r, const struct record_taken *taken)
{
    struct stream *s = stream_get(r, taken->from, taken->to_all);
    check(taken->n == s->taken.n + 1 && taken->place > s->taken.place);
    s->taken = (struct stream_mark){taken->n, taken->place, taken->hash};
}

/* --- stored ----------------------------------------------------------------------------------- */

static void stream_put_mark(struct wire_writer *w, struct stream_mark mark)
{
    wire_put_uint(w, mark.n);
    wire_put_uint(w, mark.place);
    wire_put_uint(w, mark.hash);
}

static struct stream_mark stream_get_mark(struct wire_reader *r)
{
    struct stream_mark mark;
    mark.n = wire_get_uint(r, UINT64_MAX);
    mark.place = wire_get_uint(r, UINT64_MAX);
    mark.hash = wire_get_uint(r, UINT64_MAX);
    return mark;
}

static void stream_write(struct wire_writer *w, const void *state)
{
    const struct stream *s = state;
    wire_put_array(w, STREAM_PARTS);
    wire_put_uint(w, STREAM_FORMAT);
    stream_put_mark(w, s->sent);
    stream_put_mark(w, s->taken);
    wire_put_uint(w, s->untaken_n);
    wire_put_uint(w, s->untaken_place);
}

static bool stream_read(struct registry *r, struct wire_reader *from, void *state)
{
    struct stream *s = state;
    (void)r;
    if (wire_get_array(from, STREAM_PARTS) != STREAM_PARTS ||
        wire_get_uint(from, STREAM_FORMAT) != STREAM_FORMAT)
        return false;
    s->sent = stream_get_mark(from);
    s->taken = stream_get_mark(from);
    s->untaken_n = wire_get_uint(from, UINT64_MAX);
    s->untaken_place = wire_get_uint(from, UINT64_MAX);
    return !from->failed;
}

static const struct state_codec stream_codec = {
    .fields = "format sent sent_place sent_hash taken taken_place taken_hash untaken untaken_place",
    .write = stream_write,
    .read = stream_read,
};

const struct actor_kind stream_kind = {
    .name = "stream",
    .number = KIND_STREAM,
    .state_size = sizeof(struct stream),
    .codec = &stream_codec,
    .pinned = true,
};
