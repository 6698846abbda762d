/* SPDX-License-Identifier: Apache-2.0 */
/* Rule document: a JSON text whose mistakes are told with their line and their path, all that there
 * are, up to RULE_FAULTS_MAX. */
#ifndef RULE_ENGINE_RULE_DOCUMENT_H
#define RULE_ENGINE_RULE_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "schemas/json.h"

#define RULE_FAULTS_MAX 16

struct rule_fault {
    char path[JSON_FIELD_MAX]; /* "rules[3].when.all[0].fact"; "" = the whole text */
    uint32_t line;             /* from 1 */
    const char *rule;          /* "must be a list of texts" */
};

struct rule_faults {
    struct rule_fault items[RULE_FAULTS_MAX];
    uint32_t count;
};

struct rule_document {
    struct slice text;
    struct arena *scratch; /* for as long as the document is read */
    struct arena *keep;    /* for what becomes of it */
    struct rule_faults *faults;
    const char *base; /* where the parsed text begins; NULL: lines are not known */
    const char *at;   /* in the parsed text, what is looked at */
    char path[JSON_FIELD_MAX];
};

/* Where one was before something within was looked at. */
struct rule_mark {
    size_t len;
    const char *at;
};

/* The root, an object; NULL: it is none, which is noted. */
const struct yyjson_val *rule_document_open(struct rule_document *d);

/* Always false. */
bool rule_document_fault(struct rule_document *d, const char *rule);

/* Into a member of the object, and an item of the array; back with rule_document_leave(). */
struct rule_mark rule_document_enter(struct rule_document *d, const struct yyjson_val *object,
                                     const char *name);
struct rule_mark rule_document_enter_item(struct rule_document *d, const struct yyjson_val *array,
                                          uint32_t index);
void rule_document_leave(struct rule_document *d, struct rule_mark mark);

/* Notes members that are not among these; the list ends with NULL. false: it is no object. */
bool rule_document_only(struct rule_document *d, const struct yyjson_val *object,
                        const char *const *names);

/* Number of items; a fault, and 0, if it is no array of `least` to `most`. */
uint32_t rule_document_items(struct rule_document *d, const struct yyjson_val *array,
                             uint32_t least, uint32_t most);

/* A text of 1 to `most` bytes, kept; the fault is noted. `value` may be NULL: it lacks. */
must_check bool rule_document_text(struct rule_document *d, const struct yyjson_val *value,
                                   uint32_t most, struct slice *ret);

/* The same of the object's member. */
must_check bool rule_document_member(struct rule_document *d, const struct yyjson_val *object,
                                     const char *name, uint32_t most, struct slice *ret);

/* The index of the text in names[count]; a fault, and false, if it is none of them. */
must_check bool rule_document_choice(struct rule_document *d, const struct yyjson_val *value,
                                     const char *const *names, uint32_t count, const char *rule,
                                     uint32_t *ret);

#endif
