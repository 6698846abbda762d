/* SPDX-License-Identifier: Apache-2.0 */
/* The list is sorted by id, so a look-up is a binary search under the lock. One thread changes it:
 * it puts the revocation into memory first, moves the generation, by which verifiers notice, and
 * then writes the file under another name, fsyncs and renames it. If writing fails the revocation
 * is in force all the same, but only until a restart, and the caller gets REVOCATIONS_WRITING. The
 * file has one line for each, separated by tabs, and a last line with the hash of all before it; a
 * damaged one keeps the process from starting, since an empty list would accept revoked tokens. */
#include "gateway_bridge/auth/revocations.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "gateway_bridge/auth/token.h"
#include "runtime/base/hex.h"
#include "runtime/base/memory.h"
#include "runtime/base/sha256.h"
#include "schemas/fields.h"

#define FILE_NAME "revoked"
#define LINE_MAX_BYTES (REVOCATION_NAME_MAX + REVOCATION_TENANT_MAX + 80)
#define FILE_BYTES_MAX ((size_t)(REVOCATIONS_MAX + 1) * LINE_MAX_BYTES)
#define HASH_TEXT (2 * SHA256_SIZE)

struct revocations {
    char directory[PATH_MAX];
    uint32_t lifetime_s; /* of a token, at most */
    uv_mutex_t lock; /* list and count */
    struct revocation *list;
    uint32_t count;
    _Atomic uint64_t generation;
};

/* --- one -------------------------------------------------------------------------------------- */

/* No tenant is empty, so no subject has this id. */
struct id128 revocation_token_id(struct slice jti)
{
    struct slice pieces[] = {{"", 1}, jti};
    return sha256_id(pieces, array_len(pieces));
}

/* Whatever a claim of a token may be (jose_json.c). */
static bool revocations_copy_text(char *to, size_t max, struct slice text)
{
    if (text.len == 0 || text.len > max || !fields_printable(text))
        return false;
    memcpy(to, text.data, text.len);
    to[text.len] = '\0';
    return true;
}

bool revocation_of_token(struct revocation *v, struct slice jti, uint64_t now_s)
{
    *v = (struct revocation){
        .id = revocation_token_id(jti),
        .kind = REVOCATION_TOKEN,
        .revoked_s = now_s,
    };
    return revocations_copy_text(v->name, REVOCATION_NAME_MAX, jti);
}

bool revocation_of_subject(struct revocation *v, struct slice tenant, struct slice subject,
                           uint64_t before_s, uint64_t now_s)
{
    struct slice pieces[] = {tenant, {"", 1}, subject};
    *v = (struct revocation){
        .id = sha256_id(pieces, array_len(pieces)),
        .kind = REVOCATION_SUBJECT,
        .revoked_s = now_s,
        .before_s = before_s,
    };
    return revocations_copy_text(v->tenant, REVOCATION_TENANT_MAX, tenant) &&
           revocations_copy_text(v->name, REVOCATION_NAME_MAX, subject);
}

/* --- the list --------------------------------------------------------------------------------- */

