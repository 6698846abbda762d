/* SPDX-License-Identifier: Apache-2.0 */
/* What one client can take of the server: time, connections, memory; and what becomes of it. */
#include "tests/unit/bridge_fixture.h"

/* --- time ------------------------------------------------------------------------------------- */

static const struct http_limits short_limits = {
    .first_ms = 120,
    .head_ms = 80,
    .head_most_ms = 160,
    .body_ms = 120,
    .idle_ms = 200,
    .write_ms = 200,
    .linger_ms = 40,
    .stop_ms = 60,
    .connections_max = 3,
    .reserve_max = 2,
    .address_max = 1000,
    .requests_max = 4,
    .pending_max = 1 << 20,
};

/* Goes on until the bridge hangs up; returns the milliseconds, 2000 = never. */
static int until_closed(struct fixture *f, const char *drip)
{
    uint64_t begin = uv_hrtime();
    while (!f->closed && uv_hrtime() - begin < 2000000000u) {
        usleep(5000);
        if (drip != NULL && *drip != '\0')
            send(f->client, drip, 1, MSG_NOSIGNAL);
        step(f);
    }
    return (int)((uv_hrtime() - begin) / 1000000);
}

static void a_slow_head_is_cut_off(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    connect_to(f);
    send_all(f, GET "X-A: ", strlen(GET) + 5);
    int ms = until_closed(f, "a");
    assert_int_equal(status(f), 408);
    assert_in_range(ms, 60, 1000);
    connect_to(f);
    send_all(f, "HEAD /health HTTP/1.1\r\nX-A: ", 28);
    until_closed(f, "a");
    assert_int_equal(status(f), 408);
    assert_string_equal(f->answer + f->answer_len - 4, "\r\n\r\n"); /* no body, as for any HEAD */
    done(f);
}

static void a_slow_body_is_cut_off(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    static const char text[] = POST KEY JSON "Content-Length: 1000\r\n\r\n{";
    connect_to(f);
    send_all(f, text, sizeof text - 1);
    int ms = until_closed(f, " ");
    assert_int_equal(status(f), 408);
    assert_in_range(ms, 100, 1000);
    assert_int_equal(f->asked, 0);
    done(f);
}

/* 1,000 bytes and more in a second, for longer than body_ms. */
static void a_body_that_keeps_coming_may_take_longer(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    static const char text[] = POST KEY JSON "Content-Length: 1016\r\n\r\n" BODY;
    char blanks[100];
    memset(blanks, ' ', sizeof blanks);
    connect_to(f);
    send_all(f, text, sizeof text - 1);
    uint64_t begin = uv_hrtime();
    for (int i = 0; i < 10; i++) {
        while (uv_hrtime() - begin < (uint64_t)i * 40000000u) {
            step(f);
            usleep(1000);
        }
        send_all(f, blanks, sizeof blanks);
    }
    settle(f);
    assert_int_equal(status(f), 201);
    done(f);
}

static void a_loop_that_was_held_up_reads_before_it_loses_patience(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    static const char text[] = POST KEY JSON "Content-Length: 16\r\n\r\n";
    connect_to(f);
    send_all(f, text, sizeof text - 1);
    arrive(f);
    send_all(f, BODY, 16);
    usleep(300000); /* the body lies there, unread, for longer than body_ms */
    settle(f);
    assert_int_equal(status(f), 201);
    done(f);
}

static void heads_and_bodies_have_the_patience_that_clients_know(void **state)
{
    const struct http_limits *l = &http_limits_default;
    (void)state;
    assert_true(l->head_ms >= 20000 && l->head_most_ms >= 40000 && l->body_ms >= 20000);
}

static void an_idle_connection_is_closed_without_a_word(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    connect_to(f);
    int ms = until_closed(f, NULL);
    assert_in_range(ms, 80, 1500); /* first_ms: it has not sent a byte */
    assert_int_equal(f->answer_len, 0);
    tell_text(f, GET "\r\n");
    ms = until_closed(f, NULL);
    assert_in_range(ms, 150, 1500);
    assert_true(is_closed(f));
    assert_int_equal(answers(f), 1);
    done(f);
}

