/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/entropy.h"

#include <errno.h>
#include <sys/random.h>

#include "runtime/base/check.h"

void entropy_fill(void *bytes, size_t size)
{
    unsigned char *at = bytes;
    check(size > 0);
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        check(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            size -= (size_t)got;
        }
    }
}