/* Where it is or belongs. */
static uint32_t revocations_slot_of(const struct revocations *r, struct id128 id)
{
    uint32_t low = 0, high = r->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (id128_compare(r->list[middle].id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static const struct revocation *revocations_find(const struct revocations *r, struct id128 id)
{
    uint32_t at = revocations_slot_of(r, id);
    return at < r->count && id128_equal(r->list[at].id, id) ? &r->list[at] : NULL;
}

static void revocations_drop_ended(struct revocations *r, uint64_t now_s)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->count; i++)
        if (r->list[i].until_s > now_s)
            r->list[kept++] = r->list[i];
    r->count = kept;
}

/* Whatever it concerns was issued before one of its times, and has expired after this. */
static uint64_t revocations_end_of(const struct revocations *r, const struct revocation *v)
{
    uint64_t issued_s = v->kind == REVOCATION_SUBJECT ? v->before_s : v->revoked_s;
    return issued_s + r->lifetime_s + TOKEN_SKEW_S;
}

/* A subject's later time stays; false if there is no room. */
static bool revocations_put(struct revocations *r, const struct revocation *v)
{
    uint32_t at = revocations_slot_of(r, v->id);
    if (at < r->count && id128_equal(r->list[at].id, v->id)) {
        if (v->before_s >= r->list[at].before_s)
            r->list[at] = *v;
        return true;
    }
    if (r->count == REVOCATIONS_MAX)
        return false;
    memmove(&r->list[at + 1], &r->list[at], (r->count - at) * sizeof *r->list);
    r->list[at] = *v;
    r->count++;
    return true;
}

uint64_t revocations_generation(const struct revocations *r)
{
    return atomic_load_explicit(&r->generation, memory_order_acquire);
}

bool revocations_hit(struct revocations *r, struct id128 token_id, struct id128 subject_id,
                     uint64_t issued_s)
{
    uv_mutex_lock(&r->lock);
    const struct revocation *subject = revocations_find(r, subject_id);
    bool hit = (!id128_is_zero(token_id) && revocations_find(r, token_id) != NULL) ||
               (subject != NULL && issued_s < subject->before_s);
    uv_mutex_unlock(&r->lock);
    return hit;
}

uint32_t revocations_list(struct revocations *r, struct revocation *list, uint32_t max,
                          uint64_t now_s)
{
    uint32_t count = 0;
    uv_mutex_lock(&r->lock);
    for (uint32_t i = 0; i < r->count && count < max; i++)
        if (r->list[i].until_s > now_s)
            list[count++] = r->list[i];
    uv_mutex_unlock(&r->lock);
    return count;
}

/* --- the file --------------------------------------------------------------------------------- */

static void revocations_hash_text(struct slice lines, char text[HASH_TEXT + 1])
{
    struct sha256_digest digest = sha256(&lines, 1);
    hex_write(digest.bytes, SHA256_SIZE, text);
    text[HASH_TEXT] = '\0';
}

/* The whole file as text; its length. */
static size_t revocations_format(const struct revocations *r, char *text)
{
    size_t len = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        const struct revocation *v = &r->list[i];
        len += (size_t)snprintf(text + len, LINE_MAX_BYTES,
                                "%u\t%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t%s\t%s\n", v->kind,
                                v->revoked_s, v->before_s, v->until_s, v->tenant, v->name);
    }
    char hash[HASH_TEXT + 1];
    revocations_hash_text((struct slice){text, (uint32_t)len}, hash);
    return len + (size_t)snprintf(text + len, LINE_MAX_BYTES, "sha256\t%s\n", hash);
}

static bool revocations_write_all(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool written = true;
    for (size_t at = 0; written && at < len;) {
        ssize_t n = write(fd, text + at, len - at);
        written = n > 0 || (n < 0 && errno == EINTR);
        at += n > 0 ? (size_t)n : 0;
    }
    written = written && fsync(fd) == 0;
    return close(fd) == 0 && written;
}

static bool revocations_sync_directory(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        close(fd);
    return synced;
}

