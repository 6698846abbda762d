/* SPDX-License-Identifier: Apache-2.0 */
/* By the mode bits alone. A group that may write is usually somebody else's, but on systems that
 * give each user a group of their own and a umask of 002 it is just the user: so the group of this
 * process is let in. Private keys are stricter, nobody else may read them; whoever reads them looks
 * at that (issuer_key.c). */
#include "bin/payd_files.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bin/payd.h"
#include "bin/payd_fail.h"

#define PATH_BYTES (CONFIG_TEXT_MAX + 32)

static bool payd_file_safe(const char *path)
{
    struct stat st;
    if (path[0] == '\0' || stat(path, &st) != 0)
        return true;
    bool group = (st.st_mode & S_IWGRP) != 0 && st.st_gid != getegid();
    if (!group && (st.st_mode & S_IWOTH) == 0)
        return true;
    char reason[PATH_BYTES + 64];
    snprintf(reason, sizeof reason, "%s may be written by others; take that away: chmod go-w %s",
             path, path);
    return payd_fail("unsafe file", reason);
}

static void payd_warn_of_readers(struct payd *p)
{
    const char *directory = p->config.data_directory;
    struct stat st;
    if (stat(directory, &st) == 0 && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        LOG_WARN(&p->log, "data_directory_open", log_text("directory", directory),
                 log_text("reason", "others than its owner may look into it: chmod go-rwx"));
}

bool payd_files_safe(struct payd *p)
{
    static const char *const names[] = {"",          "/journal.db",   "/journal.db-wal",
                                        "/views.db", "/views.db-wal", "/commit-mark",
                                        "/revoked",  "/issuer"};
    const struct config *c = &p->config;
    for (size_t i = 0; i < array_len(names); i++) {
        char path[PATH_BYTES];
        snprintf(path, sizeof path, "%s%s", c->data_directory, names[i]);
        if (!payd_file_safe(path))
            return false;
    }
    if (!payd_file_safe(c->jwks_file) || !payd_file_safe(c->jwks_ca_file))
        return false;
    payd_warn_of_readers(p);
    return true;
}
