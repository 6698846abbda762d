/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 through libcrypto. Fetching the algorithm and allocating a context cost more than hashing
 * a short message, so the first is done once per process and the second once per thread. */
#include "runtime/base/sha256.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "runtime/base/check.h"

/* Constant after its once; a handle of the library, not state of ours. */
static struct {
    pthread_once_t once;
    EVP_MD *algorithm;
    pthread_key_t context; /* EVP_MD_CTX of the thread, freed when the thread ends */
} library = {.once = PTHREAD_ONCE_INIT};

static void sha256_context_free(void *context)
{
    EVP_MD_CTX_free(context);
}

static void sha256_open(void)
{
    library.algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
    check(library.algorithm != NULL);
    check(pthread_key_create(&library.context, sha256_context_free) == 0);
}

static EVP_MD_CTX *sha256_context(void)
{
    check(pthread_once(&library.once, sha256_open) == 0);
    EVP_MD_CTX *context = pthread_getspecific(library.context);
    if (context == NULL) {
        context = EVP_MD_CTX_new();
        check(context != NULL);
        check(pthread_setspecific(library.context, context) == 0);
    }
    return context;
}

struct sha256_digest sha256(const struct slice *pieces, size_t count)
{
    EVP_MD_CTX *context = sha256_context();
    check(EVP_DigestInit_ex2(context, library.algorithm, NULL) == 1);
    for (size_t i = 0; i < count; i++)
        if (pieces[i].len > 0)
            check(EVP_DigestUpdate(context, pieces[i].data, pieces[i].len) == 1);
    struct sha256_digest digest;
    unsigned int len = 0;
    check(EVP_DigestFinal_ex(context, digest.bytes, &len) == 1 && len == SHA256_SIZE);
    return digest;
}

struct id128 sha256_id(const struct slice *pieces, size_t count)
{
    struct sha256_digest digest = sha256(pieces, count);
    return id128_load(digest.bytes);
}
