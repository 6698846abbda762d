/* SPDX-License-Identifier: Apache-2.0 */
/* The struct of the state that sample.toml declares. */
#ifndef TESTS_SAMPLE_STATE_H
#define TESTS_SAMPLE_STATE_H

#include "schemas/sample.h"

struct sample_actor {
    struct id128 sample_id, raw;
    bool yes;
    uint8_t tiny;
    struct {
        uint16_t small;
        uint32_t number;
    } numbers;
    uint64_t big;
    u128 huge, amount;
    uint16_t currency;
    struct slice name;
    uint64_t at;
    uint16_t outcome;
    uint8_t status;
    uint32_t flags;
    struct metadata metadata;
    struct sample_item *items;
    uint32_t items_count;
    struct sample_part *apart; /* NULL = none; its note is owned too */
    uint8_t later;
    struct slice latest;
};

#endif
