/* SPDX-License-Identifier: Apache-2.0 */
/* Router: finds the route of a method and path. A tree of path segments, built once and constant
 * then; where a literal segment and a parameter both fit, the literal one wins. HEAD finds the
 * route of GET. OPTIONS finds no route: the methods of the path are its whole answer, and for "*"
 * those of all paths. One per loop. */
#ifndef GATEWAY_BRIDGE_ROUTER_H
#define GATEWAY_BRIDGE_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"
#include "schemas/route.h"

#define ROUTER_PARAMETERS_MAX 4 /* in one path */
#define ROUTER_ALLOW_MAX 48     /* of the header Allow, with NUL */

struct router;

struct route_match {
    const struct route *route;                     /* NULL: no such method, or no such path */
    const char *allow;                             /* methods of the path; NULL: no such path */
    struct slice parameters[ROUTER_PARAMETERS_MAX]; /* as sent, in the order of the template */
    uint32_t parameter_count;
};

struct router *router_new(void);
struct router *router_free(struct router *r); /* NULL is fine; returns NULL */

/* false if the path has that method already (the first one stays), or without memory. */
must_check bool router_add(struct router *r, const struct route *route);

void router_find(const struct router *r, struct slice method, struct slice path,
                 struct route_match *match);

#endif
