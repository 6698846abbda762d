/* SPDX-License-Identifier: Apache-2.0 */
/* Each call writes the line over the last one. The bar is as long as the terminal leaves room for,
 * asked anew each time: a line that wraps could not be written over. */
#include "bin/payctl/payctl_progress.h"

#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BAR_WIDTH 40
#define BAR_WIDTH_MIN 4 /* with less room there is no bar */
#define WORDS_MAX 96
#define COLUMNS_USUAL 80

/* Characters for the bar, so that the whole stays in one line, which the next one overwrites. */
static int progress_bar_width(int words)
{
    struct winsize size = {0};
    int columns = COLUMNS_USUAL;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        columns = size.ws_col;
    int room = columns - 1 - words - (int)sizeof "[] " + 1;
    if (room < BAR_WIDTH_MIN)
        return 0;
    return room < BAR_WIDTH ? room : BAR_WIDTH;
}

void progress_show(const char *what, uint64_t done, uint64_t total)
{
    char words[WORDS_MAX], bar[BAR_WIDTH + 1];
    if (!isatty(STDERR_FILENO))
        return;
    if (total == 0) {
        fprintf(stderr, "\r\033[K%llu %s", (unsigned long long)done, what);
        return;
    }
    uint64_t part = done < total ? done : total;
    int len = snprintf(words, sizeof words, "%3u%%  %llu of %llu %s",
                       (unsigned)(part * 100 / total), (unsigned long long)part,
                       (unsigned long long)total, what);
    int width = progress_bar_width(len), filled = (int)(part * (uint64_t)width / total);
    for (int i = 0; i < width; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[width] = '\0';
    fprintf(stderr, width > 0 ? "\r\033[K[%s] %s" : "\r\033[K%s%s", bar, words);
}

void progress_clear(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}
