/* SPDX-License-Identifier: Apache-2.0 */
/* The mailbox of one actor: a bounded circular list, one pointer when empty. */
#include "runtime/actor/actor.h"

bool actor_mailbox_put(struct actor *a, struct fifo_link *message)
{
    if (a->mailbox_count >= ACTOR_MAILBOX_MAX)
        return false;
    if (a->mailbox_last == NULL) {
        message->next = message;
    } else {
        message->next = a->mailbox_last->next;
        a->mailbox_last->next = message;
    }
    a->mailbox_last = message;
    a->mailbox_count++;
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
