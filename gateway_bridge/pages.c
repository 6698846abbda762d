/* SPDX-License-Identifier: Apache-2.0 */
/* Pages: health, metrics, the documents, and what the development issuer answers. They are open to
 * every client that reaches the address: options.pages says which of them a bridge has. A page is a
 * route without a message, whose body is a document of the build, sent from where it is, or written
 * by a function. */
#include "gateway_bridge/pages.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/exchange.h"
#include "gateway_bridge/http/percent.h"

#define PAGE_NONCE_LEN 32
#define JSON "application/json"
#define HTML "text/html; charset=utf-8"
#define CSS "text/css; charset=utf-8"
#define JAVASCRIPT "text/javascript; charset=utf-8"

enum page_place {
    PAGE_ANYWHERE,
    PAGE_OF_ALL,     /* where all services are, or where there is no other page for documents */
    PAGE_OF_SERVICE, /* of a service's own port, if the build could fetch what it needs */
    PAGE_REFERENCE,  /* anywhere, if the build could fetch what it needs */
};

struct page {
    struct route route; /* only method and path count */
    uint32_t group; /* BRIDGE_PAGES_... */
    enum page_place place;
    const char *content_type;
    bool document;
    bool part;                      /* of another page: nobody asks for it alone */
    bool data_images;               /* its style sheet has some within */
    bool openapi;                   /* its content is that of the port */
    const struct document *content; /* NULL, unless it is that of the port: made by write() */
    uint16_t (*write)(const struct exchange *x, struct json_writer *body);
};

static void page_put_member(struct json_writer *body, const char *key, const char *value)
{
    json_put_key(body, key);
    json_put_text(body, slice_of(value));
}

static uint16_t page_write_version(const struct exchange *x, const char *version,
                                   struct json_writer *body)
{
    size_t object = json_open(body);
    page_put_member(body, "status", "healthy");
    page_put_member(body, "service", x->port->options.service->told);
    page_put_member(body, "version", version);
    json_close_object(body, object);
    return 200;
}

/* Clients of the services this one replaces know exactly these three members, to the byte. */
static uint16_t page_write_health(const struct exchange *x, struct json_writer *body)
{
    return page_write_version(x, "1.0.0", body);
}

static uint16_t page_write_live(const struct exchange *x, struct json_writer *body)
{
    return page_write_version(x, x->bridge->options.version, body);
}

static uint16_t page_write_ready(const struct exchange *x, struct json_writer *body)
{
    const struct bridge_backend *backend = x->bridge->options.backend;
    const char *reason = NULL;
    bool ready = backend->ready(backend->context, &reason);
    size_t object = json_open(body);
    page_put_member(body, "status", !ready ? "unavailable" : reason == NULL ? "ready" : "degraded");
    if (reason != NULL)
        page_put_member(body, ready ? "warning" : "reason", reason);
    json_close_object(body, object);
    return ready ? 200 : 503;
}

static uint16_t page_write_metrics(const struct exchange *x, struct json_writer *body)
{
    const struct bridge_backend *backend = x->bridge->options.backend;
    return backend->metrics(backend->context, body) ? 200 : 0;
}

/* Its styles are made while it runs: those with this nonce are let in. */
static uint16_t page_write_reference(const struct exchange *x, struct json_writer *body)
{
    const char *html = (const char *)document_redoc_html.data, *mark = "NONCE";
    const char *at = strstr(html, mark);
    if (x->nonce == NULL || at == NULL)
        return 0;
    json_put_raw(body, html, (size_t)(at - html));
    json_put_raw(body, x->nonce, strlen(x->nonce));
    at += strlen(mark);
    json_put_raw(body, at, strlen(at));
    return 200;
}

