/* SPDX-License-Identifier: Apache-2.0 */
/* Building of lines is pure (log_format); only log_line() touches the clock and the descriptor. */
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

static void put_format(struct line *l, const char *format, ...) printf_like(2, 3);

static void put_format(struct line *l, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    check(len >= 0 && (size_t)len < sizeof text);
    log_put(l, text, (size_t)len);
}

/* Length of the well-formed UTF-8 sequence at `p` (RFC 3629), 0 if there is none. */
static size_t utf8_read(const unsigned char *p, size_t left, uint32_t *code)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (p[0] < 0x80) {
        *code = p[0];
        return 1;
    }
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || len > left)
        return 0;
    uint32_t c = p[0] & (0x7Fu >> len);
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return 0;
    *code = c;
    return len;
}

/* Controls of both sets, line separators, and the marks that turn the direction of text. */
static bool is_hostile(uint32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0x9F) || (c >= 0x200E && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

static void put_text(struct line *l, struct slice text)
{
    const unsigned char *p = (const unsigned char *)text.data;
    size_t began = l->len;
    log_put(l, "\"", 1);
    for (size_t i = 0; i < text.len && !l->full && l->len - began < LOG_TEXT_MAX;) {
        uint32_t c = 0;
        size_t len = utf8_read(p + i, text.len - i, &c);
        if (len == 0)
            log_put(l, "\\ufffd", 6);
        else if (c == '"' || c == '\\')
            put_format(l, "\\%c", (char)c);
        else if (is_hostile(c))
            put_format(l, "\\u%04x", c);
        else
            log_put(l, text.data + i, len);
        i += len == 0 ? 1 : len;
    }
    log_put(l, "\"", 1);
}

static void put_value(struct line *l, const struct log_field *f)
{
    switch (f->form) {
    case LOG_FIELD_UINT:
        put_format(l, "%llu", (unsigned long long)f->value.number);
        break;
    case LOG_FIELD_INT:
        put_format(l, "%lld", (long long)f->value.integer);
        break;
    case LOG_FIELD_BOOL:
        put_format(l, "%s", f->value.truth ? "true" : "false");
        break;
    case LOG_FIELD_TEXT:
        if (f->value.text.data == NULL)
            log_put(l, "null", 4);
        else
            put_text(l, f->value.text);
        break;
    case LOG_FIELD_ID: {
        char text[ID128_TEXT_LEN];
        id128_text(f->value.id, text);
        put_text(l, (struct slice){text, sizeof text});
        break;
    }
    }
}

/* A field is in the line whole or not at all. */
static void put_field(struct line *l, const struct log_field *f)
{
    size_t before = l->len;
    log_put(l, ",", 1);
    put_text(l, slice_of(f->key));
    log_put(l, ":", 1);
    put_value(l, f);
    if (l->full)
        l->len = before;
}

static void put_time(struct line *l, uint64_t wall_ns)
{
    time_t seconds = (time_t)(wall_ns / NS_PER_S);
    struct tm t;
    check(gmtime_r(&seconds, &t) != NULL);
    put_format(l, "{\"time\":\"%04d-%02d-%02dT%02d:%02d:%02d.%06uZ\"", t.tm_year + 1900,
               t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec,
               (unsigned)(wall_ns % NS_PER_S / 1000));
}

size_t log_format(char line[LOG_LINE_MAX], uint64_t wall_ns, enum log_level level,
                  const char *event, const struct log_field *fields)
{
    check(level < LOG_LEVEL_OFF);
    struct line l = {.at = line, .max = LOG_LINE_MAX - LINE_TAIL};
    put_time(&l, wall_ns);
    put_field(&l, &(struct log_field){.key = "level", .form = LOG_FIELD_TEXT,
                                      .value.text = slice_of(level_names[level])});
    put_field(&l, &(struct log_field){.key = "event", .form = LOG_FIELD_TEXT,
                                      .value.text = slice_of(event)});
    bool cut = false;
    for (const struct log_field *f = fields; f->key != NULL; f++) {
        put_field(&l, f);
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

/* A pipe or terminal that nobody empties would hold up the caller, and with it a whole shard: then
 * the line is lost instead. poll() says that a pipe has room as soon as LOG_LINE_MAX bytes fit. */
static bool write_line(const struct log *l, const char *line, size_t len)
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
    if (!write_line(l, line, len))
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
