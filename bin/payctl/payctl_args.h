/* SPDX-License-Identifier: Apache-2.0 */
/* Args: the command line of payctl. Every command, generated or written by hand, is described the
 * same way, so that parsing, help, completion and suggestions need no second list. */
#ifndef PAYCTL_PAYCTL_ARGS_H
#define PAYCTL_PAYCTL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/check.h"
#include "schemas/command.h"

#define PAYCTL_SOCKET "data/payd.sock" /* where ./run keeps it */
#define PAYCTL_TIMEOUT_MS 30000
#define PAYCTL_OPTIONS_MAX 64
#define PAYCTL_ERROR_MAX 512
#define PAYCTL_PAIRS_MAX 8192 /* bytes of all key=value together */

struct payctl;

struct payctl_command {
    struct command spec;               /* message NULL: `run` does it all */
    int (*run)(struct payctl *p);      /* returns the exit code */
};

struct payctl_args {
    const char *socket;
    const char *tenant; /* NULL = the server's default */
    const char *key;    /* idempotency key; NULL = a new one */
    uint32_t timeout_ms;
    bool json, csv, no_color, help, version;
    bool all;                               /* pages of a list */
    const struct payctl_command *command;   /* NULL: none was given */
    const char *values[PAYCTL_OPTIONS_MAX]; /* by index in command->spec.options; NULL = absent */
    const char *topic[2];                   /* words after `help` */
    char pairs[PAYCTL_PAIRS_MAX]; /* of an option that may be repeated, one in a line */
};

/* false, and one line in error, if it cannot be understood. `environment` looks up a variable. */
must_check bool payctl_args_parse(struct payctl_args *a, const struct payctl_command *commands,
                                  uint32_t count, int argc, char *const *argv,
                                  const char *(*environment)(const char *name), char *error);

/* The value of an option of the command, or NULL. */
const char *payctl_args_value(const struct payctl_args *a, const char *name);

/* The command of these words (the second may be NULL), and how many of them it took; or NULL. */
const struct payctl_command *payctl_args_find(const struct payctl_command *commands, uint32_t count,
                                              const char *first, const char *second, int *words);

/* There is no command of these words (the second may be NULL): what could be meant, in one line of
 * PAYCTL_ERROR_MAX bytes. */
void payctl_args_explain(const struct payctl_command *commands, uint32_t count, const char *first,
                         const char *second, char *error);

/* A field's name as an option shows it, in place: debit_account_id is --debit-account-id. */
void payctl_args_dashed(char *name);

/* The candidate most like `word`, or NULL if none is near. */
const char *payctl_args_nearest(const char *word, const char *const *candidates, uint32_t count);

#endif
