/* SPDX-License-Identifier: Apache-2.0 */
/* What the sample's state keeps by hand. */
#include "tests/unit/schemas/sample_state.h"

#include "actors/common/owned_text.h"
#include "schemas/sample_states.h"

void sample_actor_put_apart(struct wire_writer *w, const struct sample_actor *s)
{
    if (s->apart == NULL)
        wire_put_nil(w);
    else
        sample_part_write(w, s->apart);
}

bool sample_actor_get_apart(struct registry *registry, struct wire_reader *r,
                            struct sample_actor *s)
{
    struct sample_part part;
    if (wire_get_nil(r))
        return true;
    if (!sample_part_read(r, NULL, &part))
        return false;
    part.note = owned_text_copy(registry, part.note);
    s->apart = registry_alloc(registry, sizeof part);
    *s->apart = part;
    return true;
}

void sample_actor_free_apart(struct registry *registry, struct sample_actor *s)
{
    if (s->apart != NULL)
        owned_text_free(registry, s->apart->note);
    registry_free(registry, s->apart);
}
