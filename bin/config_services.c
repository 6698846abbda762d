/* SPDX-License-Identifier: Apache-2.0 */
/* The ports that clients of the replaced platform know are opened without being asked for, but only
 * beside the port that they know too: a second node, or a test, that is moved to another PORT takes
 * none that somebody else may have. */
#include "bin/config_services.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "schemas/catalog.h"

static bool config_services_wrong(char reason[CONFIG_REASON_MAX], const char *name,
                                  const char *value, const char *rule)
{
    snprintf(reason, CONFIG_REASON_MAX, "%s is '%.200s', but must be %s", name, value, rule);
    return false;
}

/* Takes a port's number off the text; false: there is none. */
static bool config_services_number(const char **text, uint16_t *port)
{
    char *end;
    unsigned long number = strtoul(*text, &end, 10);
    if (!isdigit((unsigned char)**text) || number > UINT16_MAX)
        return false;
    *text = end;
    *port = (uint16_t)number;
    return true;
}

static bool config_services_run(struct config *c, uint16_t first)
{
    if (first == 0 || first > UINT16_MAX - CONFIG_SERVICES + 1)
        return false;
    for (uint16_t i = 0; i < CONFIG_SERVICES; i++)
        c->services[i] = (struct config_service){true, (uint16_t)(first + i)};
    return true;
}

static bool config_services_any(struct config *c)
{
    for (size_t i = 0; i < CONFIG_SERVICES; i++)
        c->services[i] = (struct config_service){.open = true};
    return true;
}

/* All six, each a number: 0 is a free one. */
static bool config_services_list(struct config *c, const char *text)
{
    for (size_t i = 0; i < CONFIG_SERVICES; i++) {
        struct config_service *s = &c->services[i];
        if ((i > 0 && *text++ != ',') || !config_services_number(&text, &s->port))
            return false;
        s->open = true;
        for (size_t k = 0; k < i; k++) {
            if (s->port != 0 && c->services[k].port == s->port)
                return false;
        }
    }
    return *text == '\0';
}

static bool config_services_parse(struct config *c, const char *text)
{
    const char *base = "base:", *rest = text;
    uint16_t first = 0, last = 0;
    if (strcmp(text, "off") == 0)
        return true;
    if (strcmp(text, "0") == 0)
        return config_services_any(c);
    if (strncmp(text, base, strlen(base)) == 0) {
        rest = text + strlen(base);
        return config_services_number(&rest, &first) && *rest == '\0' &&
               config_services_run(c, first);
    }
    if (config_services_number(&rest, &first) && *rest++ == '-')
        return config_services_number(&rest, &last) && *rest == '\0' &&
               last == first + CONFIG_SERVICES - 1 && config_services_run(c, first);
    return config_services_list(c, text);
}

/* "rule-engine", as settings of the replaced platform have it, is rule_engine. */
static bool config_services_is(const char *name, const char *given)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++) {
        if ((given[i] == '-' ? '_' : given[i]) != name[i])
            return false;
    }
    given += len;
    return *given == '\0' || strcmp(given, "-service") == 0 || strcmp(given, "_service") == 0;
}

static bool config_services_one(struct config *c, char reason[CONFIG_REASON_MAX])
{
    const char *rest = c->service_port;
    uint16_t port;
    if (!config_services_number(&rest, &port) || *rest != '\0')
        return config_services_wrong(reason, "SERVICE_PORT", c->service_port,
                                     "a number from 0 to 65535, with SERVICE_NAME");
    for (size_t i = 0; i < CONFIG_SERVICES; i++) {
        if (config_services_is(catalog_services[i].name, c->service_name)) {
            c->services[i] = (struct config_service){true, port};
            snprintf(c->service_ports, sizeof c->service_ports, "off");
            return true;
        }
    }
    return config_services_wrong(reason, "SERVICE_NAME", c->service_name,
                                 "forex, ledger, payment, profile, rule_engine or wallet, with "
                                 "SERVICE_PORT");
}

static bool config_services_apart(const struct config *c, char reason[CONFIG_REASON_MAX])
{
    for (size_t i = 0; i < CONFIG_SERVICES; i++) {
        const struct config_service *s = &c->services[i];
        if (s->open && s->port == c->port) {
            snprintf(reason, CONFIG_REASON_MAX, "port %u is both PORT and that of the %s",
                     (unsigned)s->port, catalog_services[i].title);
            return false;
        }
    }
    return true;
}

bool config_derive_services(struct config *c, char reason[CONFIG_REASON_MAX])
{
    check(catalog_service_count == CONFIG_SERVICES);
    if (c->service_name[0] != '\0' || c->service_port[0] != '\0')
        return config_services_one(c, reason) && config_services_apart(c, reason);
    if (c->service_ports[0] == '\0')
        snprintf(c->service_ports, sizeof c->service_ports, "%s",
                 c->port == strtoul(CONFIG_PORT, NULL, 10) ? CONFIG_SERVICE_PORTS : "off");
    if (!config_services_parse(c, c->service_ports))
        return config_services_wrong(reason, "SERVICE_PORTS", c->service_ports,
                                     "six different ports between commas, a range of six, base:N, "
                                     "0 or off");
    return config_services_apart(c, reason);
}
