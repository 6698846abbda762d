/* SPDX-License-Identifier: Apache-2.0 */
/* Pacing of a thread's writes through SQLite: it waits for the disk after each portion it has
 * written, so that the syncs of other threads do not wait behind one large burst. */
#ifndef SQLITE_DB_PACE_H
#define SQLITE_DB_PACE_H

/* Before the first connection; more than once does no harm. Any thread. */
void db_pace_install(void);

/* From now on the calling thread is paced. If the disk reports a failed write while it waits, the
 * write that waited fails. */
void db_pace_thread(void);

#endif
