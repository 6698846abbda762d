/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are integers; seconds are written with nine decimals from nanoseconds, so that nothing is
 * ever rounded. */
#include "runtime/observe/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/array.h"
#include "runtime/base/check.h"
#include "runtime/base/time.h"

#define NUMBER_MAX 32 /* bytes of a number as text */
#define NAME_MAX_BYTES 96

void metrics_init(struct metrics *m)
{
    *m = (struct metrics){0};
}

void metrics_done(struct metrics *m)
{
    free(m->text);
    metrics_init(m);
}

static bool metrics_reserve(struct metrics *m, size_t more)
{
    if (m->failed || more > METRICS_PAGE_MAX - m->len) {
        m->failed = true;
        return false;
    }
    if (m->len + more <= m->cap)
        return true;
    m->cap = array_larger(m->cap, m->len + more, 1, METRICS_PAGE_MAX);
    m->text = array_resize(m->text, m->cap, 1);
    return true;
}

static void metrics_put(struct metrics *m, const char *bytes, size_t len)
{
    if (!metrics_reserve(m, len))
        return;
    memcpy(m->text + m->len, bytes, len);
    m->len += len;
}

static void metrics_put_text(struct metrics *m, const char *text)
{
    metrics_put(m, text, strlen(text));
}

static bool metrics_is_name(const char *name, bool colon)
{
    for (const char *p = name; *p != '\0'; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' ||
                      (colon && *p == ':');
        if (!letter && (p == name || *p < '0' || *p > '9'))
            return false;
    }
    return *name != '\0' && strlen(name) < NAME_MAX_BYTES;
}

static void metrics_put_escaped(struct metrics *m, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\n')
            metrics_put(m, "\\n", 2);
        else if (text[i] == '"' || text[i] == '\\')
            metrics_put(m, (char[]){'\\', text[i]}, 2);
        else
            metrics_put(m, &text[i], 1);
    }
}

void metrics_family(struct metrics *m, enum metrics_type type, const char *name,
                    const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "summary"};
    check(metrics_is_name(name, true));
    size_t len = strlen(name);
    bool total = len > 6 && strcmp(name + len - 6, "_total") == 0;
    check(total == (type == METRICS_COUNTER));
    check(strpbrk(help, "\\\n") == NULL);
    metrics_put_text(m, "# HELP ");
    metrics_put_text(m, name);
    metrics_put_text(m, " ");
    metrics_put_text(m, help);
    metrics_put_text(m, "\n# TYPE ");
    metrics_put_text(m, name);
    metrics_put_text(m, " ");
    metrics_put_text(m, types[type]);
    metrics_put_text(m, "\n");
}

/* `extra` and its value are one more label, if not NULL. */
static void metrics_put_sample(struct metrics *m, const char *name, const char *const *labels,
                               const char *extra, const char *extra_value, const char *number)
{
    check(metrics_is_name(name, true));
    metrics_put_text(m, name);
    const char *before = "{";
    for (const char *const *l = labels; *l != NULL; l += 2) {
        check(metrics_is_name(l[0], false) && l[1] != NULL);
        metrics_put_text(m, before);
        metrics_put_text(m, l[0]);
        metrics_put_text(m, "=\"");
        metrics_put_escaped(m, l[1], strnlen(l[1], METRICS_LABEL_MAX));
        metrics_put_text(m, "\"");
        before = ",";
    }
    if (extra != NULL) {
        metrics_put_text(m, before);
        metrics_put_text(m, extra);
        metrics_put_text(m, "=\"");
        metrics_put_text(m, extra_value);
        metrics_put_text(m, "\"");
    }
    metrics_put_text(m, *labels != NULL || extra != NULL ? "} " : " ");
    metrics_put_text(m, number);
    metrics_put_text(m, "\n");
}

static void metrics_number_text(char text[NUMBER_MAX], uint64_t value, bool seconds)
{
    if (seconds)
        snprintf(text, NUMBER_MAX, "%" PRIu64 ".%09u", value / NS_PER_S,
                 (unsigned)(value % NS_PER_S));
    else
        snprintf(text, NUMBER_MAX, "%" PRIu64, value);
}

void metrics_sample(struct metrics *m, const char *name, uint64_t value,
                    const char *const *labels)
{
    char number[NUMBER_MAX];
    metrics_number_text(number, value, false);
    metrics_put_sample(m, name, labels, NULL, NULL, number);
}

void metrics_sample_seconds(struct metrics *m, const char *name, uint64_t value_ns,
                            const char *const *labels)
{
    char number[NUMBER_MAX];
    metrics_number_text(number, value_ns, true);
    metrics_put_sample(m, name, labels, NULL, NULL, number);
}

void metrics_sample_histogram(struct metrics *m, const char *name, const struct histogram *h,
                              uint64_t unit, bool seconds, const char *const *labels)
{
    char full[NAME_MAX_BYTES + 16]; /* "_bucket" at most */
    char number[NUMBER_MAX], bound[NUMBER_MAX];
    check(metrics_is_name(name, true));
    snprintf(full, sizeof full, "%s_bucket", name);
    uint64_t count = 0;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
        count += h->counts[i];
        metrics_number_text(number, count, false);
        if (i < HISTOGRAM_BUCKETS - 1)
            metrics_number_text(bound, unit << i, seconds);
        else
            snprintf(bound, sizeof bound, "+Inf");
        metrics_put_sample(m, full, labels, "le", bound, number);
    }
    snprintf(full, sizeof full, "%s_sum", name);
    metrics_number_text(number, h->sum, seconds);
    metrics_put_sample(m, full, labels, NULL, NULL, number);
    snprintf(full, sizeof full, "%s_count", name);
    metrics_number_text(number, count, false);
    metrics_put_sample(m, full, labels, NULL, NULL, number);
}
