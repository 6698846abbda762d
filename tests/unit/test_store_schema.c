/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations of the embedded store make exactly the tables that schemas/ declares: opening
 * compares them, so opening is the test. */
#include "schemas/catalog.h"
#include "tests/unit/store_fixture.h"

static void every_declared_view_has_its_table(void **state)
{
    (void)state;
    struct fixture f = {.views = NULL};
    fixture_directory(&f);
    struct store_sqlite_options options = {
        .directory = f.directory,
        .tables = catalog_views,
        .table_count = catalog_view_count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
    };
    if (store_sqlite_open(&options, &f.journal, &f.views, f.reason, sizeof f.reason) != ERR_OK)
        fail_msg("%s", f.reason);
    fixture_close(&f);
    remove_directory(f.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_declared_view_has_its_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
