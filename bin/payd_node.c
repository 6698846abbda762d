/* SPDX-License-Identifier: Apache-2.0 */
/* Each step needs the one before: the store has the tables of the runtime's views and the
 * services', the node takes the store's lease under HOST:PID. A shard that stops for a reason takes
 * the whole process along: what was acknowledged is durable, and the next start recovers it. */
#include "bin/payd_node.h"

#include <stdio.h>
#include <unistd.h>

#include "actors/services.h"
#include "bin/payd.h"
#include "bin/payd_fail.h"
#include "runtime/dedup/key_run.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"

#define PAYD_VIEWS_MAX 64 /* tables of views, the runtime's and the services' */

static void payd_rebuilding(void *context, const char *reason)
{
    struct payd *p = context;
    LOG_WARN(&p->log, "views_rebuilding", log_text("reason", reason));
}

static void payd_shard_stopped(void *context, uint16_t shard, const char *reason)
{
    struct payd *p = context;
    if (reason[0] == '\0')
        return;
    LOG_ERROR(&p->log, "shard_stopped", log_uint("shard", shard), log_text("reason", reason));
    payd_fail("stopped", reason);
    p->node.failed(p);
}

static bool payd_open_store(struct payd *p)
{
    static const struct view_table *tables[PAYD_VIEWS_MAX];
    uint32_t count = 0;
    check(RUNTIME_VIEWS + catalog_view_count <= PAYD_VIEWS_MAX);
    for (uint32_t i = 0; i < RUNTIME_VIEWS; i++)
        tables[count++] = runtime_views[i];
    for (uint32_t i = 0; i < catalog_view_count; i++)
        tables[count++] = catalog_views[i];
    struct store_sqlite_options options = {
        .directory = p->config.data_directory,
        .tables = tables,
        .table_count = count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
        .shards = (uint16_t)p->config.shards,
        .rebuilding = payd_rebuilding,
        .context = p,
    };
    char reason[PAYD_REASON_MAX];
    enum err e = store_sqlite_open(&options, &p->node.store, reason, sizeof reason);
    return e == ERR_OK || payd_fail("the data cannot be opened", reason);
}

static bool payd_make_node(struct payd *p)
{
    const struct config *c = &p->config;
    char host[64] = "localhost";
    (void)gethostname(host, sizeof host - 1);
    snprintf(p->node.id, sizeof p->node.id, "%s:%d", host, (int)getpid());
    services_domain_init(&p->node.domain);
    struct node_options options = {
        .domain = &p->node.domain,
        .store = p->node.store,
        .shards = (uint16_t)c->shards,
        .loops = (uint16_t)c->loops,
        .readers = (uint16_t)c->readers,
        .pin_cpus = c->pin_cpus,
        .owner = slice_of(p->node.id),
        .resident_max = c->resident_max,
        .dedup_entries_max = c->dedup_entries_max,
        .filter_bytes = (size_t)c->key_filter_mb << 20,
        .merge_keys = c->key_merge_keys,
        .log = &p->log,
        .shard_stopped = payd_shard_stopped,
        .context = p,
    };
    enum err e = node_new(&options, &p->node.node);
    return e == ERR_OK || payd_fail("the node cannot be made", err_text(e));
}

bool payd_node_make(struct payd *p, void (*failed)(struct payd *p))
{
    p->node.failed = failed;
    return payd_open_store(p) && payd_make_node(p);
}

void payd_node_free(struct payd_node *n)
{
    n->node = node_free(n->node);
    n->store->ops->close(n->store);
    n->store = NULL;
}
