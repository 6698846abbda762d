/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of libraries: without it the process ends (runtime/base/memory.h). */
#ifndef BIN_PAYD_MEMORY_H
#define BIN_PAYD_MEMORY_H

/* First of all in the process, before any of these libraries is used. */
void payd_memory_install(void);

#endif
