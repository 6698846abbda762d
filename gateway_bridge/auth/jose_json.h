/* SPDX-License-Identifier: Apache-2.0 */
/* JSON of tokens and key sets, where a text that two readers understand differently is an attack:
 * one object, valid UTF-8, no member twice at any depth, few of them, and not deep. */
#ifndef AUTH_JOSE_JSON_H
#define AUTH_JOSE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define JOSE_DEPTH_MAX 8
#define JOSE_MEMBERS_MAX 96 /* of one object */

struct yyjson_val;

/* Bytes of memory that reading a text of this length may need. */
size_t jose_memory_size(size_t text_len);

/* The object, living in `memory` (of jose_memory_size() bytes) until that is used again; NULL if
 * the text is anything else. */
must_check struct yyjson_val *jose_read(struct slice text, void *memory, size_t memory_size);

/* NULL if absent. */
struct yyjson_val *jose_member(struct yyjson_val *object, const char *name);

enum jose_found { JOSE_ABSENT, JOSE_FOUND, JOSE_WRONG };

/* A string of 1 to len_max bytes without control characters and not beginning or ending with a
 * blank. Lives as long as the object. */
enum jose_found jose_text(struct yyjson_val *object, const char *name, uint32_t len_max,
                          struct slice *text);

#endif
