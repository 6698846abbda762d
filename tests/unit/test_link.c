/* SPDX-License-Identifier: Apache-2.0 */
/* A link from end to end: a server on a loop of its own thread, clients that ask, misbehave and
 * leave. The server answers a frame with itself; frames that begin with one of the letters below
 * get something else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/time.h"
#include "runtime/link/link_client.h"
#include "runtime/link/link_server.h"
#include "runtime/node/loop.h"

#define CONTEXTS 4
#define WAIT_MS 20000
#define LATE_MS 300     /* how late the server answers a frame of 'L' */
#define HEALED_MS 2500  /* after that the server has noticed that it serves nobody */
#define HEALING_TRIES 6 /* of that time, on a machine that is busy */
#define GREETING_TRIES 10 /* of a second each, likewise */
#define SHORT_MS 50     /* a deadline before that */
#define REASON_MAX 256

struct late {
    struct alarm alarm;
    struct fixture *fixture;
    struct link_exchange *exchange;
};

struct fixture {
    char directory[64];
    char path[96];
    struct loop *loop;
    struct inbox_item stop;
    struct link_server *server;
    struct late late[CONTEXTS];
    uint32_t in_work, in_work_max;
};

static void answer(struct fixture *f, struct link_exchange *x)
{
    f->in_work--;
    link_server_reply(f->server, x, x->frame);
}

static void on_late(struct alarm *alarm)
{
    struct late *late = container_of(alarm, struct late, alarm);
    answer(late->fixture, late->exchange);
}

static void on_request(void *context, struct link_exchange *x)
{
    struct fixture *f = context;
    assert_true(x->index < CONTEXTS);
    if (++f->in_work > f->in_work_max)
        f->in_work_max = f->in_work;
    if (x->frame.data[0] != 'L') {
        answer(f, x);
        return;
    }
    struct env *env = loop_env(f->loop);
    struct late *late = &f->late[x->index];
    *late = (struct late){{.fire = on_late}, f, x};
    env_alarm_set(env, &late->alarm, env_mono_ns(env) + LATE_MS * NS_PER_MS);
}

static void on_stopped(void *context)
{
    struct fixture *f = context;
    loop_stop(f->loop);
}

static void on_stop(struct inbox_item *item)
{
    struct fixture *f = container_of(item, struct fixture, stop);
    link_server_stop(f->server, on_stopped, f);
}

static void start(struct fixture *f)
{
    char reason[REASON_MAX];
    assert_int_equal(loop_new(&(struct loop_options){.name = "link", .cpu = -1}, &f->loop), 0);
    f->server = link_server_new(&(struct link_server_options){.loop = f->loop, .path = f->path,
                                                              .contexts = CONTEXTS,
                                                              .request = on_request,
                                                              .context = f},
                                reason, sizeof reason);
    assert_non_null(f->server);
    assert_int_equal(loop_start(f->loop), 0);
}

static void stop(struct fixture *f)
{
    f->stop.deliver = on_stop;
    loop_mail(f->loop, &f->stop);
    loop_join(f->loop);
    f->loop = loop_free(f->loop);
}

