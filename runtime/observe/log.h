/* SPDX-License-Identifier: Apache-2.0 */
/* Log: one JSON object per line on a file descriptor.
 *
 *     LOG_INFO(log, "shard_running", log_uint("shard", 3), log_text("reason", text));
 *     {"time":"2025-01-31T09:30:00.123456Z","level":"info","event":"shard_running","shard":3,...}
 *
 * Any thread, without locks and memory: a line is built on the stack and written by one write(),
 * which a pipe keeps whole. Nobody waits for a reader that is slow: what the descriptor has no room
 * for is lost, and counted. Values may come from anywhere: control characters, broken UTF-8 and
 * what moves a terminal's cursor are escaped. Events and keys are literals of ours. */
#ifndef OBSERVE_LOG_H
#define OBSERVE_LOG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/id128.h"
#include "runtime/base/slice.h"

#define LOG_LINE_MAX 4096 /* bytes with the newline; PIPE_BUF, so that lines never mix */
#define LOG_TEXT_MAX 1024 /* bytes of one value in the line; the rest is cut */

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_OFF,
};

struct log {
    int fd;
    enum log_level level;     /* lines below it are not written */
    atomic_uint_fast64_t lost; /* lines the descriptor did not take */
};

/* The descriptor stays the caller's. */
void log_init(struct log *l, int fd, enum log_level level);
/* "debug", "info", "warn", "error", "off"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level);

static inline bool log_takes(const struct log *l, enum log_level level)
{
    return l != NULL && level >= l->level;
}

/* One value of a line. */
struct log_field {
    const char *key; /* NULL ends the list */
    enum { LOG_FIELD_UINT, LOG_FIELD_INT, LOG_FIELD_BOOL, LOG_FIELD_TEXT, LOG_FIELD_ID } form;
    union {
        uint64_t number;
        int64_t integer;
        bool truth;
        struct slice text; /* data NULL is written as null */
        struct id128 id;
    } value;
};

static inline struct log_field log_uint(const char *key, uint64_t value)
{
    return (struct log_field){.key = key, .form = LOG_FIELD_UINT, .value.number = value};
}

static inline struct log_field log_int(const char *key, int64_t value)
{
    return (struct log_field){.key = key, .form = LOG_FIELD_INT, .value.integer = value};
}

static inline struct log_field log_bool(const char *key, bool value)
{
    return (struct log_field){.key = key, .form = LOG_FIELD_BOOL, .value.truth = value};
}

static inline struct log_field log_slice(const char *key, struct slice value)
{
    return (struct log_field){.key = key, .form = LOG_FIELD_TEXT, .value.text = value};
}

/* NULL is written as null. */
static inline struct log_field log_text(const char *key, const char *value)
{
    return log_slice(key, value == NULL ? (struct slice){NULL, 0} : slice_of(value));
}

static inline struct log_field log_id(const char *key, struct id128 value)
{
    return (struct log_field){.key = key, .form = LOG_FIELD_ID, .value.id = value};
}

/* Formats a line with its newline into at most LOG_LINE_MAX bytes; returns its length. Fields that
 * do not fit are left out, and "cut":true says so. */
size_t log_format(char line[LOG_LINE_MAX], uint64_t wall_ns, enum log_level level,
                  const char *event, const struct log_field *fields);

void log_line(struct log *l, enum log_level level, const char *event,
              const struct log_field *fields);

#define LOG_DEBUG(log, ...) LOG_AT(log, LOG_LEVEL_DEBUG, __VA_ARGS__, (struct log_field){0})
#define LOG_INFO(log, ...) LOG_AT(log, LOG_LEVEL_INFO, __VA_ARGS__, (struct log_field){0})
#define LOG_WARN(log, ...) LOG_AT(log, LOG_LEVEL_WARN, __VA_ARGS__, (struct log_field){0})
#define LOG_ERROR(log, ...) LOG_AT(log, LOG_LEVEL_ERROR, __VA_ARGS__, (struct log_field){0})

/* The fields are computed only if the line is wanted. */
#define LOG_AT(log, level, event, ...)                                                             \
    (log_takes(log, level)                                                                         \
         ? log_line(log, level, event, (const struct log_field[]){__VA_ARGS__})                    \
         : (void)0)

/* For lines that the world can cause often: at most `lines_max` per window of window_ns. Owned by
 * one thread, zero-initialised but for its two limits. */
struct log_limit {
    uint32_t lines_max;
    uint64_t window_ns;
    uint64_t window_began_ns;
    uint32_t lines;      /* in this window */
    uint64_t suppressed; /* since the last line that passed */
};

/* May a line be written now? Then *suppressed is how many were left out since the last one. */
bool log_limit_pass(struct log_limit *l, uint64_t now_ns, uint64_t *suppressed);

#endif
