/* SPDX-License-Identifier: Apache-2.0 */
/* Inbox item: what travels between threads, embedded in whatever is sent, so that sending allocates
 * nothing. env_mail() sends it; the inbox that carries it is runtime/node/inbox.h.
 *
 * From sending until deliver() the item, and what it is embedded in, is the receiver's: the sender
 * touches neither (atomics that both know apart) and does not send it again. Its memory stays the
 * sender's to keep until then; nothing is copied or freed on the way. */
#ifndef BASE_INBOX_ITEM_H
#define BASE_INBOX_ITEM_H

struct inbox_item {
    struct inbox_item *next;
    /* Set before sending. Called on the receiver's thread, once for each time it was sent, never
     * inside the call that sends it, and in the order of one sender. All that the sender wrote
     * before is visible. The item may be freed or sent again inside. */
    void (*deliver)(struct inbox_item *item);
    /* Instead, in a simulated world that ends or loses its power: frees it. NULL: nobody has to. */
    void (*drop)(struct inbox_item *item);
};

#endif
