/* SPDX-License-Identifier: Apache-2.0 */
/* Each table has one slot for every possible number, so one access finds the code, without a hash.
 * What the services declare twice or out of range stops the process when it starts, not when the
 * first such message comes. */
#include "runtime/actor/domain.h"

static void add_kinds(struct domain *d, const struct service *s)
{
    for (uint32_t i = 0; i < s->kind_count; i++) {
        const struct actor_kind *kind = s->kinds[i];
        check(kind->number > 0 && kind->number < KIND_MAX);
        check(d->kinds[kind->number] == NULL);
        check(!kind->everywhere || kind->pinned);
        d->kinds[kind->number] = kind;
    }
}

/* Is the key of the rule's events an id of some kind? Then turns look for what it decided. */
static void add_decided(struct domain *d, const struct event_rule *rule)
{
    for (uint16_t i = 0; i < rule->type->id_count; i++)
        if (rule->type->ids[i].offset == rule->key_offset)
            d->decided[rule->type->ids[i].kind] = true;
}

static void add_numbers(struct domain *d, const struct service *s)
{
    for (uint32_t i = 0; i < s->rule_count; i++) {
        uint16_t number = s->rules[i].type->number;
        check(number < DOMAIN_NUMBER_MAX && d->rules[number] == NULL);
        d->rules[number] = &s->rules[i];
        add_decided(d, &s->rules[i]);
    }
    for (uint32_t i = 0; i < s->needs_count; i++) {
        uint16_t number = s->needs[i].type->number;
        check(number < DOMAIN_NUMBER_MAX && d->needs[number] == NULL);
        check(s->needs[i].count <= EVENT_NEEDS_MAX);
        d->needs[number] = &s->needs[i];
    }
    for (uint32_t i = 0; i < s->query_count; i++) {
        uint16_t number = s->queries[i].type->number;
        check(number < DOMAIN_NUMBER_MAX && d->queries[number] == NULL);
        d->queries[number] = &s->queries[i];
    }
    for (uint32_t i = 0; i < s->locator_count; i++) {
        uint16_t number = s->locators[i].type->number;
        check(number < DOMAIN_NUMBER_MAX && d->locators[number] == NULL);
        d->locators[number] = &s->locators[i];
    }
    for (uint32_t i = 0; i < s->gatherer_count; i++) {
        uint16_t number = s->gatherers[i].type->number;
        check(number < DOMAIN_NUMBER_MAX && d->gatherers[number] == NULL);
        check(!s->gatherers[i].type->mutates);
        d->gatherers[number] = &s->gatherers[i];
    }
}

void domain_init(struct domain *d, const struct service *const *services, uint32_t count)
{
    check(services != NULL || count == 0);
    *d = (struct domain){.services = services, .service_count = count};
    for (uint32_t i = 0; i < count; i++) {
        if (services[i]->prepare != NULL)
            services[i]->prepare();
        add_kinds(d, services[i]);
        add_numbers(d, services[i]);
        if (services[i]->attributions != NULL)
            d->attributions = services[i]->attributions;
        if (services[i]->refusal != NULL)
            d->refusal = services[i]->refusal;
    }
}

struct place domain_place(const struct domain *d, const struct message_type *type, const void *body,
                          const struct principal *who, uint16_t any)
{
    struct id128 id;
    check(type != NULL);
    if (type->target_offset == MESSAGE_NO_OFFSET)
        return type->number < DOMAIN_NUMBER_MAX && d->locators[type->number] != NULL
                   ? d->locators[type->number]->locate(body, who, any)
                   : (struct place){ID128_ZERO, any};
    memcpy(&id, (const char *)body + type->target_offset, sizeof id);
    return place_of(id);
}
