/* SPDX-License-Identifier: Apache-2.0 */
/* Origins are compared byte by byte, as browsers write them: in small letters, without a path, and
 * without the port that the scheme has anyway (RFC 6454 section 6.2). There is no "*": answers here
 * are for who has a token. */
#include "gateway_bridge/cors.h"

#include <ctype.h>
#include <string.h>

/* As a browser would write it. */
static bool cors_is_origin(struct slice s)
{
    const struct slice schemes[] = {slice_of("https://"), slice_of("http://")};
    for (size_t i = 0; i < array_len(schemes); i++) {
        const struct slice scheme = schemes[i];
        if (s.len <= scheme.len || memcmp(s.data, scheme.data, scheme.len) != 0)
            continue;
        for (uint32_t at = scheme.len; at < s.len; at++) {
            unsigned char c = (unsigned char)s.data[at];
            if (!islower(c) && !isdigit(c) && strchr(".-_:[]", c) == NULL)
                return false;
        }
        return true;
    }
    return false;
}

bool cors_parse(const char *text, struct cors *c)
{
    size_t len = strlen(text);
    c->count = 0;
    if (len >= sizeof c->text)
        return false;
    memcpy(c->text, text, len + 1);
    for (const char *at = c->text; *at != '\0';) {
        struct slice origin = {at, (uint32_t)strcspn(at, ", ")};
        if (!cors_is_origin(origin) || c->count == CORS_ORIGINS_MAX)
            return false;
        c->origins[c->count++] = origin;
        at += origin.len;
        at += strspn(at, ", ");
    }
    return true;
}

struct slice cors_find(const struct cors *c, struct slice origin)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (slice_equal(c->origins[i], origin))
            return c->origins[i];
    }
    return (struct slice){0};
}
