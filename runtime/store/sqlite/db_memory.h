/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of SQLite: without it the process ends (base/memory.h). SQLite itself would take the whole
 * open transaction back and go on in autocommit, also because of a statement that only reads. */
#ifndef SQLITE_DB_MEMORY_H
#define SQLITE_DB_MEMORY_H

/* Before anything else of SQLite's; once it is in use this does nothing. More than once does no
 * harm. Any thread. */
void db_memory_install(void);

#endif
