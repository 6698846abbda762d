/* SPDX-License-Identifier: Apache-2.0 */
/* Transfer: what is known of one, and what is recorded beside it: its note and its reversal. Money
 * is moved by posting.h. */
#ifndef LEDGER_TRANSFER_H
#define LEDGER_TRANSFER_H

#include "actors/ledger/posting.h"
#include "schemas/ledger.h"

/* The transfer, or the transaction, that reversed this one. */
must_check enum presence transfer_find_reversal(struct turn *t, struct id128 id,
                                                struct id128 *reversal_id);

/* Is a group (group.h) moving back this transfer, or transaction? */
must_check enum presence transfer_find_reversing(struct turn *t, struct id128 id);

/* Description, reason and metadata as a message gave them. */
struct transfer_note {
    bool has_description, has_metadata, has_reason;
    struct slice description, reason;
    struct metadata metadata;
};

/* Of any message with these members. */
#define TRANSFER_NOTE_OF(m)                                                                        \
    ((struct transfer_note){.has_description = (m)->has_description,                               \
                            .description = (m)->description,                                       \
                            .has_metadata = (m)->has_metadata,                                     \
                            .metadata = (m)->metadata})
#define TRANSFER_NOTE_WITH_REASON_OF(m)                                                            \
    ((struct transfer_note){.has_description = (m)->has_description,                               \
                            .description = (m)->description,                                       \
                            .has_reason = (m)->has_reason,                                         \
                            .reason = (m)->reason,                                                 \
                            .has_metadata = (m)->has_metadata,                                     \
                            .metadata = (m)->metadata})

/* Is there anything in it? */
bool transfer_note_any(const struct transfer_note *note);

/* Records a note if there is anything in it. */
void transfer_note_emit(struct turn *t, struct id128 tenant_id, struct id128 transfer_id,
                        const struct transfer_note *note);

/* The transfer was refused after its note was recorded: another one of this id has its own. */
void transfer_note_forget(struct turn *t, struct id128 tenant_id, struct id128 transfer_id);

/* What posting_emit() is about to record. Nothing is looked up: nothing could be waited for. */
struct transfer_info transfer_info_of_posting(struct turn *t, const struct posting *p,
                                              const struct transfer_note *note);

/* A new id for the reversal of this transfer. */
struct id128 transfer_reversal_id(struct turn *t, const struct transfer_info *info);

/* Records that a transfer was reversed, after the reversal's posting_emit(). */
void transfer_reversal_emit(struct turn *t, struct id128 transfer_id, struct id128 reversal_id);

/* Records that a group is moving it back: nothing else does until that is decided. */
void transfer_reversal_begin(struct turn *t, struct id128 transfer_id, struct id128 share_id);

/* Of one that was found: does this shard have what it decided for another one, and no more? Notes
 * and reversals are there, once it is followed. */
bool transfer_half(struct turn *t, struct id128 id);

/* Of one that was found: was it made by a group over several shards? *home is the one that was
 * asked, which alone knows whether it was reversed. */
bool transfer_in_group(struct turn *t, struct id128 id, uint16_t *home);

/* Everything about one transfer but who asked for it. THERE: *info and *tenant_id are filled. */
must_check enum presence transfer_info_find(struct turn *t, struct id128 id,
                                            struct transfer_info *info, struct id128 *tenant_id);

/* A transfer is at home where its debit account is; a post or void may name its pending transfer
 * alone. */
static inline struct id128 transfer_home(struct id128 debit_account_id, struct id128 pending_id)
{
    return id128_is_zero(debit_account_id) ? pending_id : debit_account_id;
}

/* Of info->transfer_id: sets description, reason and metadata if it is THERE. */
must_check enum presence transfer_info_find_note(struct turn *t, struct transfer_info *info);

/* The same from another's. */
void transfer_info_take_note(struct transfer_info *info, const struct transfer_info *from);

/* Is it under way between shards, and whose? */
must_check enum presence transfer_find_open(struct turn *t, struct id128 id,
                                            struct id128 *tenant_id);

/* As posting_find() takes it: with an id, and defaults for what was left out. */
struct transfer_spec transfer_asked_for(struct turn *t, const struct transfer_create *c);

/* RESULT_OK if an earlier transfer has this note, else which part of it differs. */
must_check uint16_t transfer_note_check(const struct transfer_info *info,
                                        const struct transfer_note *note);

/* Who asked for the transfer that *info is about: for those who look at it, not in the answer to
 * whoever made it, which is kept under their key. */
must_check enum presence transfer_info_attribute(struct turn *t, struct transfer_info *info);

#endif
