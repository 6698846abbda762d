/* SPDX-License-Identifier: Apache-2.0 */
/* JWKS: where an issuer's key set comes from - a fixed document, a file or a URL - and its refresh
 * by one thread per source: every ten minutes and when a token names an unknown key, at most one
 * at a time. A refresh that fails keeps the keys, for a day at most. */
#ifndef AUTH_JWKS_H
#define AUTH_JWKS_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway_bridge/auth/key_set.h"
#include "runtime/base/check.h"
#include "runtime/base/slice.h"

#define JWKS_TIMEOUT_MS 3000          /* of one fetch, from the first packet to the last byte */
#define JWKS_REFRESH_S 600            /* while all is well */
#define JWKS_COOLDOWN_S 30            /* between refreshes, whoever asks and however they end */
#define JWKS_STALE_MAX_S (24 * 3600)  /* keys older than this verify nothing */
#define JWKS_ERROR_MAX 256

struct jwks;

/* One of document, file and url is set. Text is borrowed for the life of the source. */
struct jwks_options {
    struct slice document; /* never refreshed */
    const char *file;
    const char *url;       /* https://, or http:// to a loopback address */
    const char *ca_file;   /* NULL = the system's authorities */
    /* Told of new keys, and of what is wrong with them or with getting them, one line each, on the
     * thread of the source (or of the caller, while it starts). NULL = silent. */
    void (*report)(void *arg, bool wrong, const char *line);
    void *report_arg;
    uint32_t cooldown_s; /* 0 = JWKS_COOLDOWN_S */
    uint32_t refresh_s;  /* 0 = JWKS_REFRESH_S */
    uint32_t stale_max_s; /* 0 = JWKS_STALE_MAX_S */
};

/* What is wrong with a URL, as a phrase about it; NULL = it may be asked. */
const char *jwks_url_fault(const char *url);

/* Documents and files are read before this returns and must be good; a URL is asked by the thread,
 * so an identity server that comes up later is no reason not to start. NULL with one line in
 * `error`. */
must_check struct jwks *jwks_start(const struct jwks_options *o, char error[JWKS_ERROR_MAX]);

/* Waits for a running fetch (at most JWKS_TIMEOUT_MS). NULL; takes NULL. */
struct jwks *jwks_stop(struct jwks *j);

/* Changes with every new set. One atomic read, any thread. */
uint64_t jwks_generation(const struct jwks *j);

/* The set in use and its generation. The caller owns a reference. Any thread. */
struct key_set *jwks_take(struct jwks *j, uint64_t *generation);

/* A token named an unknown key: refresh soon, unless the last refresh was less than the cooldown
 * ago. Never blocks on the fetch. Any thread. */
void jwks_want(struct jwks *j);

/* It has keys. Any thread. */
bool jwks_ready(struct jwks *j);

#endif
