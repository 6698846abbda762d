/* SPDX-License-Identifier: Apache-2.0 */
/* Each setting is a row of `settings`: its default, then its environment variable, then its flag
 * are parsed and checked by its type. What follows from several settings is derived afterwards
 * (config_derive_...), with the reason why they do not fit together. */
#include "bin/config.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bin/config_services.h"
#include "bin/wrap.h"
#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/auth/jwks.h"
#include "runtime/base/utf8.h"

#define HELP_NAME_WIDTH 19 /* of the longest setting */
#define HELP_FLAG_WIDTH 21
#define HELP_INDENT (2 + HELP_NAME_WIDTH + 1 + HELP_FLAG_WIDTH + 1)
#define HELP_DOC_MAX 512

enum setting_type { SETTING_TEXT, SETTING_NUMBER, SETTING_SWITCH };

struct setting {
    const char *name; /* of the environment variable */
    enum setting_type type;
    size_t offset;
    const char *initial;
    uint64_t min, max;
    const char *doc;
};

#define TEXT(NAME, FIELD, INITIAL, DOC)                                                            \
    {NAME, SETTING_TEXT, offsetof(struct config, FIELD), INITIAL, 0, 0, DOC}
#define NAMED(NAME, FIELD, INITIAL, DOC) /* a text that may not be empty */                        \
    {                                                                                              \
        NAME, SETTING_TEXT, offsetof(struct config, FIELD), INITIAL, 1, CONFIG_TEXT_MAX - 1, DOC   \
    }
#define NUMBER(NAME, FIELD, INITIAL, MIN, MAX, DOC)                                                \
    {NAME, SETTING_NUMBER, offsetof(struct config, FIELD), INITIAL, MIN, MAX, DOC}
#define SWITCH(NAME, FIELD, INITIAL, DOC)                                                          \
    {NAME, SETTING_SWITCH, offsetof(struct config, FIELD), INITIAL, 0, 0, DOC}

