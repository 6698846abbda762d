/* SPDX-License-Identifier: Apache-2.0 */
/* English text of the runtime's errors. */
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
