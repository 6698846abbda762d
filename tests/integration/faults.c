/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into payd by test_faults.py and test_clock.py: calls on the files of a data directory
 * fail, write a part or take long, and the wall clock is another, as an order says that stands in
 * the file FAULTS and may change at any time. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 1024 /* descriptors */
#define CHANCE_ALL 1000000

enum call { CALL_READ = 1, CALL_WRITE = 2, CALL_SYNC = 4, CALL_OPEN = 8, CALL_TRUNCATE = 16 };

/* In the order of Order in test_faults.py. */
struct order {
    _Atomic uint32_t given; /* written last; 0: nothing fails */
    uint32_t calls;         /* enum call */
    uint32_t files;         /* bits: places in `names` */
    uint32_t error;         /* errno; 0: the call only takes longer, or does a part */
    uint32_t chance;        /* of a million */
    uint32_t delay_us;
    uint32_t part;          /* reads and writes do half of what they should */
    _Atomic int32_t left;   /* how often; below 0 without end */
    _Atomic int32_t wall_s; /* by how much the wall clock is ahead, whether `given` or not */
};

static const char *const names[] = {"journal.db", "journal.db-wal", "journal.db-shm", "views.db",
                                    "views.db-wal", "views.db-shm", "commit-mark"};

static struct order *order;               /* NULL: no file, no faults */
static _Atomic uint8_t files[FILES_MAX];  /* 1 + place in `names`; 0: any other file */
static _Atomic uint64_t dice = 88172645463325252u;

__attribute__((constructor)) static void find_order(void)
{
    const char *path = getenv("FAULTS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        order = page;
    close(fd);
    unsetenv("LD_PRELOAD");
}

static uint8_t file_of(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name != NULL ? name + 1 : path;
    for (uint8_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return (uint8_t)(i + 1);
    return 0;
}

static uint8_t file_at(int fd)
{
    return fd >= 0 && fd < FILES_MAX ? atomic_load(&files[fd]) : 0;
}

static bool falls(uint32_t chance)
{
    if (chance >= CHANCE_ALL)
        return true;
    uint64_t thrown = atomic_fetch_add(&dice, 0x9E3779B97F4A7C15u);
    thrown = (thrown ^ thrown >> 30) * 0xBF58476D1CE4E5B9u;
    return (thrown >> 32) % CHANCE_ALL < chance;
}

/* Is this call to go wrong? Those that only take longer have done so on return. */
static bool goes_wrong(enum call call, uint8_t file)
{
    if (order == NULL || file == 0 || atomic_load(&order->given) == 0 ||
        (order->calls & call) == 0 || (order->files >> (file - 1) & 1) == 0 ||
        !falls(order->chance))
        return false;
    int32_t left = atomic_load(&order->left);
    if (left == 0 || (left > 0 && atomic_fetch_sub(&order->left, 1) <= 0))
        return false;
    if (order->delay_us > 0) {
        struct timespec time = {order->delay_us / 1000000, order->delay_us % 1000000 * 1000};
        nanosleep(&time, NULL);
    }
    if (order->error != 0)
        errno = (int)order->error;
    return order->error != 0 || order->part != 0;
}

static size_t part_of(size_t size)
{
    return size > 1 ? size / 2 : size;
}

/* The C library's own. */
#define TRULY(name) (__extension__(__typeof__(&name)) dlsym(RTLD_NEXT, #name))

static int open_as(int (*truly)(const char *, int, ...), const char *path, int flags, mode_t mode)
{
    uint8_t file = file_of(path);
    if (goes_wrong(CALL_OPEN, file) && order->error != 0)
        return -1;
    int fd = truly(path, flags, mode);
    if (fd >= 0 && fd < FILES_MAX)
        atomic_store(&files[fd], file);
    return fd;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_as(TRULY(open), path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return open_as(TRULY(open64), path, flags, mode);
}

int close(int fd)
{
    if (fd >= 0 && fd < FILES_MAX)
        atomic_store(&files[fd], 0);
    return TRULY(close)(fd);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t at)
{
    if (!goes_wrong(CALL_WRITE, file_at(fd)))
        return TRULY(pwrite64)(fd, bytes, size, at);
    return order->error != 0 ? -1 : TRULY(pwrite64)(fd, bytes, part_of(size), at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return pwrite64(fd, bytes, size, at);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t at)
{
    if (!goes_wrong(CALL_READ, file_at(fd)))
        return TRULY(pread64)(fd, bytes, size, at);
    return order->error != 0 ? -1 : TRULY(pread64)(fd, bytes, part_of(size), at);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t at)
{
    return pread64(fd, bytes, size, at);
}

int fsync(int fd)
{
    bool wrong = goes_wrong(CALL_SYNC, file_at(fd)) && order->error != 0;
    return wrong ? -1 : TRULY(fsync)(fd);
}

int fdatasync(int fd)
{
    bool wrong = goes_wrong(CALL_SYNC, file_at(fd)) && order->error != 0;
    return wrong ? -1 : TRULY(fdatasync)(fd);
}

int ftruncate64(int fd, off64_t size)
{
    bool wrong = goes_wrong(CALL_TRUNCATE, file_at(fd)) && order->error != 0;
    return wrong ? -1 : TRULY(ftruncate64)(fd, size);
}

int ftruncate(int fd, off_t size)
{
    return ftruncate64(fd, size);
}

int clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = TRULY(clock_gettime)(clock, time);
    if (result == 0 && clock == CLOCK_REALTIME && order != NULL)
        time->tv_sec += atomic_load(&order->wall_s);
    return result;
}