static const struct setting settings[] = {
    TEXT("DATABASE_URL", database_url, "sqlite:./data",
         "where the journal and the views are kept: sqlite:DIRECTORY"),
    TEXT("HOST", host, "127.0.0.1", "address to serve HTTP on"),
    NUMBER("PORT", port, CONFIG_PORT, 1, 65535, "port to serve HTTP on, with all operations"),
    TEXT(
        "SERVICE_PORTS", service_ports, "",
        "ports of the six services, each with its own operations and in the types of the platform "
        "they replace: six numbers between commas or a range, for forex, ledger, payment, profile, "
        "rule engine and wallet; base:N = N and the five after it; 0 = free ones, which the log "
        "names; off; empty = " CONFIG_SERVICE_PORTS ", or off where PORT is not " CONFIG_PORT),
    TEXT("SERVICE_NAME", service_name, "", "of the six services only this one, on SERVICE_PORT"),
    TEXT("SERVICE_PORT", service_port, "", "its port"),
    TEXT("OPERATOR_SOCKET", operator_socket, "",
         "Unix socket for payctl; empty = payd.sock in the data directory"),
    TEXT("METRICS_LISTEN", metrics_listen, "",
         "HOST:PORT to serve /metrics on; empty = with the API, if HOST is a loopback address"),
    NUMBER("LOOPS", loops, "1", 1, 64, "scheduler threads, each with its own HTTP listener"),
    NUMBER("SHARDS", shards, "1", 1, 256,
           "shards of the deployment, fixed when it is created; each has its range of ids"),
    NUMBER(
        "READERS", readers, "2", 1, 8,
        "threads that read lists; as many more, but one for each shard at most, read cold actors"),
    NUMBER("RESIDENT_MAX", resident_max, "4000000", 1000, 1000000000,
           "accounts, wallets, payments and other actors kept in memory, for each shard"),
    NUMBER("DEDUP_ENTRIES_MAX", dedup_entries_max, "8000000", 10000, 1000000000,
           "idempotency keys and transfer ids whose outcome is remembered in memory, for each "
           "shard"),
    NUMBER("KEY_FILTER_MB", key_filter_mb, "32", 1, 65536,
           "MiB of memory of the filter over the idempotency keys of 31 days, for each shard; with "
           "less than a MiB for 800,000 keys, new ones are looked up in the filters that the store "
           "keeps, of which as much again stays in memory"),
    NUMBER("KEY_MERGE_KEYS", key_merge_keys, "25600", 100, 10000000,
           "keys that one transaction of the views sorts into larger runs; lists wait for it"),
    NUMBER("JOURNAL_QUOTA_MB", journal_quota_mb, "65536", 0, 1000000000,
           "MiB that the requests of each tenant may add to the journal in a day, in each shard; "
           "0 = no limit"),
    SWITCH("PIN_CPUS", pin_cpus, "off", "keep scheduler threads on processors of their own"),
    TEXT("WSO2_IS_URL", wso2_is_url, "",
         "identity server: sets TOKEN_ISSUER and JWKS_URL unless they are given"),
    TEXT("TOKEN_ISSUER", token_issuer, "", "exact issuer of access tokens"),
    NAMED("TOKEN_AUDIENCE", token_audience, "payment-platform", "audience a token must name"),
    TEXT("TOKEN_TYP", token_typ, "at+jwt",
         "what typ in a token's header may be, between commas: at+jwt, JWT (as Keycloak and Auth0 "
         "write it), none (as Cognito leaves it out)"),
    NUMBER("TOKEN_LIFETIME_S", token_lifetime_s, "3600", 60, 2592000,
           "seconds that a token may live; revocations are kept as long"),
    TEXT("JWKS_URL", jwks_url, "", "where the issuer's keys are (https, or http on loopback)"),
    TEXT("JWKS_FILE", jwks_file, "", "the issuer's keys in a file, instead of JWKS_URL"),
    TEXT("JWKS_CA_FILE", jwks_ca_file, "", "authority that signs the certificate of JWKS_URL"),
    NAMED("TENANT_CLAIM", tenant_claim, "tenant", "claim that names the tenant"),
    TEXT("TENANT_DEFAULT", tenant_default, "",
         "tenant of tokens without that claim; empty = such tokens are refused"),
    SWITCH("RATE_LIMITS", rate_limits, "on",
           "limit how much clients, users and addresses may send, as the next six say"),
    NUMBER("RATE_LIMIT_PER_S", client_rate.per_s, "2000", 0, 1000000,
           "requests a second that each client may send; 0 = no limit"),
    NUMBER("RATE_LIMIT_BURST", client_rate.burst, "10000", 0, 10000000,
           "requests that it may send at once; 0 = those of one second"),
    NUMBER("SUBJECT_PER_S", subject_rate.per_s, "100", 0, 1000000,
           "the same of each user of a client, so that one does not lock out the others"),
    NUMBER("SUBJECT_BURST", subject_rate.burst, "500", 0, 10000000, "and at once"),
    NUMBER("ADDRESS_PER_S", address_rate.per_s, "100", 0, 1000000,
           "the same of each address, of documents and of what has no good token, which counts "
           "five times"),
    NUMBER("ADDRESS_BURST", address_rate.burst, "500", 0, 10000000, "and at once"),
    NUMBER("ADDRESS_CONNECTIONS", address_connections, "1000", 1, 1000000,
           "connections that one address may have; of IPv6 that is a network of 64 bits"),
    TEXT("GATEWAY_ADDRESSES", gateway_addresses, "",
         "addresses or networks of gateways in front, between commas: for them no limit of an "
         "address holds"),
    TEXT("CORS_ORIGINS", cors_origins, "",
         "origins whose pages may call from a browser, like https://app.example, between commas; "
         "off = none; empty = with DEV_ISSUER those that the replaced platform took, else none"),
    SWITCH("DEV_ISSUER", dev_issuer, "off",
           "issue tokens for development; on loopback addresses only"),
    TEXT("LOG_LEVEL", log_level, "info", "debug, info, warn, error or off"),
};

