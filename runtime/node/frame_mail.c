/* SPDX-License-Identifier: Apache-2.0 */
/* One block for each frame: the struct, behind it the texts. */
#include "runtime/node/frame_mail.h"

#include <stdlib.h>
#include <string.h>

#include "runtime/base/inbox_item.h"
#include "runtime/base/memory.h"

struct frame_mail {
    struct inbox_item item;
    struct frame frame;
    void (*deliver)(void *context, const struct frame *f);
    void *context;
    char texts[];
};

static void frame_mail_arrive(struct inbox_item *item)
{
    struct frame_mail *m = container_of(item, struct frame_mail, item);
    m->deliver(m->context, &m->frame);
    free(m);
}

static void frame_mail_drop(struct inbox_item *item)
{
    free(container_of(item, struct frame_mail, item));
}

static char *frame_mail_keep(char *to, struct slice *text)
{
    if (text->len > 0)
        memcpy(to, text->data, text->len);
    text->data = to;
    return to + text->len;
}

void frame_mail_send(struct env *to, const struct frame *f,
                     void (*deliver)(void *context, const struct frame *f), void *context)
{
    struct frame_mail *m = memory_take(sizeof *m + f->message.len + f->who.tenant.len +
                                       f->who.subject.len + f->who.client.len + f->request_id.len);
    *m = (struct frame_mail){.item = {.deliver = frame_mail_arrive, .drop = frame_mail_drop},
                             .frame = *f,
                             .deliver = deliver,
                             .context = context};
    char *at = frame_mail_keep(m->texts, &m->frame.message);
    at = frame_mail_keep(at, &m->frame.who.tenant);
    at = frame_mail_keep(at, &m->frame.who.subject);
    at = frame_mail_keep(at, &m->frame.who.client);
    frame_mail_keep(at, &m->frame.request_id);
    env_mail(to, &m->item);
}
