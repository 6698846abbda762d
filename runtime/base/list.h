/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive queues. `struct list` is a circular doubly linked list with a head; `struct fifo` a
 * singly linked queue. Neither allocates nor owns. */
#ifndef BASE_LIST_H
#define BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l->prev = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Appends at the tail of `head`. */
static inline void list_append(struct list *head, struct list *item)
{
    item->prev = head->prev;
    item->next = head;
    head->prev->next = item;
    head->prev = item;
}

/* Takes the item out and leaves it pointing at itself, so a second removal is harmless. */
static inline void list_remove(struct list *item)
{
    item->prev->next = item->next;
    item->next->prev = item->prev;
    list_init(item);
}

/* Appends all items of `from`, which is empty afterwards. */
static inline void list_move_all(struct list *head, struct list *from)
{
    if (list_empty(from))
        return;
    from->next->prev = head->prev;
    head->prev->next = from->next;
    from->prev->next = head;
    head->prev = from->prev;
    list_init(from);
}

struct fifo_link {
    struct fifo_link *next;
};

struct fifo {
    struct fifo_link *first, *last; /* last is meaningless while first is NULL */
};

static inline void fifo_init(struct fifo *f)
{
    f->first = f->last = NULL;
}

static inline bool fifo_empty(const struct fifo *f)
{
    return f->first == NULL;
}

static inline void fifo_push(struct fifo *f, struct fifo_link *item)
{
    item->next = NULL;
    if (f->first == NULL)
        f->first = item;
    else
        f->last->next = item;
    f->last = item;
}

/* Pushes all items of `from`, which is empty afterwards. */
static inline void fifo_move_all(struct fifo *f, struct fifo *from)
{
    if (from->first == NULL)
        return;
    if (f->first == NULL)
        f->first = from->first;
    else
        f->last->next = from->first;
    f->last = from->last;
    fifo_init(from);
}

static inline void fifo_push_front(struct fifo *f, struct fifo_link *item)
{
    item->next = f->first;
    if (f->first == NULL)
        f->last = item;
    f->first = item;
}

/* The oldest item, or NULL. */
static inline struct fifo_link *fifo_pop(struct fifo *f)
{
    struct fifo_link *item = f->first;
    if (item != NULL)
        f->first = item->next;
    return item;
}

/* The newest item, or NULL. Walks over the others: for short queues. */
static inline struct fifo_link *fifo_pop_last(struct fifo *f)
{
    struct fifo_link **at = &f->first, *before = NULL;
    if (fifo_empty(f))
        return NULL;
    while (*at != f->last) {
        before = *at;
        at = &before->next;
    }
    *at = NULL;
    struct fifo_link *item = f->last;
    f->last = before;
    return item;
}

#endif