static char *config_text_of(struct config *c, const struct setting *s)
{
    return (char *)c + s->offset;
}

/* DATABASE_URL -> --database-url */
static void config_flag_name(const struct setting *s, char flag[64])
{
    size_t n = 0;
    flag[n++] = '-';
    flag[n++] = '-';
    for (const char *p = s->name; *p != '\0' && n < 63; p++)
        flag[n++] = *p == '_' ? '-' : (char)tolower((unsigned char)*p);
    flag[n] = '\0';
}

static bool config_wrong(char reason[CONFIG_REASON_MAX], const char *name, const char *value,
                         const char *rule)
{
    snprintf(reason, CONFIG_REASON_MAX, "%s is '%.200s', but must be %s", name, value, rule);
    return false;
}

static bool config_set_number(struct config *c, const struct setting *s, const char *value,
                              char reason[CONFIG_REASON_MAX])
{
    char rule[96];
    snprintf(rule, sizeof rule, "a number from %llu to %llu", (unsigned long long)s->min,
             (unsigned long long)s->max);
    char *end = NULL;
    errno = 0;
    unsigned long long number = strtoull(value, &end, 10);
    if (!isdigit((unsigned char)value[0]) || *end != '\0' || errno != 0 || number < s->min ||
        number > s->max)
        return config_wrong(reason, s->name, value, rule);
    *(uint64_t *)((char *)c + s->offset) = number;
    return true;
}

static bool config_set_text(struct config *c, const struct setting *s, const char *value,
                            char reason[CONFIG_REASON_MAX])
{
    if (strlen(value) >= CONFIG_TEXT_MAX)
        return config_wrong(reason, s->name, value, "shorter than 512 bytes");
    for (const char *at = value; *at != '\0'; at++) {
        if (iscntrl((unsigned char)*at))
            return config_wrong(reason, s->name, value, "without control characters");
    }
    if (value[0] == '\0' && s->min > 0)
        return config_wrong(reason, s->name, value, s->doc);
    memcpy(config_text_of(c, s), value, strlen(value) + 1);
    return true;
}

static bool config_set(struct config *c, const struct setting *s, const char *value,
                       char reason[CONFIG_REASON_MAX])
{
    switch (s->type) {
    case SETTING_TEXT:
        return config_set_text(c, s, value, reason);
    case SETTING_NUMBER:
        return config_set_number(c, s, value, reason);
    case SETTING_SWITCH:
        if (strcmp(value, "on") != 0 && strcmp(value, "off") != 0)
            return config_wrong(reason, s->name, value, "on or off");
        *(bool *)((char *)c + s->offset) = strcmp(value, "on") == 0;
        return true;
    }
    return false;
}

static const struct setting *config_find_flag(const char *argument, size_t len)
{
    for (size_t i = 0; i < array_len(settings); i++) {
        char flag[64];
        config_flag_name(&settings[i], flag);
        if (strlen(flag) == len && memcmp(flag, argument, len) == 0)
            return &settings[i];
    }
    return NULL;
}

static enum config_request config_read_arguments(struct config *c, int argc, char **argv,
                                                 char reason[CONFIG_REASON_MAX])
{
    enum config_request request = CONFIG_RUN;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return CONFIG_HELP;
        if (strcmp(argv[i], "--version") == 0)
            return CONFIG_VERSION;
        if (strcmp(argv[i], "--print-config") == 0) {
            request = CONFIG_PRINT;
            continue;
        }
        const char *equals = strchr(argv[i], '=');
        size_t len = equals == NULL ? strlen(argv[i]) : (size_t)(equals - argv[i]);
        const struct setting *s = config_find_flag(argv[i], len);
        if (s == NULL) {
            snprintf(reason, CONFIG_REASON_MAX, "unknown argument '%.200s'; --help lists them all",
                     argv[i]);
            return CONFIG_WRONG;
        }
        const char *value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[++i] : NULL;
        if (value == NULL) {
            snprintf(reason, CONFIG_REASON_MAX, "%s needs a value", argv[i]);
            return CONFIG_WRONG;
        }
        if (!config_set(c, s, value, reason))
            return CONFIG_WRONG;
    }
    return request;
}

