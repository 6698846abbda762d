/* SPDX-License-Identifier: Apache-2.0 */
/* One switch made from ERR_LIST, so that the compiler names an error without text. */
#include "runtime/base/error.h"

const char *err_text(enum err e)
{
    switch (e) {
#define X(name, number, text)                                                                      \
    case ERR_##name:                                                                               \
        return text;
        ERR_LIST(X)
#undef X
    }
    return "unknown error";
}
