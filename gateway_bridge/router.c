/* SPDX-License-Identifier: Apache-2.0 */
/* One node for each segment of a template, its literal children in a list and at most one child for
 * a parameter. A path goes down one way only, without going back: where a literal child fits, the
 * parameter beside it is not tried. A segment is compared as it reads when its percent-encoding is
 * taken off (RFC 9110 section 4.2.3); a '/' in that form does not cut it. The header Allow of a
 * path is written when a route is added. */
#include "gateway_bridge/router.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway_bridge/http/percent.h"

#define SEGMENT_MAX 64 /* bytes of a literal segment, decoded */

enum method {
    METHOD_GET,
    METHOD_POST,
    METHOD_PUT,
    METHOD_PATCH,
    METHOD_DELETE,
    METHOD_COUNT,
};

static const char *const method_names[METHOD_COUNT] = {"GET", "POST", "PUT", "PATCH", "DELETE"};

struct node {
    struct node *next;       /* sibling */
    struct node *literals;   /* children with a fixed segment */
    struct node *parameter;  /* the child for any other segment */
    struct slice segment;    /* of the template; not for parameters */
    const struct route *routes[METHOD_COUNT];
    char allow[ROUTER_ALLOW_MAX];
};

struct router {
    struct node root;
};

/* What Allow says of the methods; HEAD comes with GET, OPTIONS with any. */
static void router_list_methods(const bool has[METHOD_COUNT], char allow[ROUTER_ALLOW_MAX])
{
    size_t len = 0;
    for (int m = 0; m < METHOD_COUNT; m++) {
        if (has[m])
            len += (size_t)snprintf(allow + len, ROUTER_ALLOW_MAX - len, "%s, ",
                                    m == METHOD_GET ? "GET, HEAD" : method_names[m]);
    }
    len += (size_t)snprintf(allow + len, ROUTER_ALLOW_MAX - len, "OPTIONS");
    check(len < ROUTER_ALLOW_MAX);
}

struct router *router_new(void)
{
    static const bool all[METHOD_COUNT] = {true, true, true, true, true};
    struct router *r = calloc(1, sizeof *r);
    if (r != NULL)
        router_list_methods(all, r->root.allow);
    return r;
}

/* As deep as the longest template, which is ours. */
static void router_free_children(struct node *n)
{
    struct node *child = n->literals;
    while (child != NULL) {
        struct node *next = child->next;
        router_free_children(child);
        free(child);
        child = next;
    }
    if (n->parameter != NULL) {
        router_free_children(n->parameter);
        free(n->parameter);
    }
}

struct router *router_free(struct router *r)
{
    if (r != NULL)
        router_free_children(&r->root);
    free(r);
    return NULL;
}

/* Takes "/segment" off the path; false at its end. */
static bool router_next_segment(struct slice *path, struct slice *segment)
{
    if (path->len == 0 || path->data[0] != '/')
        return false;
    const char *begin = path->data + 1;
    uint32_t left = path->len - 1;
    const char *slash = memchr(begin, '/', left);
    uint32_t len = slash != NULL ? (uint32_t)(slash - begin) : left;
    *segment = (struct slice){begin, len};
    *path = (struct slice){begin + len, left - len};
    return true;
}

/* As it reads without percent-encoding; as sent if that is malformed or no literal's. */
static struct slice router_plain_segment(struct slice segment, char plain[SEGMENT_MAX])
{
    uint32_t len;
    if (segment.len > 3 * SEGMENT_MAX || memchr(segment.data, '%', segment.len) == NULL)
        return segment;
    char decoded[3 * SEGMENT_MAX];
    if (!percent_decode(segment, false, decoded, &len) || len > SEGMENT_MAX)
        return segment;
    memcpy(plain, decoded, len);
    return (struct slice){plain, len};
}

static struct node *router_find_literal(const struct node *n, struct slice segment)
{
    char plain[SEGMENT_MAX];
    segment = router_plain_segment(segment, plain);
    for (struct node *child = n->literals; child != NULL; child = child->next) {
        if (slice_equal(child->segment, segment))
            return child;
    }
    return NULL;
}

/* The child for a segment of a template, made if it is new; NULL without memory. */
static struct node *router_child(struct node *n, struct slice segment)
{
    bool parameter = segment.len > 0 && segment.data[0] == '{';
    struct node *child = parameter ? n->parameter : router_find_literal(n, segment);
    if (child != NULL)
        return child;
    child = calloc(1, sizeof *child);
    if (child == NULL)
        return NULL;
    if (parameter) {
        n->parameter = child;
    } else {
        child->segment = segment;
        child->next = n->literals;
        n->literals = child;
    }
    return child;
}

static enum method router_method(struct slice name)
{
    for (int m = 0; m < METHOD_COUNT; m++) {
        if (slice_equal(name, slice_of(method_names[m])))
            return (enum method)m;
    }
    return METHOD_COUNT;
}

bool router_add(struct router *r, const struct route *route)
{
    struct slice path = slice_of(route->path), segment;
    struct node *n = &r->root;
    uint32_t parameters = 0;
    while (router_next_segment(&path, &segment)) {
        parameters += segment.len > 0 && segment.data[0] == '{';
        n = router_child(n, segment);
        if (n == NULL)
            return false;
    }
    enum method method = router_method(slice_of(route->method));
    check(method != METHOD_COUNT && parameters <= ROUTER_PARAMETERS_MAX);
    if (n->routes[method] != NULL)
        return false;
    n->routes[method] = route;
    bool has[METHOD_COUNT];
    for (int m = 0; m < METHOD_COUNT; m++)
        has[m] = n->routes[m] != NULL;
    router_list_methods(has, n->allow);
    return true;
}

void router_find(const struct router *r, struct slice method, struct slice path,
                 struct route_match *match)
{
    *match = (struct route_match){0};
    const struct node *n = &r->root;
    struct slice segment;
    while (router_next_segment(&path, &segment)) {
        const struct node *child = router_find_literal(n, segment);
        if (child == NULL && n->parameter != NULL && segment.len > 0) {
            child = n->parameter;
            match->parameters[match->parameter_count++] = segment;
        }
        if (child == NULL)
            return;
        n = child;
    }
    if (n->allow[0] == '\0')
        return;
    match->allow = n->allow;
    enum method m = slice_equal(method, slice_of("HEAD")) ? METHOD_GET : router_method(method);
    if (m != METHOD_COUNT)
        match->route = n->routes[m];
}
