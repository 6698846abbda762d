/* SPDX-License-Identifier: Apache-2.0 */
/* Values of header fields. The first byte chooses the field; what a value means must keep the
 * promises of headers.h, and reading what came out again must give the same. */
#include <stdint.h>
#include <string.h>

#include "gateway_bridge/http/headers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice part, struct slice value)
{
    check(part.data >= value.data && part.len <= value.len &&
          (uint32_t)(part.data - value.data) <= value.len - part.len);
}

static void read_host(struct slice value)
{
    if (header_host_valid(value))
        check(value.len > 0 && memchr(value.data, '/', value.len) == NULL &&
              memchr(value.data, '@', value.len) == NULL);
}

static void read_bearer(struct slice value)
{
    struct slice token;
    if (!header_bearer(value, &token))
        return;
    check_inside(token, value);
    check(token.len == 0 || token.data[0] != ' ');
}

static void read_media_type(struct slice value)
{
    if (header_media_type_json(value))
        check(value.len >= strlen("application/json"));
}

static void read_request_id(struct slice value)
{
    if (header_request_id_valid(value))
        check(value.len <= HEADER_REQUEST_ID_MAX && memchr(value.data, '"', value.len) == NULL &&
              memchr(value.data, '\n', value.len) == NULL);
}

static void read_traceparent(struct slice value)
{
    char once[HEADER_TRACEPARENT_LEN], twice[HEADER_TRACEPARENT_LEN];
    if (!header_traceparent(value, once))
        return;
    check(header_traceparent((struct slice){once, sizeof once}, twice));
    check(memcmp(once, twice, sizeof once) == 0);
}

/* A key has exactly one text as a string. */
static void read_key(struct slice value)
{
    char key[HEADER_KEY_MAX], again[HEADER_KEY_MAX], quoted[2 * HEADER_KEY_MAX + 2];
    uint32_t len = 0, again_len = 0, at = 0;
    if (!header_idempotency_key(value, key, &len))
        return;
    check(len > 0 && len <= HEADER_KEY_MAX);
    quoted[at++] = '"';
    for (uint32_t i = 0; i < len; i++) {
        check(key[i] >= ' ' && key[i] <= '~');
        if (key[i] == '"' || key[i] == '\\')
            quoted[at++] = '\\';
        quoted[at++] = key[i];
    }
    quoted[at++] = '"';
    check(header_idempotency_key((struct slice){quoted, at}, again, &again_len));
    check(again_len == len && memcmp(again, key, len) == 0);
}

static void read_tags(struct slice value)
{
    struct version_list strong = {0}, all = {0};
    if (!header_version_list(value, true, &all))
        return;
    check(value.len > 0 && (all.any || all.count <= VERSION_LIST_MAX));
    check(header_version_list(value, false, &strong) && strong.count <= all.count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const readers[])(struct slice value) = {
        read_host,        read_bearer, read_media_type, read_request_id,
        read_traceparent, read_key,    read_tags};
    if (size == 0 || size > UINT16_MAX)
        return 0;
    struct slice value = {(const char *)data + 1, (uint32_t)(size - 1)};
    readers[data[0] % array_len(readers)](value);
    return 0;
}