static int given_server(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    snprintf(f->directory, sizeof f->directory, "/tmp/test_link.XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    snprintf(f->path, sizeof f->path, "%s/payd.sock", f->directory);
    start(f);
    *state = f;
    return 0;
}

static int gone_server(void **state)
{
    struct fixture *f = *state;
    if (f->server != NULL)
        stop(f);
    unlink(f->path);
    rmdir(f->directory);
    free(f);
    return 0;
}

static struct link_client *given_client(struct fixture *f, uint32_t outstanding)
{
    struct link_client *c;
    const char *reason;
    enum link_result result = LINK_NO_SERVER;
    for (int i = 0; i < GREETING_TRIES && result != LINK_OK; i++)
        result = link_client_new(f->path, outstanding, &c, &reason);
    assert_int_equal(result, LINK_OK);
    return c;
}

static void assert_echo(struct link_client *c, struct slice frame)
{
    uint64_t tag = 0;
    struct slice got;
    link_client_send(c, frame, 17);
    assert_int_equal(link_client_receive(c, WAIT_MS, &tag, &got), LINK_OK);
    assert_true(tag == 17);
    assert_true(slice_equal(frame, got));
}

static void test_frames_come_back(void **state)
{
    struct link_client *c = given_client(*state, 1);
    for (int i = 0; i < 200; i++)
        assert_echo(c, slice_of("hello"));
    link_client_free(c);
}

static void test_largest_frame_comes_back(void **state)
{
    struct link_client *c = given_client(*state, 1);
    char *frame = malloc(ENVELOPE_FRAME_MAX);
    assert_non_null(frame);
    memset(frame, 'x', ENVELOPE_FRAME_MAX);
    assert_echo(c, (struct slice){frame, (uint32_t)ENVELOPE_FRAME_MAX});
    free(frame);
    link_client_free(c);
}

static void test_many_are_outstanding_and_few_in_work(void **state)
{
    struct fixture *f = *state;
    struct link_client *c = given_client(f, 4 * CONTEXTS);
    uint64_t seen = 0, tag;
    struct slice got;
    for (uint64_t i = 0; i < 4 * CONTEXTS; i++)
        link_client_send(c, slice_of("Late"), i);
    assert_int_equal(link_client_free_slots(c), 0);
    for (int i = 0; i < 4 * CONTEXTS; i++) {
        assert_int_equal(link_client_receive(c, WAIT_MS, &tag, &got), LINK_OK);
        seen |= (uint64_t)1 << tag;
    }
    assert_true(seen == ((uint64_t)1 << 4 * CONTEXTS) - 1);
    link_client_free(c);
    stop(f);
    f->server = NULL;
    assert_int_equal(f->in_work_max, CONTEXTS);
}

static void test_deadline_passes(void **state)
{
    struct link_client *c = given_client(*state, 1);
    uint64_t tag;
    struct slice got;
    link_client_send(c, slice_of("Late"), 1);
    assert_int_equal(link_client_receive(c, SHORT_MS, &tag, &got), LINK_TIMEOUT);
    link_client_free(c);
    c = given_client(*state, 1);
    assert_echo(c, slice_of("next")); /* the server is none the worse */
    link_client_free(c);
}

static void test_stop_answers_what_is_in_work(void **state)
{
    struct fixture *f = *state;
    struct link_client *c = given_client(f, 2);
    uint64_t tag;
    struct slice got;
    assert_echo(c, slice_of("warm"));
    link_client_send(c, slice_of("Late"), 1);
    usleep(SHORT_MS * 1000);
    stop(f);
    f->server = NULL;
    assert_int_equal(link_client_receive(c, WAIT_MS, &tag, &got), LINK_OK);
    link_client_send(c, slice_of("x"), 2);
    assert_int_equal(link_client_receive(c, WAIT_MS, &tag, &got), LINK_LOST);
    link_client_free(c);
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct link_client *c;
    const char *reason;
    assert_int_equal(link_client_new("/nowhere/payd.sock", 1, &c, &reason), LINK_NO_SERVER);
    stop(f);
    f->server = NULL;
    assert_int_equal(link_client_new(f->path, 1, &c, &reason), LINK_NO_SERVER);
}

static void test_only_the_owner_may_connect(void **state)
{
    struct fixture *f = *state;
    struct stat status;
    assert_int_equal(stat(f->path, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0600);
}

static void test_second_server_is_refused(void **state)
{
    struct fixture *f = *state;
    char reason[REASON_MAX];
    struct link_server_options options = {.path = f->path, .request = on_request};
    assert_null(link_server_new(&options, reason, sizeof reason));
    assert_non_null(strstr(reason, "running already"));
    struct link_client *c = given_client(f, 1);
    assert_echo(c, slice_of("still here"));
    link_client_free(c);
}

static void test_stale_socket_is_replaced(void **state)
{
    struct fixture *f = *state;
    stop(f);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path));
    unlink(f->path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* as a killed process leaves it */
    start(f);
    struct link_client *c = given_client(f, 1);
    assert_echo(c, slice_of("again"));
    link_client_free(c);
}

static void test_a_file_is_not_removed(void **state)
{
    struct fixture *f = *state;
    char path[128], reason[REASON_MAX];
    snprintf(path, sizeof path, "%s/file", f->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fclose(file);
    struct link_server_options options = {.path = path, .request = on_request};
    assert_null(link_server_new(&options, reason, sizeof reason));
    assert_int_equal(unlink(path), 0);
}

static int connect_raw(struct fixture *f)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path, f->path, strlen(f->path));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* Leaves after this much of the greeting; abruptly: with the server's greeting unread. */
static void greet_and_leave(struct fixture *f, size_t bytes, bool abruptly)
{
    static const char greeting[8] = {0, 'S', 'P', 0, 0, 0x30, 0, 0};
    int fd = connect_raw(f);
    char theirs;
    if (!abruptly)
        assert_int_equal(recv(fd, &theirs, 1, 0), 1);
    if (bytes > 0)
        assert_int_equal(send(fd, greeting, bytes, MSG_NOSIGNAL), bytes);
    close(fd);
}

/* A client that connects before the server has noticed gets no answer. */
static bool served(struct fixture *f)
{
    struct link_client *c = given_client(f, 1);
    uint64_t tag;
    struct slice got;
    link_client_send(c, slice_of("anybody?"), 1);
    bool answered = link_client_receive(c, HEALED_MS, &tag, &got) == LINK_OK;
    link_client_free(c);
    return answered;
}

static void test_clients_that_die_in_the_greeting_harm_nobody(void **state)
{
    struct fixture *f = *state;
    struct link_client *before = given_client(f, 1);
    for (size_t i = 0; i < 200; i++)
        greet_and_leave(f, i % 9, i % 2 == 0);
    usleep(HEALED_MS * 1000);
    assert_echo(before, slice_of("still"));
    link_client_free(before);
    int tries = 1;
    while (!served(f))
        assert_true(++tries <= HEALING_TRIES);
    for (int i = 0; i < 10; i++) {
        struct link_client *c = given_client(f, 1);
        assert_echo(c, slice_of("well"));
        link_client_free(c);
    }
}

/* Those that say nothing keep nobody else out. */
static void test_silent_clients_harm_nobody(void **state)
{
    struct fixture *f = *state;
    int silent[100];
    for (size_t i = 0; i < array_len(silent); i++)
        silent[i] = connect_raw(f);
    struct link_client *c = given_client(f, 1);
    assert_echo(c, slice_of("well"));
    for (size_t i = 0; i < array_len(silent); i++)
        close(silent[i]);
    assert_echo(c, slice_of("still"));
    link_client_free(c);
    c = given_client(f, 1);
    assert_echo(c, slice_of("well"));
    link_client_free(c);
}

/* Bytes that are no NNG, or announce more than is allowed, end their own connection only. */
static void test_hostile_bytes_end_their_connection(void **state)
{
    static const char *const bytes[] = {
        "GET / HTTP/1.1\r\n\r\n",
        "\0SP\0\0\060\0\0\1\x7f\xff\xff\xff\xff\xff\xff\xff", /* a frame of 2^63 bytes */
        "\0SP\0\0\060\0\0\1\0\0\0\0\0\0\0\1x", /* a request without an id */
    };
    static const size_t lengths[] = {18, 17, 18};
    struct fixture *f = *state;
    for (size_t i = 0; i < array_len(bytes); i++) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        struct timeval patience = {5, 0};
        char end[64];
        ssize_t got;
        memcpy(address.sun_path, f->path, strlen(f->path));
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
        assert_true(send(fd, bytes[i], lengths[i], MSG_NOSIGNAL) > 0);
        while ((got = recv(fd, end, sizeof end, 0)) > 0)
            ;
        assert_true(got <= 0);
        close(fd);
    }
    struct link_client *c = given_client(f, 1);
    assert_echo(c, slice_of("well"));
    link_client_free(c);
}

int main(void)
{
#define SCENARIO(f) cmocka_unit_test_setup_teardown(f, given_server, gone_server)
    const struct CMUnitTest tests[] = {
        SCENARIO(test_frames_come_back),
        SCENARIO(test_largest_frame_comes_back),
        SCENARIO(test_many_are_outstanding_and_few_in_work),
        SCENARIO(test_deadline_passes),
        SCENARIO(test_stop_answers_what_is_in_work),
        SCENARIO(test_nobody_listens),
        SCENARIO(test_only_the_owner_may_connect),
        SCENARIO(test_second_server_is_refused),
        SCENARIO(test_stale_socket_is_replaced),
        SCENARIO(test_a_file_is_not_removed),
        SCENARIO(test_clients_that_die_in_the_greeting_harm_nobody),
        SCENARIO(test_silent_clients_harm_nobody),
        SCENARIO(test_hostile_bytes_end_their_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
