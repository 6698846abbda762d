/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: what the bridge answers by itself. Loop's thread; the table of pages is constant. */
#ifndef GATEWAY_BRIDGE_PAGES_H
#define GATEWAY_BRIDGE_PAGES_H

#include "gateway_bridge/bridge_priv.h"

struct exchange;
struct issuer_answer;
struct page;

/* Adds those that the bridge has to its router; false without memory. */
must_check bool pages_add(struct bridge *b);
/* The page of a route without a message. */
const struct page *page_of(const struct route *route);
const char *page_content_type(const struct page *p);
bool page_is_document(const struct page *p); /* HTML and what it loads: gets a security policy */
/* Appends the body; returns the status. */
uint16_t page_write(const struct page *p, struct bridge *b, struct json_writer *body);

/* The development issuer's answer, in the exchange's arena; NULL: it is not one of its paths, there
 * is no issuer, or no memory. */
const struct issuer_answer *page_of_issuer(struct exchange *x, const struct request *r);

#endif
