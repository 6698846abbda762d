/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: health, metrics, the documents, and what the development issuer answers. They are open to
 * every client that reaches the address: options.pages says which of them a bridge has. A page is a
 * route without a message, whose body is a document of the build, sent from where it is, or written
 * by a function. */
#include "gateway_bridge/pages.h"

#include <stdio.h>
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/http/percent.h"

#define JSON "application/json"

struct page {
    struct route route; /* only method and path count */
    uint32_t group; /* BRIDGE_PAGES_... */
    const char *content_type;
    bool document;
    const struct document *content; /* NULL: made by write() */
    uint16_t (*write)(struct bridge *b, struct json_writer *body);
};

static void page_put_member(struct json_writer *body, const char *key, const char *value)
{
    json_put_key(body, key);
    json_put_text(body, slice_of(value));
}

static uint16_t page_write_version(struct bridge *b, const char *version, struct json_writer *body)
{
    size_t object = json_open(body);
    page_put_member(body, "status", "healthy");
    page_put_member(body, "service", b->options.service);
    page_put_member(body, "version", version);
    json_close_object(body, object);
    return 200;
}

/* Clients of the services this one replaces know exactly these three members, to the byte. */
static uint16_t page_write_health(struct bridge *b, struct json_writer *body)
{
    return page_write_version(b, "1.0.0", body);
}

static uint16_t page_write_live(struct bridge *b, struct json_writer *body)
{
    return page_write_version(b, b->options.version, body);
}

static uint16_t page_write_ready(struct bridge *b, struct json_writer *body)
{
    const char *reason = NULL;
    bool ready = b->options.backend->ready(b->options.backend->context, &reason);
    size_t object = json_open(body);
    page_put_member(body, "status", !ready ? "unavailable" : reason == NULL ? "ready" : "degraded");
    if (reason != NULL)
        page_put_member(body, ready ? "warning" : "reason", reason);
    json_close_object(body, object);
    return ready ? 200 : 503;
}

static uint16_t page_write_metrics(struct bridge *b, struct json_writer *body)
{
    return b->options.backend->metrics(b->options.backend->context, body) ? 200 : 0;
}

static uint16_t page_write_info(struct bridge *b, struct json_writer *body);

