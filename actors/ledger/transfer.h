/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer: the messages that make, resolve, reverse and show transfers. Moving money is posting's
 * work; this is what stands around it. */
#ifndef LEDGER_TRANSFER_H
#define LEDGER_TRANSFER_H

#include "actors/ledger/posting.h"
#include "runtime/actor/domain.h"
#include "schemas/ledger.h"

enum turn_result transfer_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfers_on_create(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfers_on_batch(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_post(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_void(struct turn *t, struct id128 self, const struct message *m);
enum turn_result transfer_on_reverse(struct turn *t, struct id128 self, const struct message *m);

/* Keys under which at most one reversal and one note of a transfer can be recorded. */
struct id128 transfer_reversal_key(struct id128 transfer_id);
struct id128 transfer_note_key(struct id128 transfer_id);

/* Description and metadata as a message gave them. */
struct transfer_note {
    bool has_description, has_metadata;
    struct slice description;
    struct metadata metadata;
};

/* Records a note if there is anything in it. */
void transfer_note_emit(struct turn *t, struct id128 tenant_id, struct id128 transfer_id,
                        const struct transfer_note *note);

/* What posting_emit() is about to record. Nothing is looked up: nothing could be waited for. */
struct transfer_info transfer_info_of_posting(struct turn *t, const struct posting *p,
                                              const struct transfer_note *note);

/* RESULT_OK, or why this transfer cannot be moved back. */
must_check uint16_t transfer_reversible(const struct transfer_info *info);
/* The posting that moves it back; transfer_reversal_emit() after its posting_emit(). */
struct posting transfer_reversal_of(const struct transfer_info *info, struct id128 reversal_id,
                                    struct id128 tenant_id, uint64_t effective_time);
void transfer_reversal_emit(struct turn *t, struct id128 transfer_id, struct id128 reversal_id);

/* Everything about one transfer. THERE: *info and *tenant_id are filled. */
must_check enum presence transfer_info_find(struct turn *t, struct id128 id,
                                            struct transfer_info *info, struct id128 *tenant_id);

#endif
