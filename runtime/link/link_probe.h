/* SPDX-License-Identifier: Apache-2.0 */
/* Link probe: does a process listen at a Unix socket? Waits for the first byte that NNG sends on
 * each connection: NNG 1.5.2 stops accepting for good when a connection ends before it was greeted,
 * and its own dialling has no time limit. */
#ifndef LINK_LINK_PROBE_H
#define LINK_LINK_PROBE_H

#include <stdint.h>

#define LINK_PATH_MAX 100 /* bytes of a socket's path; the system allows 107 */
#define LINK_PROBE_MS 1000 /* how long a process that listens may take to greet */

enum link_probe {
    LINK_PROBE_ANSWERS,
    LINK_PROBE_ABSENT,   /* no such file */
    LINK_PROBE_STALE,    /* a socket, but no process behind it */
    LINK_PROBE_SILENT,   /* a process that does not greet in time */
    LINK_PROBE_NO_SOCKET, /* another kind of file */
    LINK_PROBE_DENIED,
    LINK_PROBE_PATH,     /* empty or too long */
};

/* Blocks for at most timeout_ms. */
enum link_probe link_probe(const char *path, uint32_t timeout_ms);

/* Static text. */
const char *link_probe_text(enum link_probe p);

#endif
