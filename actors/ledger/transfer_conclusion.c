/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/ledger/transfer_conclusion.h"

#include "actors/ledger/account.h"
#include "actors/ledger/manager.h"
#include "schemas/result.h"

/* A refusal of what a service manages names the manager. */
static void transfer_refuse(struct turn *t, const struct posting *p, uint16_t code)
{
    if (posting_unseen(t, p, code)) {
        turn_refuse_unseen(t, code);
        return;
    }
    if (code != RESULT_MANAGED) {
        turn_refuse(t, code);
        return;
    }
    const struct managed_refusal refusal = manager_refusal_of_posting(t, p);
    turn_reply(t, code, &managed_refusal_type, &refusal, 0);
}

enum turn_result transfer_conclude(struct turn *t, struct posting *p, uint16_t code,
                                   const struct transfer_note *note, bool id_chosen)
{
    struct transfer_info info;
    struct id128 tenant_id = ID128_ZERO;
    if (code == RESULT_EXISTS) {
        check(p->exists);
        enum presence there = transfer_info_find(t, p->transfer.id, &info, &tenant_id);
        if (there == PRESENCE_WAITING)
            return TURN_WAIT;
        check(there == PRESENCE_THERE);
        code = transfer_note_check(&info, note);
        if (code == RESULT_OK)
            turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
        else
            turn_refuse(t, code);
        return TURN_DONE;
    }
    if (code != RESULT_OK) {
        if (id_chosen)
            posting_refused(t, p, code);
        transfer_refuse(t, p, code);
        return TURN_DONE;
    }
    check(!p->exists);
    check(p->debit != NULL);
    info = transfer_info_of_posting(t, p, note);
    tenant_id = p->debit->tenant_id;
    posting_emit(t, p);
    transfer_note_emit(t, tenant_id, p->transfer.id, note);
    if (!id128_is_zero(p->reverses_id))
        transfer_reversal_emit(t, p->reverses_id, p->transfer.id);
    turn_reply(t, RESULT_OK, &transfer_info_type, &info, 0);
    return TURN_DONE;
}
