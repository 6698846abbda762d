/* SPDX-License-Identifier: Apache-2.0 */
/* Inbox: several threads send to one. */
#include "runtime/node/inbox.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define SENDERS 4
#define LETTERS 20000

struct letter {
    struct inbox_item item;
    uint32_t sender, number;
    uint64_t content; /* plain memory: its visibility rests on the inbox alone */
};

struct sender {
    pthread_t thread;
    struct inbox *inbox;
    struct letter *letters;
    uint32_t number, woken;
};

/* What the receiver has seen; its own thread's alone. */
struct receiver {
    uint32_t next[SENDERS];
    uint32_t count;
    bool in_order;
};

static _Thread_local struct receiver *receiving;

static void receive(struct inbox_item *item)
{
    struct letter *l = container_of(item, struct letter, item);
    receiving->in_order &= l->number == receiving->next[l->sender]++;
    receiving->in_order &= l->content == (uint64_t)l->number * 3 + l->sender;
    receiving->count++;
}

static void *send_all(void *argument)
{
    struct sender *s = argument;
    for (uint32_t i = 0; i < LETTERS; i++) {
        struct letter *l = &s->letters[i];
        *l = (struct letter){.item.deliver = receive, .sender = s->number, .number = i};
        l->content = (uint64_t)i * 3 + s->number;
        s->woken += inbox_push(s->inbox, &l->item);
    }
    return NULL;
}

static void items_of_one_sender_arrive_in_order(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    struct receiver r = {.in_order = true};
    receiving = &r;
    struct sender senders[SENDERS] = {0};
    for (uint32_t i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.inbox = &inbox, .number = i};
        senders[i].letters = calloc(LETTERS, sizeof(struct letter));
        assert_non_null(senders[i].letters);
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
    }
    uint32_t taken = 0; /* times something was there: each was announced exactly once */
    while (r.count < SENDERS * LETTERS) {
        if (inbox_deliver(&inbox) > 0)
            taken++;
        else
            sched_yield();
    }
    uint32_t woken = 0;
    for (uint32_t i = 0; i < SENDERS; i++) {
        pthread_join(senders[i].thread, NULL);
        woken += senders[i].woken;
        free(senders[i].letters);
    }
    assert_true(r.in_order);
    assert_int_equal(woken, taken);
    assert_null(inbox_take(&inbox));
}

static void only_the_first_item_wakes(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    struct letter a = {.item.deliver = receive}, b = {.item.deliver = receive};
    assert_true(inbox_push(&inbox, &a.item));
    assert_false(inbox_push(&inbox, &b.item));
    struct inbox_item *first = inbox_take(&inbox);
    assert_ptr_equal(first, &a.item);
    assert_ptr_equal(first->next, &b.item);
    assert_null(b.item.next);
    assert_true(inbox_push(&inbox, &b.item));
}

static struct inbox *resend_to;
static int resends;

static void resend(struct inbox_item *item)
{
    if (++resends < 3)
        assert_true(inbox_push(resend_to, item));
}

static void an_item_may_be_sent_again_when_delivered(void **state)
{
    (void)state;
    struct inbox inbox;
    inbox_init(&inbox);
    resend_to = &inbox;
    struct inbox_item item = {.deliver = resend};
    assert_true(inbox_push(&inbox, &item));
    assert_int_equal(inbox_deliver(&inbox), 1);
    assert_int_equal(inbox_deliver(&inbox), 1);
    assert_int_equal(inbox_deliver(&inbox), 1);
    assert_int_equal(inbox_deliver(&inbox), 0);
    assert_int_equal(resends, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_first_item_wakes),
        cmocka_unit_test(an_item_may_be_sent_again_when_delivered),
        cmocka_unit_test(items_of_one_sender_arrive_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
