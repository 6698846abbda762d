/* SPDX-License-Identifier: Apache-2.0 */
/* A listener that runs out of descriptors: the loop goes on, and the clients that wait are
 * accepted afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway_bridge/http/listener.h"

#define CLIENTS 8
#define PATIENCE 2000 /* turns of the loop, of a millisecond each */

struct scene {
    uv_loop_t loop;
    struct listener listener;
    int accepted[CLIENTS];
    uint32_t accepted_count, pauses;
    bool closed;
    int clients[CLIENTS];
    struct rlimit limit; /* as it was */
};

static void on_connection(void *context, int fd, const struct sockaddr_storage *from)
{
    struct scene *s = context;
    assert_int_equal(from->ss_family, AF_INET);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    s->accepted[s->accepted_count++] = fd;
}

static void on_pause(void *context)
{
    ((struct scene *)context)->pauses++;
}

static void on_closed(void *context)
{
    ((struct scene *)context)->closed = true;
}

static int setup(void **state)
{
    struct scene *s = test_calloc(1, sizeof *s);
    const struct listener_handler handler = {s, on_connection, on_pause, on_closed};
    assert_int_equal(uv_loop_init(&s->loop), 0);
    listener_init(&s->listener, &s->loop, &handler);
    assert_int_equal(listener_start(&s->listener, "127.0.0.1", 0, true), 0);
    for (int i = 0; i < CLIENTS; i++)
        s->clients[i] = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &s->limit), 0);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    setrlimit(RLIMIT_NOFILE, &s->limit);
    for (int i = 0; i < CLIENTS; i++)
        close(s->clients[i]);
    for (uint32_t i = 0; i < s->accepted_count; i++)
        close(s->accepted[i]);
    listener_close(&s->listener);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_true(s->closed);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    test_free(s);
    return 0;
}

/* As if other threads had taken all descriptors. */
static void take_descriptors(struct scene *s, bool all)
{
    struct rlimit none = {all ? 3 : s->limit.rlim_cur, s->limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
}

static void connect_clients(struct scene *s, int first, int end)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(s->listener.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = first; i < end; i++)
        assert_int_equal(connect(s->clients[i], (struct sockaddr *)&address, sizeof address), 0);
}

static void turn(struct scene *s, int turns)
{
    alarm(20); /* a loop that never comes back ends the test */
    for (int i = 0; i < turns; i++) {
        uv_run(&s->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
    alarm(0);
}

static void the_loop_goes_on_without_descriptors(void **state)
{
    struct scene *s = *state;
    connect_clients(s, 0, 1);
    turn(s, 10);
    assert_int_equal(s->accepted_count, 1);
    take_descriptors(s, true);
    connect_clients(s, 1, CLIENTS);
    turn(s, 3 * LISTENER_PAUSE_MS);
    assert_int_equal(s->accepted_count, 1);
    assert_in_range(s->pauses, 2, 50); /* hundreds without the pauses */
    take_descriptors(s, false);
    for (int i = 0; i < PATIENCE && s->accepted_count < CLIENTS; i++)
        turn(s, 1);
    assert_int_equal(s->accepted_count, CLIENTS);
}

static void it_may_be_closed_in_a_pause(void **state)
{
    struct scene *s = *state;
    take_descriptors(s, true);
    connect_clients(s, 0, CLIENTS);
    for (int i = 0; i < PATIENCE && s->pauses == 0; i++)
        turn(s, 1);
    assert_int_equal(s->pauses, 1);
}

static void many_who_wait_are_let_in_together(void **state)
{
    struct scene *s = *state;
    connect_clients(s, 0, CLIENTS);
    turn(s, 1);
    assert_int_equal(s->accepted_count, CLIENTS);
}

static int setup_unstarted(void **state)
{
    struct scene *s = test_calloc(1, sizeof *s);
    const struct listener_handler handler = {s, on_connection, on_pause, on_closed};
    assert_int_equal(uv_loop_init(&s->loop), 0);
    listener_init(&s->listener, &s->loop, &handler);
    for (int i = 0; i < CLIENTS; i++)
        s->clients[i] = -1;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &s->limit), 0);
    *state = s;
    return 0;
}

static void an_address_that_is_none_or_taken_is_told(void **state)
{
    struct scene *s = *state;
    struct listener other;
    const struct listener_handler handler = {s, on_connection, on_pause, on_closed};
    assert_int_equal(listener_start(&s->listener, "nowhere", 0, true), UV_EINVAL);
    assert_int_equal(listener_start(&s->listener, "192.0.2.1", 0, true), UV_EADDRNOTAVAIL);
    assert_int_equal(listener_start(&s->listener, "127.0.0.1", 0, true), 0);
    listener_init(&other, &s->loop, &handler);
    uint16_t port = s->listener.port;
    assert_int_equal(listener_start(&other, "127.0.0.1", port, true), UV_EADDRINUSE);
    assert_int_equal(listener_start(&other, "127.0.0.1", port, false), 0);
    assert_int_equal(other.port, port);
    listener_close(&other);
    uv_run(&s->loop, UV_RUN_NOWAIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_loop_goes_on_without_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(it_may_be_closed_in_a_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(many_who_wait_are_let_in_together, setup, teardown),
        cmocka_unit_test_setup_teardown(an_address_that_is_none_or_taken_is_told, setup_unstarted,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