/* --- what must fit together ------------------------------------------------------------------- */

static bool config_derive_directory(struct config *c, char reason[CONFIG_REASON_MAX])
{
    const char *prefix = "sqlite:";
    if (strncmp(c->database_url, prefix, strlen(prefix)) != 0 ||
        c->database_url[strlen(prefix)] == '\0') {
        snprintf(reason, CONFIG_REASON_MAX,
                 "DATABASE_URL is '%.200s', but this version keeps its data in a directory: "
                 "sqlite:DIRECTORY",
                 c->database_url);
        return false;
    }
    snprintf(c->data_directory, sizeof c->data_directory, "%s",
             c->database_url + strlen(prefix));
    if (c->operator_socket[0] == '\0' &&
        snprintf(c->operator_socket, sizeof c->operator_socket, "%s/payd.sock",
                 c->data_directory) >= (int)sizeof c->operator_socket) {
        snprintf(reason, CONFIG_REASON_MAX, "the directory in DATABASE_URL has too long a name");
        return false;
    }
    return true;
}

static bool config_is_address(const char *text)
{
    struct sockaddr_in four;
    struct sockaddr_in6 six;
    return uv_ip4_addr(text, 0, &four) == 0 || uv_ip6_addr(text, 0, &six) == 0;
}

static bool config_check_host(const struct config *c, char reason[CONFIG_REASON_MAX])
{
    if (!config_is_address(c->host))
        return config_wrong(reason, "HOST", c->host, "an IPv4 or IPv6 address");
    if (!c->dev_issuer || issuer_loopback(c->host))
        return true;
    snprintf(reason, CONFIG_REASON_MAX,
             "DEV_ISSUER is on, but HOST is '%.64s': the development issuer gives tokens to "
             "anybody, so it only works on a loopback address; set WSO2_IS_URL, or JWKS_URL with "
             "TOKEN_ISSUER, instead",
             c->host);
    return false;
}

/* Of keys that are fetched: from where, and how it is known that they come from there. */
static bool config_check_keys(const struct config *c, bool derived, char reason[CONFIG_REASON_MAX])
{
    const char *fault = c->jwks_url[0] != '\0' ? jwks_url_fault(c->jwks_url) : NULL;
    bool unused = c->jwks_ca_file[0] != '\0' && c->jwks_url[0] == '\0';
    if (unused)
        snprintf(reason, CONFIG_REASON_MAX, "JWKS_CA_FILE is set, but no JWKS_URL that it is for");
    else if (fault != NULL)
        snprintf(reason, CONFIG_REASON_MAX, "%s cannot be used: '%.200s' %s",
                 derived ? "WSO2_IS_URL" : "JWKS_URL", derived ? c->wso2_is_url : c->jwks_url,
                 fault);
    return !unused && fault == NULL;
}

