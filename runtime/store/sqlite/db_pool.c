/* SPDX-License-Identifier: Apache-2.0 */
/* The lowest free connection is borrowed, and opened if it never was, outside of the mutex: a
 * process with one reading worker opens one. */
#include "runtime/store/sqlite/db_pool.h"

#include <stdio.h>

void db_pool_init(struct db_pool *p, const struct db_kind *kind, const char *directory)
{
    memset(p, 0, sizeof *p);
    p->kind = kind;
    p->directory = directory;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->returned, NULL);
}

void db_pool_close(struct db_pool *p, bool keep_wal)
{
    for (uint32_t i = 0; i < DB_READERS_MAX; i++) {
        check(!p->items[i].borrowed);
        db_close(&p->items[i], keep_wal);
    }
}

void db_pool_done(struct db_pool *p)
{
    pthread_cond_destroy(&p->returned);
    pthread_mutex_destroy(&p->mutex);
}

/* The first free one: the same few stay warm. */
static struct db *db_pool_find_free(struct db_pool *p)
{
    for (uint32_t i = 0; i < DB_READERS_MAX; i++)
        if (!p->items[i].borrowed)
            return &p->items[i];
    return NULL;
}

enum err db_pool_borrow(struct db_pool *p, struct db **ret)
{
    pthread_mutex_lock(&p->mutex);
    struct db *d = db_pool_find_free(p);
    while (d == NULL) {
        pthread_cond_wait(&p->returned, &p->mutex);
        d = db_pool_find_free(p);
    }
    d->borrowed = true;
    pthread_mutex_unlock(&p->mutex);
    if (d->handle == NULL) {
        char reason[256];
        enum err e = db_open(d, p->kind, p->directory, true, reason, sizeof reason);
        if (e != ERR_OK) {
            db_pool_return(p, d);
            return e;
        }
    }
    *ret = d;
    return ERR_OK;
}

void db_pool_return(struct db_pool *p, struct db *d)
{
    pthread_mutex_lock(&p->mutex);
    d->borrowed = false;
    pthread_cond_signal(&p->returned);
    pthread_mutex_unlock(&p->mutex);
}
