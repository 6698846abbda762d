/* SPDX-License-Identifier: Apache-2.0 */
/* Config: every setting of payd in one table. Each is an environment variable and a flag of the
 * same name (DATABASE_URL, --database-url); the flag wins. */
#ifndef BIN_CONFIG_H
#define BIN_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "gateway_bridge/auth/token.h"
#include "gateway_bridge/cors.h"
#include "gateway_bridge/http/address.h"
#include "runtime/base/check.h"
#include "runtime/observe/log.h"
#include "schemas/route.h"

#define CONFIG_TEXT_MAX 512   /* bytes of a text setting, with NUL */
#define CONFIG_REASON_MAX 512 /* bytes, with NUL */

struct config_rate {
    uint64_t per_s; /* 0 = no limit */
    uint64_t burst;
};

/* Where one of catalog_services is served. */
struct config_service {
    bool open;
    uint16_t port; /* 0 = a free one */
};

#define CONFIG_SERVICES 6

struct config {
    char database_url[CONFIG_TEXT_MAX];
    char host[CONFIG_TEXT_MAX];
    uint64_t port;
    char service_ports[CONFIG_TEXT_MAX];
    char service_name[CONFIG_TEXT_MAX];
    char service_port[CONFIG_TEXT_MAX];
    struct config_service services[CONFIG_SERVICES]; /* parsed from those three */
    uint64_t loops;
    uint64_t shards;
    uint64_t readers;
    uint64_t resident_max;
    uint64_t dedup_entries_max;
    uint64_t key_filter_mb;
    uint64_t journal_quota_mb;
    uint64_t key_merge_keys;
    char metrics_listen[CONFIG_TEXT_MAX];
    uint64_t address_connections;
    char gateway_addresses[CONFIG_TEXT_MAX];
    struct address_list gateways; /* parsed gateway_addresses */
    char cors_origins[CONFIG_TEXT_MAX];
    struct cors cors; /* parsed cors_origins */
    bool rate_limits;
    struct config_rate client_rate, subject_rate, address_rate;
    char operator_socket[CONFIG_TEXT_MAX];
    char wso2_is_url[CONFIG_TEXT_MAX];
    char token_issuer[CONFIG_TEXT_MAX];
    char token_audience[CONFIG_TEXT_MAX];
    char token_typ[CONFIG_TEXT_MAX];
    uint32_t token_typs; /* parsed token_typ, of enum token_typ */
    uint64_t token_lifetime_s;
    char jwks_url[CONFIG_TEXT_MAX];
    char jwks_file[CONFIG_TEXT_MAX];
    char jwks_ca_file[CONFIG_TEXT_MAX];
    char tenant_claim[CONFIG_TEXT_MAX];
    char tenant_default[CONFIG_TEXT_MAX];
    bool dev_issuer;
    bool pin_cpus;
    char log_level[CONFIG_TEXT_MAX];
    enum log_level level; /* parsed log_level */
    char data_directory[CONFIG_TEXT_MAX]; /* from database_url */
    char metrics_host[CONFIG_TEXT_MAX];   /* from metrics_listen; empty = no address of its own */
    uint64_t metrics_port;
};

enum config_request {
    CONFIG_RUN,
    CONFIG_HELP,
    CONFIG_PRINT,
    CONFIG_VERSION,
    CONFIG_WRONG, /* reason says what, in one line */
};

/* Defaults, then the environment, then the arguments; checks each value, and that they fit
 * together. */
must_check enum config_request config_read(struct config *c, int argc, char **argv,
                                           char reason[CONFIG_REASON_MAX]);

void config_help(FILE *out);
void config_print(const struct config *c, FILE *out);

#endif
