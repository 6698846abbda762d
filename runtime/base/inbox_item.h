/* SPDX-License-Identifier: Apache-2.0 */
/* What travels between threads: embedded in whatever is sent, so that sending allocates nothing.
 * The inbox that carries it is runtime/node/inbox.h. */
#ifndef BASE_INBOX_ITEM_H
#define BASE_INBOX_ITEM_H

struct inbox_item {
    struct inbox_item *next;
    /* On the receiver's thread, exactly once. The item may be freed or sent again inside. */
    void (*deliver)(struct inbox_item *item);
};

#endif