static bool config_derive_issuer(struct config *c, char reason[CONFIG_REASON_MAX])
{
    bool derived = false;
    if (c->wso2_is_url[0] != '\0') {
        int n = (int)strlen(c->wso2_is_url);
        while (n > 0 && c->wso2_is_url[n - 1] == '/')
            n--;
        if (n > CONFIG_TEXT_MAX - 32) {
            snprintf(reason, CONFIG_REASON_MAX, "WSO2_IS_URL is too long");
            return false;
        }
        if (c->token_issuer[0] == '\0')
            snprintf(c->token_issuer, sizeof c->token_issuer, "%.*s/oauth2/token", n,
                     c->wso2_is_url);
        derived = c->jwks_url[0] == '\0' && c->jwks_file[0] == '\0';
        if (derived)
            snprintf(c->jwks_url, sizeof c->jwks_url, "%.*s/oauth2/jwks", n, c->wso2_is_url);
    }
    const char *problem = NULL;
    bool keys = c->jwks_url[0] != '\0' || c->jwks_file[0] != '\0';
    if (c->jwks_url[0] != '\0' && c->jwks_file[0] != '\0')
        problem = "JWKS_URL and JWKS_FILE are both set: choose one";
    else if (keys && c->token_issuer[0] == '\0')
        problem = "the issuer's keys are given, but not its name: set TOKEN_ISSUER";
    else if (!keys && c->token_issuer[0] != '\0')
        problem = "TOKEN_ISSUER is set, but not where its keys are: set JWKS_URL or JWKS_FILE";
    else if (!keys && !c->dev_issuer)
        problem = "nobody issues tokens: set WSO2_IS_URL, or JWKS_URL with TOKEN_ISSUER, or for "
                  "development DEV_ISSUER=on";
    if (problem != NULL)
        snprintf(reason, CONFIG_REASON_MAX, "%s", problem);
    return problem == NULL && config_check_keys(c, derived, reason);
}

static bool config_check_tenant(const struct config *c, char reason[CONFIG_REASON_MAX])
{
    size_t len = strlen(c->tenant_default);
    return (len <= TOKEN_TENANT_MAX && utf8_valid((const uint8_t *)c->tenant_default, len)) ||
           config_wrong(reason, "TENANT_DEFAULT", c->tenant_default, "at most 64 bytes of UTF-8");
}

static bool config_derive_typs(struct config *c, char reason[CONFIG_REASON_MAX])
{
    static const struct {
        const char *name;
        enum token_typ typ;
    } typs[] = {{"at+jwt", TOKEN_TYP_AT_JWT}, {"JWT", TOKEN_TYP_JWT}, {"none", TOKEN_TYP_ABSENT}};
    const char *rest = c->token_typ;
    c->token_typs = 0;
    while (*rest != '\0') {
        uint32_t len = (uint32_t)strcspn(rest, ", "), before = c->token_typs;
        for (size_t i = 0; i < array_len(typs); i++)
            c->token_typs |=
                slice_equal((struct slice){rest, len}, slice_of(typs[i].name)) ? typs[i].typ : 0;
        if (c->token_typs == before)
            break;
        rest += len + strspn(rest + len, ", ");
    }
    if (*rest == '\0' && c->token_typs != 0)
        return true;
    return config_wrong(reason, "TOKEN_TYP", c->token_typ,
                        "some of at+jwt, JWT and none, each once");
}

static void config_derive_rate(const struct config *c, struct config_rate *rate)
{
    if (!c->rate_limits)
        rate->per_s = 0;
    if (rate->burst == 0)
        rate->burst = rate->per_s;
}

/* HOST:PORT, where HOST may be an IPv6 address in brackets. */
static bool config_derive_metrics(struct config *c, char reason[CONFIG_REASON_MAX])
{
    const char *text = c->metrics_listen, *colon = strrchr(text, ':');
    if (text[0] == '\0')
        return true;
    size_t len = colon != NULL ? (size_t)(colon - text) : 0;
    char *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 0;
    bool bracketed = len > 2 && text[0] == '[' && text[len - 1] == ']';
    if (len == 0 || !isdigit((unsigned char)colon[1]) || *end != '\0' || port == 0 ||
        port > UINT16_MAX || (!bracketed && memchr(text, ':', len) != NULL)) {
        return config_wrong(reason, "METRICS_LISTEN", text, "HOST:PORT or [IPv6]:PORT");
    }
    snprintf(c->metrics_host, sizeof c->metrics_host, "%.*s", (int)(bracketed ? len - 2 : len),
             bracketed ? text + 1 : text);
    c->metrics_port = port;
    return config_is_address(c->metrics_host) ||
           config_wrong(reason, "METRICS_LISTEN", text, "an address, a colon and a port");
}

