/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/self and getrusage() anew at each call. The start is computed as now minus the time
 * since then, from two clocks read one after the other, and therefore rounded to 10 ms: otherwise
 * it would change a little between two calls. */
#include "runtime/observe/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/time.h"

#define START_STEP_NS (10 * NS_PER_MS)
#define STAT_START_FIELD 20 /* starttime, counted after the name's closing bracket (proc(5)) */

/* The beginning of a small file as text; false if it cannot be read. */
static bool process_read_text(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t len = read(fd, text, size - 1);
    (void)close(fd);
    if (len <= 0)
        return false;
    text[len] = '\0';
    return true;
}

static uint64_t process_resident_bytes(void)
{
    char text[128];
    if (!process_read_text("/proc/self/statm", text, sizeof text))
        return 0;
    char *after_size = NULL;
    (void)strtoull(text, &after_size, 10);
    return strtoull(after_size, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
}

static uint64_t process_count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL)
        return 0;
    uint64_t count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        count += entry->d_name[0] != '.';
    (void)closedir(folder);
    return count > 0 ? count - 1 : 0; /* without the one that reads the folder */
}

static uint64_t process_up_ns(void)
{
    char text[1024];
    if (!process_read_text("/proc/self/stat", text, sizeof text))
        return 0;
    char *at = strrchr(text, ')'); /* the name may hold blanks and brackets */
    for (int field = 0; at != NULL && field < STAT_START_FIELD; field++)
        at = strchr(at + 1, ' ');
    struct timespec boot;
    if (at == NULL || clock_gettime(CLOCK_BOOTTIME, &boot) != 0)
        return 0;
    uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
    uint64_t started_ns = strtoull(at, NULL, 10) * tick_ns;
    uint64_t now_ns = (uint64_t)boot.tv_sec * NS_PER_S + (uint64_t)boot.tv_nsec;
    return now_ns > started_ns ? now_ns - started_ns : 0;
}

/* The same however long the two clocks took to be read. */
static uint64_t process_rounded(uint64_t ns)
{
    return (ns + START_STEP_NS / 2) / START_STEP_NS * START_STEP_NS;
}

static uint64_t process_timeval_ns(struct timeval t)
{
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_usec * 1000;
}

void process_get_usage(struct process_usage *usage)
{
    *usage = (struct process_usage){.resident_bytes = process_resident_bytes(),
                                    .open_fds = process_count_fds(),
                                    .up_ns = process_up_ns()};
    struct timespec now;
    if (usage->up_ns > 0 && clock_gettime(CLOCK_REALTIME, &now) == 0)
        usage->started_ns =
            process_rounded((uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec - usage->up_ns);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        usage->fds_max = limit.rlim_cur;
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) == 0)
        usage->cpu_ns = process_timeval_ns(used.ru_utime) + process_timeval_ns(used.ru_stime);
}
