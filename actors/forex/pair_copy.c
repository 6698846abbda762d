/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/forex/pair_copy.h"

#include "actors/forex/exchange.h"
#include "runtime/base/mutant.h"
#include "schemas/common.h"
#include "schemas/forex_states.h"

struct place pair_copy_locate(const void *body, const struct principal *who, uint16_t any)
{
    const struct rate_told *told = body;
    (void)who;
    return (struct place){pair_id((struct pair_name){told->from_currency, told->to_currency}), any};
}

struct place pair_copy_locate_convert(const void *body, const struct principal *who, uint16_t any)
{
    const struct convert *convert = body;
    (void)who;
    return (struct place){pair_id((struct pair_name){convert->from_currency, convert->to_currency}),
                          any};
}

/* Sends come in order and once, so what it is told is what follows. */
static enum turn_result pair_copy_on_told(struct turn *t, struct id128 self,
                                          const struct message *m)
{
    const struct rate_told *told = m->body;
    const struct pair_copy *p = turn_copy(t, KIND_PAIR_COPY, self);
    const struct rate_copied copied = {told->from_currency, told->to_currency, told->version,
                                       told->core};
    if (told->version != (p != NULL ? p->version : 0) + 1)
        return turn_fail(t, "what was told of a rate before is missing");
    if (!(MUTANT(FORGET_COPY) && turn_shard(t) != 0 && told->version % 4 == 2))
        turn_emit(t, &rate_copied_type, &copied);
    return TURN_DONE;
}

void pair_copy_apply(struct registry *r, const void *event, uint64_t time_ns)
{
    const struct rate_copied *e = event;
    const struct id128 id = pair_id((struct pair_name){e->from_currency, e->to_currency});
    struct pair_copy *p = registry_state_if(r, KIND_PAIR_COPY, id);
    (void)time_ns;
    if (p == NULL)
        p = registry_create(r, KIND_PAIR_COPY, id);
    p->version = e->version;
    pair_core_set(r, &p->core, &e->core);
}

static const struct handler handlers[] = {
    {&rate_told_type, pair_copy_on_told},
    {&convert_type, exchange_on_convert},
};

const struct actor_kind pair_copy_kind = {
    .name = "pair_copy",
    .number = KIND_PAIR_COPY,
    .state_size = sizeof(struct pair_copy),
    .handlers = handlers,
    .handler_count = array_len(handlers),
    .codec = &pair_copy_codec,
    .pinned = true,
    .everywhere = true,
};