static bool config_derive_origins(struct config *c, char reason[CONFIG_REASON_MAX])
{
    if (c->cors_origins[0] == '\0')
        snprintf(c->cors_origins, sizeof c->cors_origins, "%s",
                 c->dev_issuer ? CORS_DEVELOPMENT : "off");
    bool off = strcmp(c->cors_origins, "off") == 0;
    return cors_parse(off ? "" : c->cors_origins, &c->cors) ||
           config_wrong(reason, "CORS_ORIGINS", c->cors_origins,
                        "at most 16 origins like https://app.example or http://localhost:3000, "
                        "without a path, between commas, or off");
}

static bool config_derive(struct config *c, char reason[CONFIG_REASON_MAX])
{
    config_derive_rate(c, &c->client_rate);
    config_derive_rate(c, &c->subject_rate);
    config_derive_rate(c, &c->address_rate);
    if (!log_level_parse(c->log_level, &c->level))
        return config_wrong(reason, "LOG_LEVEL", c->log_level, "debug, info, warn, error or off");
    if (!address_list_parse(c->gateway_addresses, &c->gateways))
        return config_wrong(reason, "GATEWAY_ADDRESSES", c->gateway_addresses,
                            "at most 32 addresses or networks, like 10.0.0.0/8, between commas");
    return config_derive_typs(c, reason) && config_derive_metrics(c, reason) &&
           config_derive_directory(c, reason) && config_derive_issuer(c, reason) &&
           config_check_tenant(c, reason) && config_check_host(c, reason) &&
           config_derive_services(c, reason) && config_derive_origins(c, reason);
}

enum config_request config_read(struct config *c, int argc, char **argv,
                                char reason[CONFIG_REASON_MAX])
{
    *c = (struct config){0};
    for (size_t i = 0; i < array_len(settings); i++) {
        const char *value = getenv(settings[i].name);
        if (!config_set(c, &settings[i], value != NULL ? value : settings[i].initial, reason))
            return CONFIG_WRONG;
    }
    enum config_request request = config_read_arguments(c, argc, argv, reason);
    if (request != CONFIG_RUN && request != CONFIG_PRINT)
        return request;
    return config_derive(c, reason) ? request : CONFIG_WRONG;
}

void config_help(FILE *out)
{
    fprintf(out, "payd - the node of the payment platform\n\n"
                 "usage: payd [--NAME VALUE ...]\n\n"
                 "Every setting is an environment variable and a flag of the same name; the flag "
                 "wins.\nIn brackets what it is otherwise:\n\n");
    for (size_t i = 0; i < array_len(settings); i++) {
        char flag[64], doc[HELP_DOC_MAX];
        const char *initial = settings[i].initial;
        config_flag_name(&settings[i], flag);
        snprintf(doc, sizeof doc, "%s%s%s%s", settings[i].doc, initial[0] != '\0' ? " (" : "",
                 initial, initial[0] != '\0' ? ")" : "");
        fprintf(out, "  %-*s %-*s ", HELP_NAME_WIDTH, settings[i].name, HELP_FLAG_WIDTH, flag);
        wrap_put(out, wrap_terminal_width(), HELP_INDENT, HELP_INDENT, slice_of(doc));
    }
    fprintf(out, "\n  --print-config     show the settings in force and leave\n"
                 "  --version          show the version and leave\n");
}

void config_print(const struct config *c, FILE *out)
{
    for (size_t i = 0; i < array_len(settings); i++) {
        const struct setting *s = &settings[i];
        const char *at = (const char *)c + s->offset;
        if (s->type == SETTING_TEXT)
            fprintf(out, "%s=%s\n", s->name, at);
        else if (s->type == SETTING_NUMBER)
            fprintf(out, "%s=%llu\n", s->name, (unsigned long long)*(const uint64_t *)at);
        else
            fprintf(out, "%s=%s\n", s->name, *(const bool *)at ? "on" : "off");
    }
}
