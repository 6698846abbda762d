/* SPDX-License-Identifier: Apache-2.0 */
/* Each function reads its value once, from the left, and stops at the first byte that does not fit.
 * What a value may not be is decided here; the caller decides what the client is answered and
 * whether a missing field matters. The sizes are bounded before anything is copied. */
#include "gateway_bridge/http/headers.h"

#include <string.h>

#include "runtime/base/hex.h"
#include "runtime/base/u128.h"

static bool header_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool header_alphanumeric(char c)
{
    return header_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static struct slice header_skip(struct slice value, uint32_t count)
{
    check(count <= value.len);
    if (count == 0)
        return value; /* its data may be NULL, to which nothing is added */
    return (struct slice){value.data + count, value.len - count};
}

bool header_starts(struct slice value, const char *lower)
{
    uint32_t at = 0;
    while (at < value.len && lower[at] != '\0' && header_lower(value.data[at]) == lower[at])
        at++;
    return lower[at] == '\0';
}

bool header_equal(struct slice value, const char *lower)
{
    return value.len == strlen(lower) && header_starts(value, lower);
}

/* --- Host ------------------------------------------------------------------------------------- */

static bool header_host_char(char c)
{
    return header_alphanumeric(c) || (c != '\0' && strchr("-._~!$&'()*+,;=%", c) != NULL);
}

/* Bytes of "[...]" at the front, an IPv6 address as far as its characters tell; 0 = it is none. */
static uint32_t header_bracketed_len(struct slice value)
{
    uint32_t at = 1;
    while (at < value.len && value.data[at] != ']') {
        char c = header_lower(value.data[at++]);
        if (!header_digit(c) && !(c >= 'a' && c <= 'f') && c != ':' && c != '.')
            return 0;
    }
    return at < 3 || at >= value.len ? 0 : at + 1;
}

static uint32_t header_host_len(struct slice value)
{
    uint32_t at = 0;
    if (value.len > 0 && value.data[0] == '[')
        return header_bracketed_len(value);
    while (at < value.len && header_host_char(value.data[at]))
        at++;
    return at;
}

bool header_host_valid(struct slice value)
{
    uint32_t at = header_host_len(value);
    if (at == 0 || at == value.len)
        return at > 0;
    if (value.data[at] != ':' || value.len - at > 6)
        return false;
    for (at++; at < value.len; at++) {
        if (!header_digit(value.data[at]))
            return false;
    }
    return true;
}

struct slice header_host_name(struct slice value)
{
    struct slice name = {value.data, header_host_len(value)};
    bool bracketed = name.len > 2 && name.data[0] == '[';
    return bracketed ? (struct slice){name.data + 1, name.len - 2} : name;
}

/* --- Authorization, Content-Type -------------------------------------------------------------- */

bool header_bearer(struct slice value, struct slice *token)
{
    static const char scheme[] = "bearer ";
    if (value.len < sizeof scheme || !header_starts(value, scheme))
        return false;
    value = header_skip(value, sizeof scheme - 1);
    while (value.len > 0 && value.data[0] == ' ') /* one space or more */
        value = header_skip(value, 1);
    *token = value;
    return true;
}

static bool header_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The text up to the next separator, without the blanks around it; *value goes on behind it. */
static struct slice header_next_part(struct slice *value, char separator)
{
    const char *end = value->len > 0 ? memchr(value->data, separator, value->len) : NULL;
    uint32_t len = end != NULL ? (uint32_t)(end - value->data) : value->len;
    struct slice text = {value->data, len};
    *value = header_skip(*value, end != NULL ? len + 1 : len);
    while (text.len > 0 && header_blank(text.data[0]))
        text = header_skip(text, 1);
    while (text.len > 0 && header_blank(text.data[text.len - 1]))
        text.len--;
    return text;
}

/* Some clients spell it without the dash. */
static bool header_charset_utf8(struct slice parameter)
{
    return header_equal(parameter, "charset=utf-8") ||
           header_equal(parameter, "charset=\"utf-8\"") ||
           header_equal(parameter, "charset=utf8") || header_equal(parameter, "charset=\"utf8\"");
}

bool header_media_type_is(struct slice value, const char *type)
{
    return header_equal(header_next_part(&value, ';'), type);
}

bool header_media_type_json(struct slice value)
{
    if (!header_equal(header_next_part(&value, ';'), "application/json"))
        return false;
    while (value.len > 0) {
        struct slice parameter = header_next_part(&value, ';');
        if (header_starts(parameter, "charset=") && !header_charset_utf8(parameter))
            return false;
    }
    return true;
}

/* --- Accept, Accept-Encoding ------------------------------------------------------------------ */

/* q=0.5 in thousandths, which no parameter is too (RFC 9110 section 12.4.2); -1: malformed. */
static int header_weight(struct slice parameter)
{
    int weight = 0, scale = 1000;
    if (parameter.len == 0)
        return 1000;
    if (parameter.len < 3 || parameter.len > 7 || !header_starts(parameter, "q=") ||
        (parameter.len > 3 && parameter.data[3] != '.'))
        return -1;
    for (uint32_t i = 2; i < parameter.len; i++) {
        if (i == 3)
            continue;
        if (!header_digit(parameter.data[i]))
            return -1;
        weight += (parameter.data[i] - '0') * scale;
        scale /= 10;
    }
    return weight <= 1000 ? weight : -1;
}

/* The weight is the last parameter that counts; those before it are of the type. */
static int header_range_weight(struct slice item)
{
    int weight = 1000;
    while (item.len > 0) {
        struct slice parameter = header_next_part(&item, ';');
        if (header_starts(parameter, "q="))
            weight = header_weight(parameter);
    }
    return weight;
}

bool header_prefers(struct slice value, const char *type, const char *other)
{
    int wanted = -1, instead = -1;
    while (value.len > 0) {
        struct slice item = header_next_part(&value, ',');
        struct slice range = header_next_part(&item, ';');
        int weight = header_range_weight(item);
        if (header_equal(range, type))
            wanted = weight;
        else if (header_equal(range, other))
            instead = weight;
    }
    return wanted > 0 && wanted > instead;
}

bool header_takes_gzip(struct slice value)
{
    int gzip = -1, plain = -1, others = -1;
    while (value.len > 0) {
        struct slice item = header_next_part(&value, ',');
        struct slice coding = header_next_part(&item, ';');
        int weight = header_weight(header_next_part(&item, ';'));
        if (item.len > 0 || weight < 0)
            return false;
        if (header_equal(coding, "gzip") || header_equal(coding, "x-gzip"))
            gzip = weight;
        else if (header_equal(coding, "identity"))
            plain = weight;
        else if (header_equal(coding, "*"))
            others = weight;
    }
    if (gzip < 0)
        gzip = others;
    return gzip > 0 && gzip >= plain;
}

/* --- X-Request-Id, traceparent ---------------------------------------------------------------- */

bool header_request_id_valid(struct slice value)
{
    if (value.len == 0 || value.len > HEADER_REQUEST_ID_MAX)
        return false;
    for (uint32_t i = 0; i < value.len; i++) {
        char c = value.data[i];
        if (!header_alphanumeric(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool header_all_zero(const char *digits, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (digits[i] != '0')
            return false;
    }
    return true;
}

/* version "-" trace-id "-" parent-id "-" flags, all of hexadecimal digits in lower case; neither id
 * may be zero. */
static bool header_traceparent_form(const char text[HEADER_TRACEPARENT_LEN])
{
    enum {
        PARENT_AT = 36,
        PARENT_LEN = 16
    };
    for (uint32_t i = 0; i < HEADER_TRACEPARENT_LEN; i++) {
        char c = text[i];
        bool dash = i == 2 || i == 35 || i == 52;
        if (dash ? c != '-' : !header_digit(c) && !(c >= 'a' && c <= 'f'))
            return false;
    }
    return !header_all_zero(text + HEADER_TRACE_ID_AT, HEADER_TRACE_ID_LEN) &&
           !header_all_zero(text + PARENT_AT, PARENT_LEN);
}

bool header_traceparent(struct slice value, char out[HEADER_TRACEPARENT_LEN])
{
    if (value.len < HEADER_TRACEPARENT_LEN || memcmp(value.data, "ff", 2) == 0)
        return false;
    bool later = memcmp(value.data, "00", 2) != 0;
    bool longer = value.len > HEADER_TRACEPARENT_LEN;
    if (longer && !(later && value.data[HEADER_TRACEPARENT_LEN] == '-'))
        return false;
    if (!header_traceparent_form(value.data))
        return false;
    memcpy(out, value.data, HEADER_TRACEPARENT_LEN);
    memcpy(out, "00", 2);
    return true;
}

/* --- Idempotency-Key -------------------------------------------------------------------------- */

/* The character at `at` of a string of structured fields, where '\' stands before '"' and '\'; 0 if
 * none may stand there. *used: bytes of it. */
static char header_string_char(struct slice text, uint32_t at, uint32_t *used)
{
    char c = text.data[at];
    *used = 1;
    if (c == '"')
        return 0;
    if (c != '\\')
        return c >= ' ' && c <= '~' ? c : 0;
    *used = 2;
    if (at + 1 == text.len)
        return 0;
    c = text.data[at + 1];
    return c == '"' || c == '\\' ? c : 0;
}

/* A string at the front, whose quote is off already; *text is what follows it. */
static bool header_take_string(struct slice *text, char string[HEADER_KEY_MAX], uint32_t *len)
{
    uint32_t used;
    *len = 0;
    while (text->len > 0 && text->data[0] != '"') {
        char c = header_string_char(*text, 0, &used);
        if (c == 0 || *len == HEADER_KEY_MAX)
            return false;
        string[(*len)++] = c;
        *text = header_skip(*text, used);
    }
    bool closed = text->len > 0;
    *text = header_skip(*text, closed ? 1 : 0);
    return closed;
}

/* A parameter's value but a string: a number, token, boolean or bytes, as far as their characters
 * tell (RFC 8941 section 3.3). Nothing depends on it. */
static uint32_t header_bare_item_len(struct slice text)
{
    uint32_t len = 0;
    while (len < text.len && text.data[len] > ' ' && text.data[len] <= '~' &&
           strchr("\"(),;<>@[\\]{}", text.data[len]) == NULL)
        len++;
    return len;
}

static uint32_t header_parameter_name_len(struct slice text)
{
    uint32_t len = 0;
    while (len < text.len &&
           ((text.data[len] >= 'a' && text.data[len] <= 'z') || text.data[len] == '*' ||
            (len > 0 && (header_digit(text.data[len]) ||
                         (text.data[len] != '\0' && strchr("_-.", text.data[len]) != NULL)))))
        len++;
    return len;
}

static bool header_take_parameter_value(struct slice *text)
{
    char string[HEADER_KEY_MAX];
    uint32_t len;
    if (text->len > 0 && text->data[0] == '"') {
        *text = header_skip(*text, 1);
        return header_take_string(text, string, &len);
    }
    len = header_bare_item_len(*text);
    *text = header_skip(*text, len);
    return len > 0;
}

/* The parameters of an item (RFC 8941 section 3.1.2), which mean nothing here. */
static bool header_parameters_valid(struct slice text)
{
    while (text.len > 0) {
        if (text.data[0] != ';')
            return false;
        text = header_skip(text, 1);
        while (text.len > 0 && text.data[0] == ' ')
            text = header_skip(text, 1);
        uint32_t name = header_parameter_name_len(text);
        text = header_skip(text, name);
        bool valued = text.len > 0 && text.data[0] == '=';
        text = header_skip(text, valued ? 1 : 0);
        if (name == 0 || (valued && !header_take_parameter_value(&text)))
            return false;
    }
    return true;
}

static bool header_quoted_key(struct slice text, char key[HEADER_KEY_MAX], uint32_t *len)
{
    char string[HEADER_KEY_MAX];
    uint32_t count;
    if (!header_take_string(&text, string, &count) || count == 0 || !header_parameters_valid(text))
        return false;
    memcpy(key, string, count);
    *len = count;
    return true;
}

static bool header_bare_key(struct slice value, char key[HEADER_KEY_MAX], uint32_t *len)
{
    if (value.len == 0 || value.len > HEADER_KEY_MAX)
        return false;
    for (uint32_t i = 0; i < value.len; i++) {
        if (value.data[i] <= ' ' || value.data[i] > '~' || value.data[i] == '"')
            return false;
    }
    memcpy(key, value.data, value.len);
    *len = value.len;
    return true;
}

bool header_idempotency_key(struct slice value, char key[HEADER_KEY_MAX], uint32_t *len)
{
    if (value.len < 2 || value.data[0] != '"')
        return header_bare_key(value, key, len);
    return header_quoted_key(header_skip(value, 1), key, len);
}

/* --- If-Match, If-None-Match ------------------------------------------------------------------ */

/* Bytes of the entity tag at the front, "W/" included; 0 = there is none. */
static uint32_t header_tag_len(struct slice value)
{
    uint32_t quote = value.len > 2 && memcmp(value.data, "W/", 2) == 0 ? 2 : 0;
    if (value.len < quote + 2 || value.data[quote] != '"')
        return 0;
    const char *end = memchr(value.data + quote + 1, '"', value.len - quote - 1);
    return end != NULL ? (uint32_t)(end - value.data) + 1 : 0;
}

/* Eight hexadecimal digits in lower case, not all zero; 0 = they are none. */
static uint32_t header_digest(struct slice text)
{
    uint32_t digest = 0;
    if (text.len != HEADER_DIGEST_LEN)
        return 0;
    for (uint32_t i = 0; i < text.len; i++) {
        int value = header_lower(text.data[i]) == text.data[i] ? hex_value(text.data[i]) : -1;
        if (value < 0)
            return 0;
        digest = digest << 4 | (uint32_t)value;
    }
    return digest;
}

/* The version and digest that a tag names, "17" or "17-0a1b2c3d"; false: none of ours. */
static bool header_tag_read(struct slice tag, bool weak_counts, uint64_t *version, uint32_t *digest)
{
    u128 number = 0;
    bool weak = tag.data[0] == 'W';
    if (weak)
        tag = header_skip(tag, 2);
    struct slice text = {tag.data + 1, tag.len - 2};
    const char *dash = text.len > 0 ? memchr(text.data, '-', text.len) : NULL;
    uint32_t len = dash != NULL ? (uint32_t)(dash - text.data) : text.len;
    *digest = dash != NULL ? header_digest(header_skip(text, len + 1)) : 0;
    bool ours = (!weak || weak_counts) && u128_parse(text.data, len, &number) &&
                number < UINT64_MAX && number > 0 && (dash == NULL || *digest != 0);
    *version = (uint64_t)number;
    return ours;
}

/* False if there is no room. */
static bool header_list_add(struct version_list *list, struct slice tag, bool weak_counts)
{
    uint64_t version;
    uint32_t digest;
    if (!header_tag_read(tag, weak_counts, &version, &digest))
        return true;
    if (list->count == VERSION_LIST_MAX)
        return false;
    list->digests[list->count] = digest;
    list->versions[list->count++] = version;
    return true;
}

bool header_version_list(struct slice value, bool weak_counts, struct version_list *list)
{
    bool any = slice_equal(value, slice_of("*"));
    bool fits = !list->given || !(any || list->any);
    list->given = true;
    list->any |= any;
    if (any || !fits)
        return fits;
    bool has_tag = false, after_comma = true;
    while (value.len > 0) {
        bool blank = header_blank(value.data[0]), comma = value.data[0] == ',';
        uint32_t len = blank || comma ? 1 : after_comma ? header_tag_len(value) : 0;
        struct slice tag = {value.data, len};
        if (len == 0 || (len > 1 && !header_list_add(list, tag, weak_counts)))
            return false;
        has_tag |= len > 1;
        after_comma = comma || (blank && after_comma);
        value = header_skip(value, len);
    }
    return has_tag;
}

bool header_tag_listed(struct slice value, bool weak_counts, struct slice tag)
{
    if (slice_equal(value, slice_of("*")))
        return true;
    while (value.len > 0) {
        uint32_t len = header_tag_len(value);
        struct slice found = {value.data, len};
        bool weak = len > 0 && found.data[0] == 'W';
        if (weak)
            found = header_skip(found, 2);
        if (len > 0 && (!weak || weak_counts) && slice_equal(found, tag))
            return true;
        value = header_skip(value, len > 0 ? len : 1);
    }
    return false;
}
