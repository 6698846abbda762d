/* SPDX-License-Identifier: Apache-2.0 */
/* The migrations of the embedded store make exactly the tables that schemas/ declares: opening
 * compares them, so opening is the test. */
#include "schemas/catalog.h"
#include "tests/unit/store_fixture.h"

#define VIEWS_MAX 64

static void every_declared_view_has_its_table(void **state)
{
    (void)state;
    struct fixture f = {.store = NULL};
    fixture_directory(&f);
    const struct view_table *tables[VIEWS_MAX] = {&key_runs_view, &key_chunks_view,
                                                  &key_filters_view};
    uint32_t count = RUNTIME_VIEWS;
    assert_true(catalog_view_count < VIEWS_MAX);
    for (uint32_t i = 0; i < catalog_view_count; i++)
        tables[count++] = catalog_views[i];
    struct store_sqlite_options options = {
        .directory = f.directory,
        .tables = tables,
        .table_count = count,
        .migrations = sqlite_migrations,
        .migration_count = sqlite_migration_count,
    };
    struct store *s;
    if (store_sqlite_open(&options, &s, f.reason, sizeof f.reason) != ERR_OK)
        fail_msg("%s", f.reason);
    s->ops->close(s);
    remove_directory(f.directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_declared_view_has_its_table)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
