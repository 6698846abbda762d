/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway_bridge/http/address.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define NETWORK_BITS 64  /* of IPv6 that count */
#define MAPPED_BITS 96   /* before an IPv4 address: ::ffff:0:0/96 */
#define PART_MAX 64      /* bytes of an address with its bits */

static const uint8_t address_mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool address_is_mapped(const uint8_t bytes[ADDRESS_BYTES])
{
    return memcmp(bytes, address_mapped, sizeof address_mapped) == 0;
}

static struct address address_of_six(const struct in6_addr *six)
{
    struct address a;
    memcpy(a.bytes, six->s6_addr, ADDRESS_BYTES);
    if (!address_is_mapped(a.bytes))
        memset(a.bytes + NETWORK_BITS / 8, 0, ADDRESS_BYTES - NETWORK_BITS / 8);
    return a;
}

static struct address address_of_four(const struct in_addr *four)
{
    struct address a;
    memcpy(a.bytes, address_mapped, sizeof address_mapped);
    memcpy(a.bytes + sizeof address_mapped, &four->s_addr, sizeof four->s_addr);
    return a;
}

struct address address_of(const struct sockaddr_storage *from)
{
    return from->ss_family == AF_INET
               ? address_of_four(&((const struct sockaddr_in *)from)->sin_addr)
               : address_of_six(&((const struct sockaddr_in6 *)from)->sin6_addr);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return memcmp(a->bytes, b->bytes, ADDRESS_BYTES) == 0;
}

void address_text(const struct address *a, char text[ADDRESS_TEXT_MAX])
{
    bool four = address_is_mapped(a->bytes);
    check(inet_ntop(four ? AF_INET : AF_INET6, a->bytes + (four ? sizeof address_mapped : 0), text,
                    ADDRESS_TEXT_MAX) != NULL);
}

/* --- lists ------------------------------------------------------------------------------------ */

/* The bits behind '/', or all. */
static bool address_bits_read(const char *slash, uint32_t all, uint32_t *bits)
{
    char *end = NULL;
    *bits = all;
    if (slash == NULL)
        return true;
    unsigned long number = strtoul(slash + 1, &end, 10);
    *bits = (uint32_t)number;
    return slash[1] >= '0' && slash[1] <= '9' && *end == '\0' && number <= all;
}

static bool address_list_add(struct address_list *list, char *part)
{
    struct in_addr four;
    struct in6_addr six;
    uint32_t bits;
    char *slash = strchr(part, '/');
    if (slash != NULL)
        *slash = '\0';
    bool is_four = inet_pton(AF_INET, part, &four) == 1;
    if (list->count == ADDRESS_NETWORKS_MAX || (!is_four && inet_pton(AF_INET6, part, &six) != 1) ||
        !address_bits_read(slash, is_four ? 32 : 128, &bits))
        return false;
    if (is_four)
        bits += MAPPED_BITS;
    else if (bits > NETWORK_BITS && !address_is_mapped(six.s6_addr))
        bits = NETWORK_BITS;
    list->networks[list->count].address = is_four ? address_of_four(&four) : address_of_six(&six);
    list->networks[list->count++].bits = bits;
    return true;
}

bool address_list_parse(const char *text, struct address_list *list)
{
    list->count = 0;
    text += strspn(text, " ");
    while (*text != '\0') {
        char part[PART_MAX];
        size_t len = strcspn(text, ", ");
        if (len == 0 || len >= sizeof part)
            return false;
        memcpy(part, text, len);
        part[len] = '\0';
        if (!address_list_add(list, part))
            return false;
        text += len + strspn(text + len, " ");
        if (*text != ',' && *text != '\0')
            return false;
        text += *text == ',' ? 1 + strspn(text + 1, " ") : 0;
    }
    return true;
}

static bool address_bits_equal(const struct address *a, const struct address *b, uint32_t bits)
{
    uint32_t whole = bits / 8, rest = bits % 8;
    return memcmp(a->bytes, b->bytes, whole) == 0 &&
           (rest == 0 || (a->bytes[whole] ^ b->bytes[whole]) >> (8 - rest) == 0);
}

bool address_list_has(const struct address_list *list, const struct address *a)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (address_bits_equal(&list->networks[i].address, a, list->networks[i].bits))
            return true;
    }
    return false;
}
