/* SPDX-License-Identifier: Apache-2.0 */
/* application/x-www-form-urlencoded bodies, as OAuth2 has them: few fields, none twice. */
#ifndef AUTH_FORM_H
#define AUTH_FORM_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define FORM_SIZE_MAX 2048 /* bytes */
#define FORM_FIELDS_MAX 16

struct form_field {
    struct slice name, value; /* decoded, in the form's own memory */
};

struct form {
    struct form_field fields[FORM_FIELDS_MAX];
    uint32_t count;
    char text[FORM_SIZE_MAX];
};

/* false on broken percent signs, control characters, repeated or too many fields, or too many
 * bytes. An empty body is a form without fields. */
must_check bool form_read(struct slice body, struct form *f);

/* An empty slice (data NULL) if absent. */
struct slice form_get(const struct form *f, const char *name);

#endif
