/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: what the bridge answers by itself. Loop's thread; the table of pages is constant. */
#ifndef GATEWAY_BRIDGE_PAGES_H
#define GATEWAY_BRIDGE_PAGES_H

#include "gateway_bridge/bridge_priv.h"
#include "gateway_bridge/docs/documents.h"

struct exchange;
struct issuer_answer;
struct page;

/* Adds those that the port has to its router; false without memory. */
must_check bool pages_add(struct bridge_port *p);
/* The document of a service's operations. */
const struct document *pages_openapi(const struct route_service *service);
/* The page of a route without a message. */
const struct page *page_of(const struct route *route);
bool page_is_health(const struct page *p); /* or metrics: answered however many clients there are */
const char *page_content_type(const struct page *p);
bool page_is_document(const struct page *p); /* HTML and what it loads: gets a security policy */
bool page_has_data_images(const struct page *p);
/* Appends the body of x->page; returns the status. Not for a page with a fixed content. */
uint16_t page_write(const struct exchange *x, struct json_writer *body);

#define PAGE_TAG_MAX (DOCUMENT_TAG_LEN + 8) /* of an ETag, with its quotes and NUL */

/* In which coding the exchange's page goes out and whether the client has it already; of one
 * without a fixed content its nonce, if it needs one. */
void page_negotiate(struct exchange *x, const struct request *r);
/* The content that was chosen; empty: page_write() makes it. */
struct slice page_content(const struct exchange *x);
/* Its entity tag, each coding's own (RFC 9110 section 8.8.3). */
void page_tag(const struct exchange *x, char tag[PAGE_TAG_MAX]);

/* The development issuer's answer, in the exchange's arena; NULL: it is not one of its paths, there
 * is no issuer, or no memory. */
const struct issuer_answer *page_of_issuer(struct exchange *x, const struct request *r);

#endif
