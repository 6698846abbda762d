/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto, libuv, and the JSON library below libjwt are given an allocator that never gives NULL.
 * What they make of NULL cannot be told from an answer: libcrypto says that a good signature is
 * wrong, or reads through the pointer; libuv ends the process without a word; libjwt says that text
 * is no UTF-8. libcurl and mbedTLS, which return an error of their own, keep theirs. */
#include "bin/payd_memory.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <uv.h>

#include "runtime/base/memory.h"

/* A library may ask for 0 bytes. */
static void *payd_memory_take(size_t size)
{
    return size == 0 ? NULL : memory_take(size);
}

static void *payd_memory_take_zeroed(size_t count, size_t size)
{
    return count == 0 || size == 0 ? NULL : memory_take_zeroed(count, size);
}

static void *payd_memory_resize(void *memory, size_t size)
{
    if (size > 0)
        return memory_resize(memory, size, 1);
    free(memory);
    return NULL;
}

static void *payd_memory_crypto_take(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return payd_memory_take(size);
}

static void *payd_memory_crypto_resize(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return payd_memory_resize(memory, size);
}

static void payd_memory_crypto_give(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    free(memory);
}

/* libjwt does not say what it keeps its claims in: jansson, if it is there. */
static void payd_memory_install_json(void)
{
    typedef void set_cb(void *(*take)(size_t), void (*give)(void *));
    set_cb *set = __extension__(set_cb *) dlsym(RTLD_DEFAULT, "json_set_alloc_funcs");
    if (set != NULL)
        set(payd_memory_take, free);
}

void payd_memory_install(void)
{
    check(CRYPTO_set_mem_functions(payd_memory_crypto_take, payd_memory_crypto_resize,
                                   payd_memory_crypto_give) == 1);
    check(uv_replace_allocator(payd_memory_take, payd_memory_resize, payd_memory_take_zeroed,
                               free) == 0);
    payd_memory_install_json();
}
