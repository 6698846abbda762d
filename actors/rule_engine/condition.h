/* SPDX-License-Identifier: Apache-2.0 */
/* Condition: what a rule asks, compiled. A condition and all within it lie one behind the other, so
 * that asking walks through memory once and allocates nothing. */
#ifndef RULE_ENGINE_CONDITION_H
#define RULE_ENGINE_CONDITION_H

#include <stdbool.h>
#include <stdint.h>

#include "actors/rule_engine/facts.h"

enum condition_kind {
    CONDITION_ALWAYS,
    CONDITION_ALL,
    CONDITION_ANY,
    CONDITION_NOT,
    CONDITION_NUMBER, /* the amount lies between two bounds */
    CONDITION_LIST,   /* the text is one of these */
    CONDITION_TIME,   /* the time of day; over midnight too */
    CONDITION_WEEKDAY,
};

/* One end of a range. */
struct bound {
    struct decimal figure;
    bool there;
    bool included;
};

/* Texts in a table by their hash; `slots` is a power of two, at least twice their number. */
struct word {
    uint64_t hash;
    struct slice text; /* data NULL = the slot is free */
};
struct word_list {
    struct word *words;
    uint32_t slots;
};

/* Seconds of the local day; `offset_s` is how far local time is before UTC. */
struct day_time {
    uint32_t from_s; /* included */
    uint32_t to_s;   /* not included */
};

struct condition {
    uint8_t kind;      /* enum condition_kind */
    uint8_t fact;      /* enum fact_name */
    bool absent;       /* what holds if the fact is absent, or of another currency */
    uint16_t currency; /* of the bounds; 0 = whichever the amount has */
    uint32_t span;     /* conditions from this one to the last within it */
    int32_t offset_s;  /* of the zone */
    union {
        struct {
            struct bound low, high;
        } range;
        struct word_list list;
        struct day_time time;
        uint8_t days; /* bit per day, Sunday first */
    };
};

/* Of which no fact failed: who asks has looked. */
bool condition_holds(const struct condition *c, const struct facts *f);

/* Is one below (< 0), above (> 0) or equal? Exact at any number of decimals. */
int condition_compare(struct decimal a, struct decimal b);

/* Puts a text into a list that has a free slot; false: it is there already. */
must_check bool word_list_add(struct word_list *list, struct slice text);

#endif
