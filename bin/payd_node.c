/* SPDX-License-Identifier: Apache-2.0 */
/* Each step needs the one before: the stores have the tables of the services' views, the
 * node takes the journal's lease under HOST:PID. A shard that stops for a reason takes
 * the whole process along: what was acknowledged is durable, and the next start recovers it. */
#include "bin/payd_node.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/services.h"
#include "bin/payd.h"
#include "bin/payd_fail.h"
#include "runtime/projector/journal_end.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"

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

static struct store_sqlite_options payd_store_options(struct payd *p)
{
    return (struct store_sqlite_options){
        .directory = p->config.data_directory,
        .tables = catalog_views,
        .table_count = catalog_view_count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
        .key_merge_keys = p->config.key_merge_keys,
        .key_filter_bytes = (size_t)p->config.key_filter_mb << 20,
        .shards = (uint16_t)p->config.shards,
        .rebuilding = payd_rebuilding,
        .context = p,
    };
}

/* What SQLite does when it opens a journal that has lost its end, and the leases that follow, write
 * where the lost batches may still be. So all shards' ends are looked at before. */
static bool payd_look_at_ends(struct payd *p)
{
    struct store_sqlite_options options = payd_store_options(p);
    struct journal_store *journal;
    struct view_store *views;
    char reason[PAYD_REASON_MAX], path[CONFIG_TEXT_MAX + 16];
    struct stat st;
    snprintf(path, sizeof path, "%s/journal.db", options.directory);
    if (stat(path, &st) != 0 || st.st_size == 0)
        return true; /* new, or lost, which the opening tells apart */
    options.look = true;
    if (store_sqlite_open(&options, &journal, &views, reason, sizeof reason) != ERR_OK)
        return payd_fail("the data cannot be opened", reason);
    bool good = true;
    for (uint16_t shard = 0; good && shard < p->config.shards; shard++)
        good = journal_end_holds(journal, views, shard, reason, sizeof reason);
    views->ops->close(views);
    journal->ops->close(journal);
    return good || payd_fail("stopped", reason);
}

static bool payd_open_store(struct payd *p)
{
    struct store_sqlite_options options = payd_store_options(p);
    char reason[PAYD_REASON_MAX];
    enum err e = store_sqlite_open(&options, &p->node.journal_store, &p->node.view_store, reason,
                                   sizeof reason);
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
        .journal_store = p->node.journal_store,
        .view_store = p->node.view_store,
        .slots = p->node.journal_store->slots,
        .loops = (uint16_t)c->loops,
        .readers = (uint16_t)c->readers,
        .pin_cpus = c->pin_cpus,
        .owner = slice_of(p->node.id),
        .resident_max = c->resident_max,
        .dedup_entries_max = c->dedup_entries_max,
        .filter_bytes = (size_t)c->key_filter_mb << 20,
        .journal_quota = c->journal_quota_mb << 20,
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
    return payd_look_at_ends(p) && payd_open_store(p) && payd_make_node(p);
}

void payd_node_free(struct payd_node *n)
{
    n->node = node_free(n->node);
    n->view_store->ops->close(n->view_store);
    n->journal_store->ops->close(n->journal_store);
    n->view_store = NULL;
    n->journal_store = NULL;
}
