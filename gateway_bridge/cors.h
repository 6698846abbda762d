/* SPDX-License-Identifier: Apache-2.0 */
/* CORS: the origins whose pages may call from a browser (Fetch, section 3.2). A browser sends the
 * header Origin and keeps the answer from the page unless the answer names that origin; no other
 * client is affected. Constant once parsed; any thread. */
#ifndef GATEWAY_BRIDGE_CORS_H
#define GATEWAY_BRIDGE_CORS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define CORS_ORIGINS_MAX 16
#define CORS_TEXT_MAX 512 /* bytes of all together, with NUL */

/* What pages on a developer's machine could call the replaced platform from. */
#define CORS_DEVELOPMENT                                                                           \
    "http://localhost:3000,http://localhost:3001,http://localhost:5173,http://localhost:8080,"     \
    "http://localhost:4200,http://127.0.0.1:3000,http://127.0.0.1:5173,http://127.0.0.1:8080"

struct cors {
    char text[CORS_TEXT_MAX];
    struct slice origins[CORS_ORIGINS_MAX]; /* in text */
    uint32_t count;
};

/* "https://app.example, http://localhost:3000": schemes with hosts, between commas; an empty text
 * is an empty list. False: it is none, or a longer one. `c` must stay where it is. */
must_check bool cors_parse(const char *text, struct cors *c);

/* The origin as it is listed; empty: it is not, or none was given. */
struct slice cors_find(const struct cors *c, struct slice origin);

#endif
