/* SPDX-License-Identifier: Apache-2.0 */
/* payd: the parts of the node process, for the files that make them. payd.c puts them together and
 * takes them apart; payd_node.c has data and scheduler, payd_identity.c what tokens are accepted,
 * payd_listener.c what serves HTTP. Made and stopped on loop 0's thread. */
#ifndef BIN_PAYD_H
#define BIN_PAYD_H

#include "bin/config.h"
#include "bin/payd_identity.h"
#include "bin/payd_listener.h"
#include "bin/payd_node.h"
#include "gateway_bridge/operator/operator.h"
#include "runtime/observe/log.h"

#define PAYD_VERSION "0.1.0"
#define PAYD_REASON_MAX 512 /* bytes of why something cannot start */
#define PAYD_STOP_SIGNALS 2

struct payd {
    struct config config;
    struct log log;
    struct payd_node node;
    struct payd_identity identity;
    struct payd_listeners listeners;
    struct operator* operator;

    /* Loop 0's thread. */
    uv_signal_t signals[PAYD_STOP_SIGNALS];
    struct alarm stop_alarm;
    uint16_t serving; /* listeners and link that have not stopped */
    bool stopping;
    int exit_code;
};

#endif
