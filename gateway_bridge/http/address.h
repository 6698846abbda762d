/* SPDX-License-Identifier: Apache-2.0 */
/* Address: where a client comes from, as far as its limits go: an IPv4 address, or of IPv6 the
 * network of 64 bits, in which a client may have any address it likes (RFC 4291 section 2.5.4).
 * And lists of networks. Any thread. */
#ifndef HTTP_ADDRESS_H
#define HTTP_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "runtime/base/check.h"

#define ADDRESS_BYTES 16
#define ADDRESS_TEXT_MAX INET6_ADDRSTRLEN
#define ADDRESS_NETWORKS_MAX 32 /* of a list */

/* As IPv6, IPv4 mapped into it; what follows the network is zero. */
struct address {
    uint8_t bytes[ADDRESS_BYTES];
};

struct address address_of(const struct sockaddr_storage *from);
bool address_equal(const struct address *a, const struct address *b);
void address_text(const struct address *a, char text[ADDRESS_TEXT_MAX]);

struct address_list {
    struct {
        struct address address;
        uint32_t bits; /* of it that count */
    } networks[ADDRESS_NETWORKS_MAX];
    uint32_t count;
};

/* "10.0.0.0/8, ::1": addresses or networks between commas; an empty text is an empty list. False:
 * it is none, or a longer one. */
must_check bool address_list_parse(const char *text, struct address_list *list);
bool address_list_has(const struct address_list *list, const struct address *a);

#endif
