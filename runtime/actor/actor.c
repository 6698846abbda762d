/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox of one actor: a bounded circular list, one pointer when empty. */
#include "runtime/actor/actor.h"

void actor_mailbox_put_back(struct actor *a, struct fifo_link *message)
{
    if (a->mailbox_last == NULL) {
        message->next = message;
        a->mailbox_last = message;
    } else {
        message->next = a->mailbox_last->next;
        a->mailbox_last->next = message;
    }
    a->mailbox_count++;
}

bool actor_mailbox_put(struct actor *a, struct fifo_link *message)
{
    if (a->mailbox_count >= ACTOR_MAILBOX_MAX)
        return false;
    actor_mailbox_put_back(a, message);
    a->mailbox_last = message;
    return true;
}

struct fifo_link *actor_mailbox_take(struct actor *a)
{
    check(a->mailbox_last != NULL);
    struct fifo_link *first = a->mailbox_last->next;
    if (first == a->mailbox_last)
        a->mailbox_last = NULL;
    else
        a->mailbox_last->next = first->next;
    a->mailbox_count--;
    return first;
}
