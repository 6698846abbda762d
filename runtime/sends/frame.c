/* SPDX-License-Identifier: Apache-2.0 */
/* What is looked at is what would otherwise be recorded, by the turn of a send or by parking it,
 * and could not be read again. */
#include "runtime/sends/frame.h"

#include "runtime/actor/domain.h"
#include "runtime/base/utf8.h"
#include "runtime/sends/parked.h"
#include "runtime/wire/attribution.h"

struct frame frame_of_send(const struct record_reader *record, struct stream_mark mark,
                           char request[ATTRIBUTION_REQUEST_MAX])
{
    const struct attribution *by = &record->attribution;
    check(mark.place > 0 && by->subject.len > 0);
    return (struct frame){
        .what = FRAME_SEND,
        .to_all = record->send.to_all,
        .mark = mark,
        .time_ns = record->time_ns,
        .kind = record->send.kind,
        .type = record->send.type,
        .target = record->send.target,
        .message = record->send.message,
        .who =
            {
                .tenant = by->tenant,
                .subject = by->subject,
                .client = by->client,
                .token_id = by->token_id,
                .any_owner = record->wide,
                .operator= by->client.len == 0 },
                .request_id = {request, (uint32_t)attribution_request_text(by, request)},
        };
}

static bool frame_text(struct slice text, uint32_t most)
{
    return text.len <= most && utf8_valid((const uint8_t *)text.data, text.len);
}

const char *frame_fault(const struct frame *f)
{
    const struct principal *who = &f->who;
    const struct slice texts[] = {who->tenant, who->subject, who->client};
    if (f->what != FRAME_SEND)
        return NULL;
    if (f->mark.n == 0 || f->mark.place == 0)
        return "its mark is that of no send";
    if (f->time_ns >= FRAME_TIME_MAX)
        return "its time is too far on";
    if (f->kind >= KIND_MAX || f->type >= DOMAIN_NUMBER_MAX ||
        (id128_is_zero(f->target) && !f->to_all))
        return "it is for nobody";
    if (f->message.len > PARKED_MESSAGE_MAX)
        return "it is too long";
    for (size_t i = 0; i < array_len(texts); i++)
        if (!frame_text(texts[i], ATTRIBUTION_TEXT_MAX))
            return "it says wrongly on whose behalf it is";
    if (who->subject.len == 0 || !frame_text(f->request_id, ATTRIBUTION_REQUEST_MAX))
        return "it says wrongly on whose behalf it is";
    return NULL;
}
