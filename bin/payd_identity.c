/* SPDX-License-Identifier: Apache-2.0 */
/* With TOKEN_ISSUER the keys come from JWKS_URL or JWKS_FILE; with DEV_ISSUER on each loop has an
 * issuer over the same key files in the data directory, and the first one's public keys are those
 * accepted. A verifier has its cache for itself, so each loop has one; all else is shared. */
#include "bin/payd_identity.h"

#include <stdio.h>
#include <string.h>

#include "bin/payd.h"
#include "bin/payd_fail.h"
#include "schemas/catalog.h"

static void payd_report_keys(void *arg, bool wrong, const char *line)
{
    struct payd *p = arg;
    LOG_AT(&p->log, wrong ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "token_keys",
           log_text("message", line), {0});
}

static bool payd_use_keys(struct payd *p, const struct jwks_options *options, const char *setting)
{
    char what[64], reason[JWKS_ERROR_MAX];
    p->identity.keys = jwks_start(options, reason);
    snprintf(what, sizeof what, "the keys of %s cannot be used", setting);
    return p->identity.keys != NULL || payd_fail(what, reason);
}

bool payd_identity_fetch_keys(struct payd *p)
{
    const struct config *c = &p->config;
    bool file = c->jwks_file[0] != '\0';
    struct jwks_options options = {
        .file = file ? c->jwks_file : NULL,
        .url = file ? NULL : c->jwks_url,
        .ca_file = c->jwks_ca_file[0] != '\0' ? c->jwks_ca_file : NULL,
        .report = payd_report_keys,
        .report_arg = p,
    };
    return c->token_issuer[0] == '\0' ||
           payd_use_keys(p, &options, file ? "JWKS_FILE" : "JWKS_URL");
}

/* Unless there are keys of another issuer. */
static bool payd_use_issuer_keys(struct payd *p)
{
    if (p->identity.keys != NULL)
        return true;
    const struct jwks_options options = {
        .document = issuer_jwks(p->identity.loops[0].issuer),
        .report = payd_report_keys,
        .report_arg = p,
    };
    return payd_use_keys(p, &options, "the development issuer");
}

/* Each scope once, in the order of the routes. */
static void payd_list_scopes(char *text, size_t size)
{
    struct token_scopes scopes = {0};
    for (uint32_t i = 0; i < catalog_route_count; i++) {
        token_scope_bit(&scopes, catalog_routes[i].scope);
        token_scope_bit(&scopes, catalog_routes[i].any_owner_scope);
        token_scope_bit(&scopes, catalog_routes[i].adjust_scope);
    }
    size_t n = 0;
    for (uint32_t i = 0; i < scopes.count && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", i == 0 ? "" : " ", scopes.names[i]);
    check(n < size);
}

static bool payd_start_issuer(struct payd *p, struct payd_loop_identity *l)
{
    const struct config *c = &p->config;
    if (!c->dev_issuer)
        return true;
    char directory[CONFIG_TEXT_MAX + 16], url[CONFIG_TEXT_MAX + 32], scopes[ISSUER_SCOPES_MAX];
    snprintf(directory, sizeof directory, "%s/issuer", c->data_directory);
    snprintf(url, sizeof url, strchr(c->host, ':') != NULL ? "http://[%s]:%u" : "http://%s:%u",
             c->host, (unsigned)c->port);
    payd_list_scopes(scopes, sizeof scopes);
    struct issuer_options options = {
        .directory = directory, .url = url, .listen_address = c->host, .scopes = scopes};
    char reason[ISSUER_ERROR_MAX];
    l->issuer = issuer_start(&options, reason);
    return l->issuer != NULL || payd_fail("the development issuer cannot start", reason);
}

static bool payd_make_verifier(struct payd *p, struct payd_loop_identity *l)
{
    const struct config *c = &p->config;
    struct payd_identity *i = &p->identity;
    struct token_policy policy = {
        .issuer_count = 1, .scopes = &i->scopes, .revocations = i->revocations};
    if (c->token_issuer[0] != '\0')
        policy.issuers[0] = (struct token_issuer){
            .issuer = c->token_issuer,
            .audiences = {c->token_audience},
            .audience_count = 1,
            .typs = c->token_typs,
            .lifetime_max_s = (uint32_t)c->token_lifetime_s,
            .tenant_claim = c->tenant_claim,
            .tenant_default = c->tenant_default[0] != '\0' ? c->tenant_default : NULL,
            .keys = i->keys,
        };
    else
        policy.issuers[0] = issuer_rules(l->issuer, i->keys);
    l->verifier = token_verifier_new(&policy);
    return l->verifier != NULL || payd_fail("out of memory", NULL);
}

static bool payd_open_revocations(struct payd *p)
{
    char reason[REVOCATIONS_ERROR_MAX];
    const struct config *c = &p->config;
    uint32_t lifetime_s =
        c->token_issuer[0] != '\0' ? (uint32_t)c->token_lifetime_s : ISSUER_LIFETIME_S;
    p->identity.revocations = revocations_open(c->data_directory, lifetime_s, reason);
    return p->identity.revocations != NULL ||
           payd_fail("the list of revoked tokens cannot be used", reason);
}

static bool payd_make_rate_limit(const struct config_rate *rate, struct rate_limit **limit)
{
    if (rate->per_s == 0)
        return true;
    *limit = rate_limit_new((uint32_t)rate->per_s, (uint32_t)rate->burst);
    return *limit != NULL || payd_fail("out of memory", NULL);
}

static bool payd_make_rate_limits(struct payd *p)
{
    const struct config *c = &p->config;
    struct rate_limits *limits = &p->identity.rate_limits;
    return payd_make_rate_limit(&c->client_rate, &limits->client) &&
           payd_make_rate_limit(&c->subject_rate, &limits->subject) &&
           payd_make_rate_limit(&c->address_rate, &limits->address);
}

bool payd_identity_make(struct payd *p)
{
    struct payd_identity *i = &p->identity;
    if (!payd_open_revocations(p) || !payd_make_rate_limits(p))
        return false;
    i->loop_count = node_loops(p->node.node);
    for (uint16_t k = 0; k < i->loop_count; k++) {
        struct payd_loop_identity *l = &i->loops[k];
        if (!payd_start_issuer(p, l) || (k == 0 && !payd_use_issuer_keys(p)) ||
            !payd_make_verifier(p, l))
            return false;
    }
    return true;
}

void payd_identity_free(struct payd_identity *i)
{
    for (uint16_t k = 0; k < i->loop_count; k++) {
        i->loops[k].verifier = token_verifier_free(i->loops[k].verifier);
        i->loops[k].issuer = issuer_stop(i->loops[k].issuer);
    }
    i->keys = jwks_stop(i->keys);
    i->rate_limits.client = rate_limit_free(i->rate_limits.client);
    i->rate_limits.subject = rate_limit_free(i->rate_limits.subject);
    i->rate_limits.address = rate_limit_free(i->rate_limits.address);
    i->revocations = revocations_close(i->revocations);
}
