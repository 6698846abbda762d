/* SPDX-License-Identifier: Apache-2.0 */
/* Assertions and small compiler helpers. They depend on nothing and are never compiled out:
 * a broken invariant must become a stopped process, not wrong money. */
#ifndef BASE_CHECK_H
#define BASE_CHECK_H

#include <assert.h> /* for static_assert; assert() can be compiled out */
#include <stddef.h>

/* Prints the expression with file and line to stderr and aborts. For what we own; what the world
 * sends is refused with an error instead. */
_Noreturn void check_failed(const char *expression, const char *file, int line);

#define check(expression)                                                                          \
    ((expression) ? (void)0 : check_failed(#expression, __FILE__, __LINE__))

/* The caller may not ignore the result. */
#define must_check __attribute__((warn_unused_result))
/* The same of a type: whatever function gives one, also through a pointer. gcc has no such thing;
 * ./check builds with both. */
#ifdef __clang__
#define must_check_type __attribute__((warn_unused_result))
#else
#define must_check_type
#endif
/* A rare path, kept out of its caller: if it were inlined, the frequent path would have to save
 * more registers. Not the compiler's own `cold`, which would also optimise it for size. */
#define cold __attribute__((noinline))
#define printf_like(format_at, args_at) __attribute__((format(printf, format_at, args_at)))

#define array_len(a) (sizeof(a) / sizeof((a)[0]))

/* The struct that embeds `member` at `pointer`. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
