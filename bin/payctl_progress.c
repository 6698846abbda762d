/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/payctl_progress.h"

#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 40

void progress_show(const char *what, uint64_t done, uint64_t total)
{
    char bar[BAR_WIDTH + 1];
    if (!isatty(STDERR_FILENO))
        return;
    if (total == 0) {
        fprintf(stderr, "\r\033[K%llu %s", (unsigned long long)done, what);
        return;
    }
    uint64_t part = done < total ? done : total;
    int filled = (int)(part * BAR_WIDTH / total);
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r\033[K[%s] %3u%%  %llu of %llu %s", bar, (unsigned)(part * 100 / total),
            (unsigned long long)part, (unsigned long long)total, what);
}

void progress_clear(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}
