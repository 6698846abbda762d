/* SPDX-License-Identifier: Apache-2.0 */
/* Command: a payctl command that is one message and its answer; constant, generated. */
#ifndef SCHEMAS_COMMAND_H
#define SCHEMAS_COMMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/actor/message.h"
#include "schemas/json_input.h"

struct command_option {
    const char *name;   /* JSON name of the field: --debit-account-id sets debit_account_id */
    const char *type;   /* for the help: "id", "decimal", "text", "one of open, closed" */
    const char *doc;
    bool required;
    bool argument; /* taken as a word too: those of a command in their order */
};

struct command {
    const char *name; /* "transfers create" */
    const char *doc;
    const struct message_type *message;
    const struct json_type *request;
    const struct message_type *reply;
    const struct json_type *reply_json;
    const char *list;                 /* the one list in the answer, or NULL ... */
    const struct json_type *row_json; /* ... and what its items are */
    const struct command_option *options;
    uint8_t option_count;
};

#endif
