/* SPDX-License-Identifier: Apache-2.0 */
/* Text is taken apart into characters, each of which is either passed on or replaced by a few ASCII
 * letters. */
#include "bin/escape.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "runtime/base/utf8.h"

#define SHOWN_MAX 8 /* bytes of one character as it is shown, with NUL */

static bool escape_needed(uint32_t code)
{
    return code < 0x20 || (code >= 0x7f && code <= 0x9f) || /* C0, DEL, C1 */
           code == 0x61c || code == 0x200e || code == 0x200f || /* marks of direction */
           (code >= 0x2028 && code <= 0x202e) ||                /* ends of lines, embeddings */
           (code >= 0x2066 && code <= 0x2069) || code == 0xfeff; /* isolates, byte order mark */
}

/* Takes the first character off the text; what is shown of it. */
static struct slice escape_next(struct slice *text, char shown[SHOWN_MAX])
{
    const uint8_t *at = (const uint8_t *)text->data;
    size_t len = utf8_len(at, text->len);
    struct slice as_it_is = {text->data, (uint32_t)len};
    int written = 0;
    if (len == 0)
        written = snprintf(shown, SHOWN_MAX, "\\x%02x", at[0]);
    else if (escape_needed(utf8_code(at, len)))
        written = snprintf(shown, SHOWN_MAX, "\\u%04x", utf8_code(at, len));
    uint32_t taken = len > 0 ? (uint32_t)len : 1;
    *text = (struct slice){text->data + taken, text->len - taken};
    return written > 0 ? (struct slice){shown, (uint32_t)written} : as_it_is;
}

void escape_put(FILE *out, struct slice text)
{
    char shown[SHOWN_MAX];
    const char *passed = text.data; /* from here on nothing is written yet */
    while (text.len > 0) {
        const char *at = text.data;
        struct slice next = escape_next(&text, shown);
        if (next.data == at)
            continue;
        fwrite(passed, 1, (size_t)(at - passed), out);
        fwrite(next.data, 1, next.len, out);
        passed = text.data;
    }
    fwrite(passed, 1, (size_t)(text.data - passed), out);
}

void escape_add(char *to, size_t size, struct slice text)
{
    char shown[SHOWN_MAX];
    size_t len = strlen(to);
    while (text.len > 0) {
        struct slice next = escape_next(&text, shown);
        if (len + next.len >= size)
            return;
        memcpy(to + len, next.data, next.len);
        len += next.len;
        to[len] = '\0';
    }
}
