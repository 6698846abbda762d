/* SPDX-License-Identifier: Apache-2.0 */
/* Owned text: text and metadata that a state owns beyond itself, and their form in a stored state.
 * Made and freed in apply, read and release functions only. */
#ifndef COMMON_OWNED_TEXT_H
#define COMMON_OWNED_TEXT_H

#include <stdbool.h>

#include "runtime/actor/registry.h"
#include "runtime/base/slice.h"
#include "runtime/wire/reader.h"
#include "runtime/wire/writer.h"
#include "schemas/fields.h"

/* Copies; an empty text or no pairs need no memory. The copy of metadata is one block. */
struct slice owned_text_copy(struct registry *r, struct slice text);
struct metadata owned_metadata_copy(struct registry *r, const struct metadata *m);

void owned_text_free(struct registry *r, struct slice text);
void owned_metadata_free(struct registry *r, const struct metadata *m);

/* From the bytes of a stored state; the reader fails if they are damaged. */
struct slice owned_text_read(struct registry *r, struct wire_reader *from, uint32_t len_max);
struct metadata owned_metadata_read(struct registry *r, struct wire_reader *from);

/* The form of a row's column; wire_writer_done() afterwards. */
void owned_metadata_encode(struct wire_writer *to, const struct metadata *m);

#endif
