/* SPDX-License-Identifier: Apache-2.0 */
/* log_format() builds a line and depends on its arguments alone, so tests compare whole lines;
 * log_line() reads the clock and writes. A field that does not fit is taken back as a whole, and
 * the room for the closing bracket is kept free from the start, so a cut line is still valid JSON.
 * The descriptor is asked for room before each write: a reader that has stopped costs lines, never
 * a blocked shard. */
#include "runtime/observe/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/check.h"
#include "runtime/base/time.h"
#include "runtime/base/utf8.h"

#define LINE_TAIL 16 /* kept free for ,"cut":true}\n */

struct line {
    char *at;
    size_t len, max;
    bool full;
};

static const char *const level_names[] = {"debug", "info", "warn", "error", "off"};

static void log_put(struct line *l, const char *bytes, size_t len)
{
    if (l->full || len > l->max - l->len) {
        l->full = true;
        return;
    }
    memcpy(l->at + l->len, bytes, len);
    l->len += len;
}

static void log_put_format(struct line *l, const char *format, ...) printf_like(2, 3);

static void log_put_format(struct line *l, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    check(len >= 0 && (size_t)len < sizeof text);
    log_put(l, text, (size_t)len);
}

/* Controls of both sets, line separators, and the marks that turn the direction of text. */
static bool log_is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x200E && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

static void log_put_text(struct line *l, struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t began = l->len;
    log_put(l, "\"", 1);
    for (size_t i = 0; i < text.len && !l->full && l->len - began < LOG_TEXT_MAX;) {
        size_t len = utf8_len(p + i, text.len - i);
        uint32_t c = len > 0 ? utf8_code(p + i, len) : 0;
        if (len == 0)
            log_put(l, "\\ufffd", 6);
        else if (c == '"' || c == '\\')
            log_put_format(l, "\\%c", (char)c);
        else if (log_is_hostile(c))
            log_put_format(l, "\\u%04x", c);
        else
            log_put(l, text.data + i, len);
        i += len == 0 ? 1 : len;
    }
    log_put(l, "\"", 1);
}

static void log_put_value(struct line *l, const struct log_field *f)
{
    switch (f->form) {
    case LOG_FIELD_UINT:
        log_put_format(l, "%llu", (unsigned long long)f->value.number);
        break;
    case LOG_FIELD_INT:
        log_put_format(l, "%lld", (long long)f->value.integer);
        break;
    case LOG_FIELD_BOOL:
        log_put_format(l, "%s", f->value.truth ? "true" : "false");
        break;
    case LOG_FIELD_TEXT:
        if (f->value.text.data == NULL)
            log_put(l, "null", 4);
        else
            log_put_text(l, f->value.text);
        break;
    case LOG_FIELD_ID: {
        char text[ID128_TEXT_LEN];
        id128_text(f->value.id, text);
        log_put_text(l, (struct slice){text, sizeof text});
        break;
    }
    }
}

/* A field is in the line whole or not at all. */
static void log_put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    log_put(l, ",", 1);
    log_put_text(l, slice_of(f->key));
    log_put(l, ":", 1);
    log_put_value(l, f);
    if (l->full)
        l->len = before;
}

static void log_put_time(struct line *l, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm t;
    check(gmtime_r(&seconds, &t) != NULL);
    log_put_format(l, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06uZ\"", t.tm_year + 1900,
                   t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
                   (unsigned)(wall_ns % NS_PER_S / 1000));
}

size_t log_format(char line[LOG_LINE_MAX], uint64_t wall_ns, enum log_level level,
                  const char *event, const struct log_field *fields)
{
    check(level < LOG_LEVEL_OFF);
    struct line l = {.at = line, .max = LOG_LINE_MAX - LINE_TAIL};
    log_put_time(&l, wall_ns);
    log_put_field(&l, &(struct log_field){.key = "level",
                                          .form = LOG_FIELD_TEXT,
                                          .value.text = slice_of(level_names[level])});
    log_put_field(&l, &(struct log_field){
                          .key = "event", .form = LOG_FIELD_TEXT, .value.text = slice_of(event)});
    bool cut = false;
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        log_put_field(&l, f);
        cut |= l.full;
        l.full = false; /* a shorter one may still fit */
    }
    l.max = LOG_LINE_MAX;
    if (cut)
        log_put(&l, ",\"cut\":true", 11);
    log_put(&l, "}\n", 2);
    check(!l.full);
    return l.len;
}

void log_init(struct log *l, int fd, enum log_level level)
{
    l->fd = fd;
    l->level = level;
    atomic_init(&l->lost, 0);
}

bool log_level_parse(const char *text, enum log_level *level)
{
    for (size_t i = 0; i < array_len(level_names); i++) {
        if (strcmp(text, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    }
    return false;
}

/* A pipe or terminal without a reader would block the caller, and with it a whole shard: then the
 * line is lost instead. poll() says that a pipe has room as soon as LOG_LINE_MAX bytes fit. */
static bool log_write(const struct log *l, const char *line, size_t len)
{
    struct pollfd room = {.fd = l->fd, .events = POLLOUT};
    if (poll(&room, 1, 0) == 0)
        return false;
    ssize_t wrote;
    do {
        wrote = write(l->fd, line, len);
    } while (wrote < 0 && errno == EINTR);
    return wrote == (ssize_t)len;
}

void log_line(struct log *l, enum log_level level, const char *event,
              const struct log_field *fields)
{
    struct timespec now;
    check(clock_gettime(CLOCK_REALTIME, &now) == 0);
    char line[LOG_LINE_MAX];
    size_t len = log_format(line, (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec, level,
                            event, fields);
    if (!log_write(l, line, len))
        atomic_fetch_add(&l->lost, 1);
}

bool log_limit_pass(struct log_limit *l, uint64_t now_ns, uint64_t *suppressed)
{
    if (now_ns - l->window_began_ns >= l->window_ns) {
        l->window_began_ns = now_ns;
        l->lines = 0;
    }
    if (l->lines >= l->lines_max) {
        l->suppressed++;
        return false;
    }
    l->lines++;
    *suppressed = l->suppressed;
    l->suppressed = 0;
    return true;
}
