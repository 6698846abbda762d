/* SPDX-License-Identifier: Apache-2.0 */
/* Dead letters: messages whose turn failed, or that came for a quarantined actor, kept for an
 * operator to look at and to replay. They end with the process. Loop thread only. */
#ifndef SHARD_DEAD_LETTERS_H
#define SHARD_DEAD_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "runtime/shard/shard_stats.h"

#define DEAD_LETTERS_MAX 1024                     /* the oldest is dropped for a new one ... */
#define DEAD_LETTERS_BYTES_MAX ((size_t)64 << 20) /* ... or when all have more bytes than this */

struct dead_letter {
    uint64_t number; /* 1, 2, 3, ... */
    uint64_t time_ns;
    const struct message_type *type;
    struct id128 target;
    uint16_t target_kind;
    const char *reason;
    struct slice body; /* msgpack */
};

struct dead_letter_entry;

struct dead_letters {
    struct shard_stats *stats;
    struct dead_letter_entry *first, *last; /* last is meaningless while first is NULL */
    uint32_t count;
    size_t bytes;
    uint64_t number; /* of the last one */
};

void dead_letters_init(struct dead_letters *d, struct shard_stats *stats);
void dead_letters_done(struct dead_letters *d);

/* Keeps a copy of all that decides what the message does. reason: static text. */
void dead_letters_keep(struct dead_letters *d, const struct message *m, const char *reason,
                       uint64_t time_ns);

/* Oldest first; false stops. */
void dead_letters_each(const struct dead_letters *d,
                       bool (*each)(void *context, const struct dead_letter *letter),
                       void *context);

/* Takes a letter out as a message to post; NULL if there is none of this number. The message owns
 * itself: its done() frees it, or puts the letter back if no handler took it. */
struct message *dead_letters_replay(struct dead_letters *d, uint64_t number);

#endif
