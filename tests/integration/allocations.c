/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into payd by test_allocations.py: one allocation fails, or all from one on, as an order
 * says that stands in the file ALLOCATIONS and may change at any time.
 *
 * An allocation is known by its place: a hash of who called whom up to it, as offsets in their
 * libraries, which is the same in every process. So the test first lets the places of a request be
 * counted, and then makes each of them fail. */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES 8192 /* a power of two */
#define FRAMES 14
#define LIBRARIES_MAX 64

enum task {
    TASK_NONE,
    TASK_NOTE,
    TASK_FAIL
};

/* In the order of Order in test_allocations.py. */
struct order {
    _Atomic uint32_t task;
    uint32_t once;           /* else all that follow fail too */
    _Atomic uint64_t place;  /* that fails; 0: any */
    _Atomic int32_t left;    /* so many of them are let through before */
    _Atomic uint32_t failed; /* how many have */
    _Atomic uint64_t noted[PLACES];
};

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static struct order *order; /* NULL: nothing fails */
static int told = -1;       /* the file that tells who called the allocation that failed first */
static __thread bool looking __attribute__((tls_model("initial-exec")));

static struct library {
    uintptr_t begin, end;
} libraries[LIBRARIES_MAX];
static int library_count, library_own;

static int add_library(struct dl_phdr_info *info, size_t size, void *context)
{
    (void)size;
    (void)context;
    struct library *l = &libraries[library_count];
    if (library_count == LIBRARIES_MAX)
        return 1;
    *l = (struct library){UINTPTR_MAX, 0};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD)
            continue;
        l->begin = at < l->begin ? at : l->begin;
        l->end = at + part->p_memsz > l->end ? at + part->p_memsz : l->end;
    }
    if ((uintptr_t)&library_count >= l->begin && (uintptr_t)&library_count < l->end)
        library_own = library_count;
    library_count++;
    return 0;
}

__attribute__((constructor)) static void find_order(void)
{
    const char *path = getenv("ALLOCATIONS");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    char name[4096];
    snprintf(name, sizeof name, "%s.told", path);
    told = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dl_iterate_phdr(add_library, NULL);
    void *frame;
    backtrace(&frame, 1); /* which loads what it needs */
    void *page = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        order = page;
    close(fd);
    unsetenv("LD_PRELOAD");
}

/* 0 for frames of this library. */
static uint64_t offset_of(uintptr_t frame)
{
    for (int i = 0; i < library_count; i++)
        if (frame >= libraries[i].begin && frame < libraries[i].end)
            return i == library_own ? 0 : (uint64_t)(i + 1) << 48 | (frame - libraries[i].begin);
    return 1;
}

static uint64_t place_of_caller(void)
{
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    uint64_t hash = 14695981039346656037u;
    for (int i = 0; i < count; i++) {
        uint64_t offset = offset_of((uintptr_t)frames[i]);
        hash = offset == 0 ? hash : (hash ^ offset) * 1099511628211u;
    }
    return hash | 1;
}

static void note(uint64_t place)
{
    for (size_t i = 0; i < PLACES; i++) {
        _Atomic uint64_t *slot = &order->noted[((place >> 8 ^ place >> 40) + i) & (PLACES - 1)];
        uint64_t there = 0;
        if (atomic_compare_exchange_strong(slot, &there, place) || there == place)
            return;
    }
}

static bool is_to_fail(void)
{
    uint32_t failed = atomic_load(&order->failed);
    if (failed > 0)
        return !order->once;
    uint64_t wanted = atomic_load(&order->place);
    if (wanted != 0 && place_of_caller() != wanted)
        return false;
    return atomic_fetch_sub(&order->left, 1) == 0;
}

static void tell(uint32_t before)
{
    void *frames[FRAMES];
    if (before > 0 || told < 0 || ftruncate(told, 0) != 0)
        return;
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES), told);
}

static bool fails(void)
{
    uint32_t task = order != NULL ? atomic_load(&order->task) : TASK_NONE;
    if (task == TASK_NONE || looking)
        return false;
    bool failing = false;
    looking = true;
    if (task == TASK_NOTE)
        note(place_of_caller());
    else
        failing = is_to_fail();
    if (failing)
        tell(atomic_fetch_add(&order->failed, 1));
    looking = false;
    if (failing)
        errno = ENOMEM;
    return failing;
}

void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}

void *aligned_alloc(size_t align, size_t size)
{
    return fails() ? NULL : __libc_memalign(align, size);
}

int posix_memalign(void **memory, size_t align, size_t size)
{
    *memory = fails() ? NULL : __libc_memalign(align, size);
    return *memory != NULL ? 0 : ENOMEM;
}
