/* SPDX-License-Identifier: Apache-2.0 */
/* Word by word: one that does not fit any more begins a new line; one longer than a line is left
 * whole. */
#include "bin/wrap.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WORDS_WIDTH_MIN 20 /* a narrower terminal breaks the lines itself */

int wrap_terminal_width(void)
{
    struct winsize size;
    bool known = isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0;
    return known ? size.ws_col : 0;
}

void wrap_put(FILE *out, int width, int column, int indent, struct slice text)
{
    if (width == 0)
        width = WRAP_WIDTH_UNKNOWN;
    if (width < indent + WORDS_WIDTH_MIN)
        width = indent + WORDS_WIDTH_MIN;
    const char *at = text.data, *end = text.data + text.len;
    bool first = true; /* word of its line */
    while (at < end) {
        const char *blank = memchr(at, ' ', (size_t)(end - at));
        int len = (int)((blank != NULL ? blank : end) - at);
        if (!first && column + 1 + len > width) {
            fprintf(out, "\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fprintf(out, "%.*s", len, at);
        first = false;
        column += len;
        at += len + 1;
    }
    fputc('\n', out);
}