/* Under another name first, so that a crash leaves the old list or the new one. */
static bool revocations_save(const struct revocations *r)
{
    char path[PATH_MAX + 16], draft[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/" FILE_NAME, r->directory);
    snprintf(draft, sizeof draft, "%s/" FILE_NAME ".new", r->directory);
    char *text = malloc((size_t)(r->count + 1) * LINE_MAX_BYTES);
    if (text == NULL)
        return false;
    size_t len = revocations_format(r, text);
    bool saved = revocations_write_all(draft, text, len) && rename(draft, path) == 0 &&
                 revocations_sync_directory(r->directory);
    free(text);
    return saved;
}

static struct slice revocations_next_part(struct slice *line)
{
    const char *tab = memchr(line->data, '\t', line->len);
    uint32_t len = tab != NULL ? (uint32_t)(tab - line->data) : line->len;
    struct slice part = {line->data, len};
    uint32_t taken = tab != NULL ? len + 1 : len;
    *line = (struct slice){line->data + taken, line->len - taken};
    return part;
}

static uint64_t revocations_next_number(struct slice *line)
{
    uint64_t number = 0;
    struct slice part = revocations_next_part(line);
    for (uint32_t i = 0; i < part.len; i++)
        number = number * 10 + (uint64_t)(part.data[i] - '0');
    return number;
}

/* The hash was right, so a line is as it was written; what does not fit is another version's. */
static bool revocations_read_line(struct revocations *r, struct slice line)
{
    uint64_t kind = revocations_next_number(&line);
    uint64_t revoked_s = revocations_next_number(&line), before_s = revocations_next_number(&line);
    uint64_t until_s = revocations_next_number(&line);
    struct slice tenant = revocations_next_part(&line), name = revocations_next_part(&line);
    struct revocation v;
    bool good = kind == REVOCATION_TOKEN ? revocation_of_token(&v, name, revoked_s)
                : kind == REVOCATION_SUBJECT
                    ? revocation_of_subject(&v, tenant, name, before_s, revoked_s)
                    : false;
    v.until_s = revocations_end_of(r, &v); /* later than it was, if tokens may live longer now */
    if (v.until_s < until_s)
        v.until_s = until_s;
    return good && revocations_put(r, &v);
}

static bool revocations_parse(struct revocations *r, struct slice text)
{
    char hash[HASH_TEXT + 1], last[HASH_TEXT + 16];
    size_t last_len = sizeof "sha256\t" - 1 + HASH_TEXT + 1;
    if (text.len < last_len)
        return false;
    struct slice lines = {text.data, text.len - (uint32_t)last_len};
    revocations_hash_text(lines, hash);
    snprintf(last, sizeof last, "sha256\t%s\n", hash);
    if (memcmp(text.data + lines.len, last, last_len) != 0)
        return false;
    while (lines.len > 0) {
        const char *end = memchr(lines.data, '\n', lines.len);
        uint32_t len = end != NULL ? (uint32_t)(end - lines.data) : lines.len;
        if (end == NULL || !revocations_read_line(r, (struct slice){lines.data, len}))
            return false;
        lines = (struct slice){end + 1, lines.len - len - 1};
    }
    return true;
}

static bool revocations_load(struct revocations *r, char error[REVOCATIONS_ERROR_MAX])
{
    char path[PATH_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/" FILE_NAME, r->directory);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return true;
    bool known = fd >= 0 && fstat(fd, &st) == 0;
    size_t size = known && st.st_size >= 0 ? (size_t)st.st_size : 0;
    char *text = known && size <= FILE_BYTES_MAX ? malloc(size + 1) : NULL;
    bool whole = text != NULL && read(fd, text, size + 1) == (ssize_t)size;
    bool good = whole && revocations_parse(r, (struct slice){text, (uint32_t)size});
    if (!good)
        snprintf(error, REVOCATIONS_ERROR_MAX, "%.300s %s", path,
                 whole ? "is damaged: put back a copy, or remove it once all tokens that were "
                         "revoked have expired"
                       : "cannot be read");
    free(text);
    if (fd >= 0)
        close(fd);
    return good;
}

/* --- life ------------------------------------------------------------------------------------- */

enum revocations_outcome revocations_add(struct revocations *r, struct revocation *v,
                                         uint64_t now_s)
{
    v->until_s = revocations_end_of(r, v);
    uv_mutex_lock(&r->lock);
    revocations_drop_ended(r, now_s);
    bool fits = revocations_put(r, v);
    uv_mutex_unlock(&r->lock);
    atomic_fetch_add_explicit(&r->generation, 1, memory_order_release);
    if (!fits)
        return REVOCATIONS_FULL;
    return revocations_save(r) ? REVOCATIONS_DONE
                               : REVOCATIONS_WRITING; /* no other thread changes the list */
}

struct revocations *revocations_open(const char *directory, uint32_t lifetime_s,
                                     char error[REVOCATIONS_ERROR_MAX])
{
    struct revocations *r = memory_take_zeroed(1, sizeof *r);
    check(uv_mutex_init(&r->lock) == 0);
    r->list = memory_take_zeroed(REVOCATIONS_MAX, sizeof *r->list);
    r->lifetime_s = lifetime_s;
    int len = snprintf(r->directory, sizeof r->directory, "%s", directory);
    check(len > 0 && (size_t)len < sizeof r->directory);
    return revocations_load(r, error) ? r : revocations_close(r);
}

struct revocations *revocations_close(struct revocations *r)
{
    if (r == NULL)
        return NULL;
    uv_mutex_destroy(&r->lock);
    free(r->list);
    free(r);
    return NULL;
}
