/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's file is looked for first, because opening would make a new one in a wrong
 * directory. A directory that a payd uses gives ERR_IN_USE, and the message says how to ask that
 * payd instead. */
#include "bin/payctl/payctl_store.h"

#include <stdio.h>
#include <sys/stat.h>

#include "schemas/catalog.h"
#include "schemas/result.h"

#define PATH_MAX_BYTES 1024
#define REASON_MAX 512

struct store_sqlite_options payctl_store_options(const char *data)
{
    return (struct store_sqlite_options){
        .directory = data,
        .tables = catalog_views,
        .table_count = catalog_view_count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
    };
}

int payctl_store_open(struct payctl *p, const char *data, struct payctl_store *ret)
{
    char path[PATH_MAX_BYTES], reason[REASON_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/journal.db", data);
    if (stat(path, &status) != 0) {
        snprintf(reason, sizeof reason, "names '%.400s', which holds no journal.db", data);
        payctl_print_error(p, NULL, "--data", reason);
        return PAYCTL_USAGE;
    }
    struct store_sqlite_options options = payctl_store_options(data);
    options.look = true;
    enum err e = store_sqlite_open(&options, &ret->journal, &ret->views, reason, sizeof reason);
    if (e == ERR_OK)
        return PAYCTL_OK;
    if (e == ERR_IN_USE)
        snprintf(reason, sizeof reason, "a payd runs on %.300s: leave --data out to ask it", data);
    payctl_print_error(p, result_info((uint16_t)e)->name, NULL, reason);
    return PAYCTL_REFUSED;
}

void payctl_store_close(struct payctl_store *s)
{
    s->views->ops->close(s->views);
    s->journal->ops->close(s->journal);
}