static void a_request_in_work_is_not_idle(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    connect_to(f);
    send_all(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY, strlen(POST KEY JSON) + 38);
    for (int i = 0; i < 60; i++) {
        usleep(5000);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    settle(f);
    assert_int_equal(status(f), 201);
    assert_false(f->closed);
    done(f);
}

static void a_connection_has_a_number_of_requests(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    (void)state;
    tell_text(f, GET "\r\n" GET "\r\n" GET "\r\n" GET "\r\n" GET "\r\n");
    assert_int_equal(answers(f), 4);
    assert_non_null(strstr(f->answer, "Connection: close"));
    assert_true(is_closed(f));
    done(f);
}

/* The client's connection is kept open beside those that follow. */
static int keep_apart(struct fixture *f)
{
    int client = f->client;
    f->client = -1;
    for (int i = 0; i < 5; i++)
        uv_run(&f->loop, UV_RUN_NOWAIT);
    return client;
}

static bool hung_up(int client)
{
    char byte;
    fcntl(client, F_SETFL, O_NONBLOCK);
    ssize_t n = recv(client, &byte, 1, MSG_DONTWAIT | MSG_PEEK);
    return n == 0 || (n < 0 && errno != EAGAIN);
}

static uint64_t short_of(const struct fixture *f, enum http_shortage what)
{
    return http_counted(&f->counts.http.shortages[what]);
}

static void who_finds_no_place_is_told_health_and_nothing_else(void **state)
{
    struct fixture *f = given_limits(&short_limits);
    int others[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(tell_text(f, GET "\r\n"), 200);
        others[i] = keep_apart(f);
    }
    assert_int_equal(tell_text(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY), 503);
    assert_non_null(strstr(f->answer, "\"no_place\""));
    assert_true(is_closed(f));
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    assert_true(is_closed(f));
    assert_int_equal(f->asked, 0);
    assert_int_equal(short_of(f, HTTP_SHORT_OF_CONNECTIONS), 2);
    assert_true(bridge_counts_short(&f->counts, env_mono_ns(&f->env)));
    assert_false(bridge_counts_short(&f->counts, env_mono_ns(&f->env) + BRIDGE_SHORT_NS));
    for (int i = 0; i < 3; i++)
        close(others[i]);
    hang_up(f);
    while (http_counted(&f->counts.http.connections) > 0)
        uv_run(&f->loop, UV_RUN_ONCE);
    assert_int_equal(tell_text(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY), 201);
    done(f);
}

/* However many silent connections there are, of its own address or of others, the next is
 * served. */
static void silent_connections_make_room(void **state)
{
    (void)state;
    for (int own = 0; own < 2; own++) {
        struct http_limits limits = short_limits;
        limits.first_ms = 10000;
        limits.connections_max = own ? 100 : 3;
        limits.address_max = own ? 3 : 100;
        struct fixture *f = given_limits(&limits);
        int silent[10];
        for (int i = 0; i < 10; i++) {
            connect_to(f);
            silent[i] = keep_apart(f);
        }
        assert_true(hung_up(silent[0]) && hung_up(silent[6]) && !hung_up(silent[7]));
        assert_int_equal(tell_text(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY), 201);
        assert_true(hung_up(silent[7]) && !hung_up(silent[9]));
        assert_int_equal(short_of(f, HTTP_SHORT_OF_CONNECTIONS), 0);
        for (int i = 0; i < 10; i++)
            close(silent[i]);
        done(f);
    }
}

static void an_address_has_its_own_limit_unless_it_is_a_gateway(void **state)
{
    struct address_list trusted;
    assert_true(address_list_parse("10.0.0.0/8, 127.0.0.1", &trusted));
    (void)state;
    for (int gateway = 0; gateway < 2; gateway++) {
        struct http_limits limits = short_limits;
        limits.connections_max = 10;
        limits.address_max = 2;
        limits.trusted = gateway ? &trusted : NULL;
        struct fixture *f = given_limits(&limits);
        int others[2];
        for (int i = 0; i < 2; i++) {
            assert_int_equal(tell_text(f, GET "\r\n"), 200);
            others[i] = keep_apart(f);
        }
        assert_int_equal(tell_text(f, POST KEY JSON "Content-Length: 16\r\n\r\n" BODY),
                         gateway ? 201 : 503);
        assert_int_equal(short_of(f, HTTP_SHORT_OF_ITS_OWN), gateway ? 0 : 1);
        assert_false(bridge_counts_short(&f->counts, env_mono_ns(&f->env)));
        for (int i = 0; i < 2; i++)
            close(others[i]);
        done(f);
    }
}

static void the_reserve_holds_the_newest(void **state)
{
    struct http_limits limits = short_limits;
    limits.connections_max = limits.reserve_max = 1;
    limits.first_ms = 10000;
    struct fixture *f = given_limits(&limits);
    (void)state;
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    int first = keep_apart(f);
    connect_to(f);
    int silent = keep_apart(f);
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    assert_true(hung_up(silent) && !hung_up(first));
    close(first);
    close(silent);
    done(f);
}

static void a_proxy_before_us_gives_up_an_idle_connection_first(void **state)
{
    (void)state;
    assert_true(http_limits_default.idle_ms > 60000);
}

/* A client that sends and never reads fills its socket; the bridge stops reading, then hangs up. */
static void a_client_that_does_not_read_is_cut_off(void **state)
{
    static const char text[] = GET "\r\n";
    struct http_limits limits = short_limits;
    limits.head_ms = limits.idle_ms = 10000;
    limits.requests_max = 1000000;
    struct fixture *f = given_limits(&limits);
    (void)state;
    f->receive_size = 4096;
    connect_to(f);
    uint64_t begin = uv_hrtime();
    size_t at = 0;
    const struct http_counts *c = &f->counts.http;
    while ((http_counted(&c->connections) > 0 || http_counted(&c->accepted) == 0) &&
           uv_hrtime() - begin < 20000000000u) {
        ssize_t n = send(f->client, text + at, sizeof text - 1 - at, MSG_NOSIGNAL);
        if (n > 0)
            at = (at + (size_t)n) % (sizeof text - 1);
        else
            usleep(1000);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    assert_int_equal(http_counted(&c->connections), 0);
    assert_int_equal(http_counted(&c->timeouts), 1);
    done(f);
}

/* Sends `count` requests of `path` on a connection that reads nothing for a while. */
static void ask_and_not_read(struct fixture *f, const char *path, int count)
{
    char text[128];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" H "\r\n", path);
    f->receive_size = 4096;
    connect_to(f);
    for (int i = 0; i < count; i++)
        assert_true(send(f->client, text, strlen(text), MSG_NOSIGNAL) > 0);
    for (int i = 0; i < 50; i++) {
        uv_run(&f->loop, UV_RUN_NOWAIT);
        usleep(1000);
    }
}

/* All bytes that come. */
static size_t read_all(struct fixture *f)
{
    size_t len = 0;
    for (int quiet = 0; quiet < 200; quiet++) {
        f->answer_len = 0;
        step(f);
        len += f->answer_len;
        if (f->answer_len > 0)
            quiet = 0;
        else
            usleep(100);
    }
    return len;
}

static void what_waits_for_a_client_that_does_not_read_is_bounded(void **state)
{
    static const struct {
        const char *path;
        size_t page, bytes; /* of a made page; how much may wait: a document stays where it is */
    } rows[] = {{"/metrics", 1 << 20, (1 << 20) + HTTP_PENDING_MAX + 4096},
                {"/openapi.json", 0, HTTP_PENDING_MAX}};
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        struct fixture *f = given();
        const struct http_counts *c = &f->counts.http;
        f->metrics_len = rows[i].page;
        ask_and_not_read(f, rows[i].path, 1);
        size_t one = read_all(f);
        assert_int_equal(one, http_counted(&c->bytes_out));
        ask_and_not_read(f, rows[i].path, 40);
        assert_in_range(http_counted(&c->pending), 0, rows[i].bytes);
        assert_true(http_counted(&c->bytes_out) < one * 30);
        assert_int_equal(read_all(f), one * 40);
        assert_int_equal(http_counted(&c->pending), 0);
        done(f);
    }
}

static void where_too_much_waits_who_does_not_read_is_cut_off(void **state)
{
    struct http_limits limits = http_limits_default;
    limits.pending_max = 1000;
    struct fixture *f = given_limits(&limits);
    (void)state;
    f->metrics_len = 8 << 20;
    ask_and_not_read(f, "/metrics", 1);
    assert_int_equal(http_counted(&f->counts.http.connections), 0);
    assert_int_equal(http_counted(&f->counts.http.pending), 0);
    assert_int_equal(tell_text(f, GET "\r\n"), 200);
    done(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slow_head_is_cut_off),
        cmocka_unit_test(a_slow_body_is_cut_off),
        cmocka_unit_test(a_body_that_keeps_coming_may_take_longer),
        cmocka_unit_test(a_loop_that_was_held_up_reads_before_it_loses_patience),
        cmocka_unit_test(heads_and_bodies_have_the_patience_that_clients_know),
        cmocka_unit_test(an_idle_connection_is_closed_without_a_word),
        cmocka_unit_test(a_request_in_work_is_not_idle),
        cmocka_unit_test(a_connection_has_a_number_of_requests),
        cmocka_unit_test(who_finds_no_place_is_told_health_and_nothing_else),
        cmocka_unit_test(silent_connections_make_room),
        cmocka_unit_test(an_address_has_its_own_limit_unless_it_is_a_gateway),
        cmocka_unit_test(the_reserve_holds_the_newest),
        cmocka_unit_test(a_proxy_before_us_gives_up_an_idle_connection_first),
        cmocka_unit_test(a_client_that_does_not_read_is_cut_off),
        cmocka_unit_test(what_waits_for_a_client_that_does_not_read_is_bounded),
        cmocka_unit_test(where_too_much_waits_who_does_not_read_is_cut_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
