/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of clients, and lists of networks that have them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/http/address.h"
#include "gateway_bridge/http/peers.h"

static struct address of(const char *text)
{
    struct sockaddr_storage from = {0};
    struct sockaddr_in *four = (struct sockaddr_in *)&from;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&from;
    from.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    if (from.ss_family == AF_INET)
        assert_int_equal(inet_pton(AF_INET, text, &four->sin_addr), 1);
    else
        assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    return address_of(&from);
}

static void an_ipv6_client_is_its_network(void **state)
{
    static const struct {
        const char *address, *text;
    } rows[] = {{"192.0.2.7", "192.0.2.7"},
                {"::ffff:192.0.2.7", "192.0.2.7"},
                {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"},
                {"::1", "::"}};
    char text[ADDRESS_TEXT_MAX];
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        struct address a = of(rows[i].address);
        address_text(&a, text);
        assert_string_equal(text, rows[i].text);
    }
}

static void a_list_has_addresses_and_networks(void **state)
{
    static const struct {
        const char *list, *address;
        bool has;
    } rows[] = {
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"192.0.2.7", "::ffff:192.0.2.7", true},
        {"10.0.0.0/9 , 192.0.2.0/30", "10.127.0.1", true},
        {"10.0.0.0/9", "10.128.0.1", false},
        {"10.0.0.0/9,192.0.2.0/30", "192.0.2.3", true},
        {"192.0.2.0/30", "192.0.2.4", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"::/0", "2001:db8::1", true},
        {"2001:db8:1::/48", "2001:db8:1:9::1", true},
        {"2001:db8:1::/48", "2001:db8:2::1", false},
        {"2001:db8::5", "2001:db8::6", true}, /* one network */
        {"", "192.0.2.7", false},
    };
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        struct address_list list;
        struct address a = of(rows[i].address);
        assert_true(address_list_parse(rows[i].list, &list));
        if (address_list_has(&list, &a) != rows[i].has)
            fail_msg("%s in %s", rows[i].address, rows[i].list);
    }
}

static void what_is_no_list_is_refused(void **state)
{
    static const char *const wrong[] = {"a",       "192.0.2.7/33", "192.0.2.7/", "192.0.2.7/-1",
                                        "::1/129", "192.0.2.7;::1", ",::1",       "::1 ::2",
                                        "192.0.2", "192.0.2.7/8x"};
    struct address_list list;
    (void)state;
    for (size_t i = 0; i < array_len(wrong); i++) {
        if (address_list_parse(wrong[i], &list))
            fail_msg("%s", wrong[i]);
    }
    for (int count = ADDRESS_NETWORKS_MAX; count <= ADDRESS_NETWORKS_MAX + 1; count++) {
        char many[16 * (ADDRESS_NETWORKS_MAX + 1)];
        size_t len = 0;
        for (int i = 0; i < count; i++)
            len += (size_t)snprintf(many + len, sizeof many - len, "%s192.0.2.1", i > 0 ? "," : "");
        assert_int_equal(address_list_parse(many, &list), count == ADDRESS_NETWORKS_MAX);
    }
}

static void an_address_is_known_as_long_as_it_has_a_connection(void **state)
{
    struct peers peers;
    struct address a = of("192.0.2.7"), b = of("2001:db8::1");
    (void)state;
    assert_true(peers_init(&peers, 17));
    struct peer *first = peers_enter(&peers, &a), *other = peers_enter(&peers, &b);
    assert_true(first != NULL && other != NULL && first != other);
    assert_ptr_equal(peers_enter(&peers, &a), first);
    assert_int_equal(first->connections, 2);
    peers_leave(&peers, first);
    assert_int_equal(first->connections, 1);
    peers_leave(&peers, first);
    peers_leave(&peers, other);
    peers_done(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_ipv6_client_is_its_network),
        cmocka_unit_test(a_list_has_addresses_and_networks),
        cmocka_unit_test(what_is_no_list_is_refused),
        cmocka_unit_test(an_address_is_known_as_long_as_it_has_a_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