static const struct page pages[] = {
    {.route = {.method = "GET", .path = "/"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = JSON,
     .write = page_write_info},
    {.route = {.method = "GET", .path = "/health"},
     .group = BRIDGE_PAGES_HEALTH,
     .content_type = JSON,
     .write = page_write_health},
    {.route = {.method = "GET", .path = "/health/live"},
     .group = BRIDGE_PAGES_HEALTH,
     .content_type = JSON,
     .write = page_write_live},
    {.route = {.method = "GET", .path = "/health/ready"},
     .group = BRIDGE_PAGES_HEALTH,
     .content_type = JSON,
     .write = page_write_ready},
    {.route = {.method = "GET", .path = "/metrics"},
     .group = BRIDGE_PAGES_METRICS,
     .content_type = "text/plain; version=0.0.4; charset=utf-8",
     .write = page_write_metrics},
    {.route = {.method = "GET", .path = "/openapi.json"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = JSON,
     .content = &document_openapi_json},
    {.route = {.method = "GET", .path = "/docs"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = "text/html; charset=utf-8",
     .document = true,
     .content = &document_docs_html},
    {.route = {.method = "GET", .path = "/docs/docs.css"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = "text/css; charset=utf-8",
     .document = true,
     .content = &document_docs_css},
    {.route = {.method = "GET", .path = "/docs/docs.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = "text/javascript; charset=utf-8",
     .document = true,
     .content = &document_docs_js},
    {.route = {.method = "GET", .path = "/docs/icon.svg"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = "image/svg+xml",
     .document = true,
     .content = &document_icon_svg},
};

static void page_put_endpoint(struct json_writer *body, const char *path)
{
    json_put_comma(body);
    json_put_text(body, slice_of(path));
}

static bool page_listed_before(const struct route *routes, uint32_t i)
{
    for (uint32_t k = 0; k < i; k++) {
        if (strcmp(routes[k].path, routes[i].path) == 0)
            return true;
    }
    return false;
}

/* Paths with several methods are listed once. */
static uint16_t page_write_info(struct bridge *b, struct json_writer *body)
{
    const struct bridge_options *o = &b->options;
    size_t object = json_open(body);
    page_put_member(body, "service", "Payment Platform");
    page_put_member(body, "message", "Wallets, payments and the ledger behind them");
    json_put_key(body, "endpoints");
    size_t list = json_open(body);
    for (size_t i = 1; i < array_len(pages); i++) {
        bool part = pages[i].document && pages[i].content != &document_docs_html;
        if ((pages[i].group & o->pages) != 0 && !part)
            page_put_endpoint(body, pages[i].route.path);
    }
    for (uint32_t i = 0; i < o->route_count; i++) {
        if (!page_listed_before(o->routes, i))
            page_put_endpoint(body, o->routes[i].path);
    }
    json_close_array(body, list);
    json_close_object(body, object);
    return 200;
}

bool pages_add(struct bridge *b)
{
    for (size_t i = 0; i < array_len(pages); i++) {
        if ((pages[i].group & b->options.pages) != 0 && !router_add(b->router, &pages[i].route))
            return false;
    }
    return true;
}

const struct page *page_of(const struct route *route)
{
    return container_of(route, struct page, route);
}

bool page_is_health(const struct page *p)
{
    return (p->group & (BRIDGE_PAGES_HEALTH | BRIDGE_PAGES_METRICS)) != 0;
}

const char *page_content_type(const struct page *p)
{
    return p->content_type;
}

bool page_is_document(const struct page *p)
{
    return p->document;
}

uint16_t page_write(const struct page *p, struct bridge *b, struct json_writer *body)
{
    check(p->content == NULL);
    return p->write(b, body);
}

/* --- fixed content ---------------------------------------------------------------------------- */

void page_tag(const struct exchange *x, char tag[PAGE_TAG_MAX])
{
    snprintf(tag, PAGE_TAG_MAX, "\"%s%s\"", x->page->content->tag, x->gzip ? "-gzip" : "");
}

/* Does any line of the field name the tag? */
static bool page_tag_given(const struct request *r, enum request_field field, bool weak_counts,
                           struct slice tag)
{
    bool found = header_tag_listed(request_field(r, field), weak_counts, tag);
    for (uint32_t i = 0; i < r->line_count; i++)
        found |= r->lines[i].field == field &&
                 header_tag_listed(request_slice(r, r->lines[i].value), weak_counts, tag);
    return found;
}

void page_negotiate(struct exchange *x, const struct request *r)
{
    char tag[PAGE_TAG_MAX];
    if (x->page->content == NULL)
        return;
    x->gzip = header_takes_gzip(request_field(r, FIELD_ACCEPT_ENCODING));
    page_tag(x, tag);
    x->known = page_tag_given(r, FIELD_IF_NONE_MATCH, true, slice_of(tag));
}

struct slice page_content(const struct exchange *x)
{
    const struct document *d = x->page != NULL ? x->page->content : NULL;
    if (d == NULL)
        return (struct slice){0};
    return x->gzip ? (struct slice){(const char *)d->gzip, (uint32_t)d->gzip_len}
                   : (struct slice){(const char *)d->data, (uint32_t)d->len};
}

/* A page of another site may have its name lead here (DNS rebinding), where any secret is known. */
static void page_warn_of_host(struct bridge *b, struct slice host)
{
    uint64_t suppressed;
    struct slice name = header_host_name(host);
    char text[64];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.data);
    if (issuer_loopback(text) || !log_limit_pass(&b->foreign_hosts, b->mono_ns, &suppressed))
        return;
    LOG_WARN(b->options.env->log, "issuer_foreign_host", log_slice("host", host),
             log_text("message", "the development issuer was asked under a name that is not this "
                                 "machine's: is it reachable from elsewhere?"),
             log_uint("suppressed", suppressed));
}

const struct issuer_answer *page_of_issuer(struct exchange *x, const struct request *r)
{
    struct bridge *b = x->bridge;
    if (b->options.issuer == NULL)
        return NULL;
    struct issuer_answer *answer = arena_alloc(&x->arena, sizeof *answer);
    struct slice path = arena_copy(&x->arena, x->path);
    if (path.data == NULL || !percent_decode(path, false, (char *)path.data, &path.len))
        path = x->path;
    const struct issuer_request asked = {
        .method = slice_of(llhttp_method_name(r->http.method)),
        .path = path,
        .authorization = request_field(r, FIELD_AUTHORIZATION),
        .content_type = request_field(r, FIELD_CONTENT_TYPE),
        .body = request_slice(r, r->body),
    };
    bool answered = answer != NULL && issuer_handle(b->options.issuer, &asked, b->wall_s, answer);
    if (answered)
        page_warn_of_host(b, request_field(r, FIELD_HOST));
    return answered ? answer : NULL;
}