static uint16_t page_write_info(const struct exchange *x, struct json_writer *body);

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
     .openapi = true},
    {.route = {.method = "GET", .path = "/docs"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_ALL,
     .content_type = HTML,
     .document = true,
     .content = &document_docs_html},
    {.route = {.method = "GET", .path = "/docs/docs.css"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_ALL,
     .content_type = CSS,
     .document = true,
     .part = true,
     .content = &document_docs_css},
    {.route = {.method = "GET", .path = "/docs/docs.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_ALL,
     .content_type = JAVASCRIPT,
     .document = true,
     .part = true,
     .content = &document_docs_js},
    {.route = {.method = "GET", .path = "/docs/icon.svg"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .content_type = "image/svg+xml",
     .document = true,
     .part = true,
     .content = &document_icon_svg},
    {.route = {.method = "GET", .path = "/docs"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_SERVICE,
     .content_type = HTML,
     .document = true,
     .data_images = true,
     .content = &document_swagger_html},
    {.route = {.method = "GET", .path = "/docs/swagger.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_SERVICE,
     .content_type = JAVASCRIPT,
     .document = true,
     .part = true,
     .content = &document_swagger_js},
    {.route = {.method = "GET", .path = "/docs/swagger-ui.css"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_SERVICE,
     .content_type = CSS,
     .document = true,
     .part = true,
     .content = &document_swagger_ui_css},
    {.route = {.method = "GET", .path = "/docs/swagger-ui-bundle.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_OF_SERVICE,
     .content_type = JAVASCRIPT,
     .document = true,
     .part = true,
     .content = &document_swagger_ui_bundle_js},
    {.route = {.method = "GET", .path = "/redoc"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_REFERENCE,
     .content_type = HTML,
     .document = true,
     .data_images = true,
     .write = page_write_reference},
    {.route = {.method = "GET", .path = "/docs/redoc.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_REFERENCE,
     .content_type = JAVASCRIPT,
     .document = true,
     .part = true,
     .content = &document_redoc_js},
    {.route = {.method = "GET", .path = "/docs/redoc.standalone.js"},
     .group = BRIDGE_PAGES_DOCUMENTS,
     .place = PAGE_REFERENCE,
     .content_type = JAVASCRIPT,
     .document = true,
     .part = true,
     .content = &document_redoc_standalone_js},
};

/* Does a port with these options have it? */
static bool page_is_at(const struct page *p, const struct bridge_port_options *o)
{
    bool service = o->compat && document_swagger_ui_bundle_js.len > 0;
    if ((p->group & o->pages) == 0)
        return false;
    switch (p->place) {
    case PAGE_ANYWHERE:
        return true;
    case PAGE_OF_ALL:
        return !service;
    case PAGE_OF_SERVICE:
        return service;
    case PAGE_REFERENCE:
        return document_redoc_standalone_js.len > 0;
    }
    return false;
}

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

static void page_put_endpoints(const struct exchange *x, struct json_writer *body)
{
    const struct bridge_port_options *o = &x->port->options;
    const struct route *routes = x->bridge->options.routes + o->route_first;
    for (size_t i = 1; i < array_len(pages); i++) {
        if (page_is_at(&pages[i], o) && !pages[i].part)
            page_put_endpoint(body, pages[i].route.path);
    }
    for (uint32_t i = 0; i < o->route_count; i++) {
        if (!page_listed_before(routes, i))
            page_put_endpoint(body, routes[i].path);
    }
}

/* Paths with several methods are listed once. At a service's own port it has the three members
 * that are known there. */
static uint16_t page_write_info(const struct exchange *x, struct json_writer *body)
{
    const struct bridge_port_options *o = &x->port->options;
    size_t object = json_open(body);
    page_put_member(body, "service", o->service->title);
    page_put_member(body, "message", o->service->doc);
    if (!o->compat)
        page_put_member(body, "version", x->bridge->options.version);
    json_put_key(body, "endpoints");
    size_t list = json_open(body);
    page_put_endpoints(x, body);
    json_close_array(body, list);
    json_close_object(body, object);
    return 200;
}

bool pages_add(struct bridge_port *p)
{
    for (size_t i = 0; i < array_len(pages); i++) {
        if (page_is_at(&pages[i], &p->options) && !router_add(p->router, &pages[i].route))
            return false;
    }
    return true;
}

const struct document *pages_openapi(const struct route_service *service)
{
    static const struct {
        const char *name;
        const struct document *document;
    } documents[] = {
        {"forex", &document_openapi_forex_json},
        {"ledger", &document_openapi_ledger_json},
        {"payment", &document_openapi_payment_json},
        {"profile", &document_openapi_profile_json},
        {"rule_engine", &document_openapi_rule_engine_json},
        {"wallet", &document_openapi_wallet_json},
    };
    for (size_t i = 0; i < array_len(documents); i++) {
        if (strcmp(documents[i].name, service->name) == 0)
            return documents[i].document;
    }
    return &document_openapi_json;
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

bool page_has_data_images(const struct page *p)
{
    return p->data_images;
}

uint16_t page_write(const struct exchange *x, struct json_writer *body)
{
    check(x->page->write != NULL);
    return x->page->write(x, body);
}

/* --- fixed content ---------------------------------------------------------------------------- */

/* NULL: it is made for each answer. */
static const struct document *page_document(const struct exchange *x)
{
    return x->page->openapi ? x->port->openapi : x->page->content;
}

void page_tag(const struct exchange *x, char tag[PAGE_TAG_MAX])
{
    snprintf(tag, PAGE_TAG_MAX, "\"%s%s\"", page_document(x)->tag, x->gzip ? "-gzip" : "");
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

/* NULL without memory. */
static const char *page_make_nonce(struct exchange *x)
{
    char *nonce = arena_alloc(&x->arena, PAGE_NONCE_LEN + 1);
    struct env *env = x->bridge->options.env;
    if (nonce != NULL)
        snprintf(nonce, PAGE_NONCE_LEN + 1, "%016" PRIx64 "%016" PRIx64, env_random(env),
                 env_random(env));
    return nonce;
}

void page_negotiate(struct exchange *x, const struct request *r)
{
    char tag[PAGE_TAG_MAX];
    if (x->page->write == page_write_reference)
        x->nonce = page_make_nonce(x);
    if (page_document(x) == NULL)
        return;
    x->gzip = header_takes_gzip(request_field(r, FIELD_ACCEPT_ENCODING));
    page_tag(x, tag);
    x->known = page_tag_given(r, FIELD_IF_NONE_MATCH, true, slice_of(tag));
}

struct slice page_content(const struct exchange *x)
{
    const struct document *d = x->page != NULL ? page_document(x) : NULL;
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
