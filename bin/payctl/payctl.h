/* SPDX-License-Identifier: Apache-2.0 */
/* Payctl: what its commands share: the command line, the link to payd, memory for one run. */
#ifndef PAYCTL_PAYCTL_H
#define PAYCTL_PAYCTL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bin/payctl/payctl_args.h"
#include "runtime/base/arena.h"
#include "runtime/link/link_client.h"
#include "runtime/wire/writer.h"
#include "schemas/json_writer.h"

#define PAYCTL_VERSION "0.1.0"
#define PAYCTL_BENCH_TENANT "bench" /* unless one is named: its accounts are among no others */

enum payctl_exit {
    PAYCTL_OK = 0,
    PAYCTL_REFUSED = 1,
    PAYCTL_USAGE = 2,
    PAYCTL_NO_CONNECTION = 3,
};

struct payctl {
    struct payctl_args args;
    struct link_client *link; /* connected by the first request */
    struct arena arena;       /* of the request in work; reset by whoever repeats */
    struct wire_writer frame;
    bool color;               /* stdout is a terminal that may show colours */
    int width;                /* characters in a line of it; 0 = stdout is none */
    const struct payctl_command *commands; /* all, generated ones too */
    uint32_t command_count;
};

extern const struct payctl_command payctl_commands[]; /* those written by hand */
extern const uint32_t payctl_command_count;

/* --- payctl_session.c: requests. Failures are printed; they return the exit code. ------------- */

/* What came back. */
struct payctl_reply {
    uint16_t code;
    uint16_t number; /* of the reply's type */
    struct slice body; /* valid until the next request */
    bool replayed;     /* the first answer to this key, given again */
    bool stale;        /* a list that may lack what was acknowledged after ... */
    uint64_t shown_ns; /* ... this, wall clock */
    uint64_t tag;
};

/* Connects for this many requests at once, unless connected already. */
int payctl_connect(struct payctl *p, uint32_t outstanding);
/* Encodes and sends; false, and printed, if it is too large for a frame. */
bool payctl_send(struct payctl *p, const struct message_type *type, const void *body,
                 const char *key, uint64_t tag);
int payctl_receive(struct payctl *p, struct payctl_reply *reply);
/* Decodes an answer of this type into the arena. */
int payctl_read_reply(struct payctl *p, const struct payctl_reply *reply,
                      const struct message_type *type, void *answer);
/* Both, and a refusal is printed too. */
int payctl_ask(struct payctl *p, const struct message_type *type, const void *body,
               struct payctl_reply *reply);
/* The same, and the answer is decoded into the arena. */
int payctl_ask_for(struct payctl *p, const struct message_type *type, const void *body,
                   const struct message_type *reply_type, void *answer);
/* One line on stderr: code, explanation, hint. */
void payctl_print_refusal(const struct payctl *p, uint16_t code);
void payctl_print_error(const struct payctl *p, const char *code, const char *field,
                        const char *text);

/* --- payctl_output.c: what was written by others is escaped ----------------------------------- */

/* A message as one JSON document, or as lines and tables for people. */
void payctl_print(struct payctl *p, const struct json_type *type, const void *message);
void payctl_print_json(const struct json_writer *w); /* and ends the line */
/* The members of a JSON object for people, numbers read raw: first one in a line, then its lists
 * as tables, `indent` blanks from the margin. */
void payctl_print_lines(struct yyjson_val *object, int indent);
void payctl_print_rows(const struct payctl *p, struct yyjson_val *rows); /* a table */
void payctl_print_total(FILE *to, const char *total, bool exact); /* how many there are in all */
/* One value in one line, escaped, as a table has it; FIT_CELL_MAX bytes. */
void payctl_format_cell(struct yyjson_val *value, char *cell);
void payctl_print_tables(const struct payctl *p, struct yyjson_val *object, int indent);

/* --- the commands ----------------------------------------------------------------------------- */

int payctl_run_message(struct payctl *p); /* a generated one */
int payctl_pages(struct payctl *p);       /* the same with --all or --csv */
/* Fills a message's struct, zeroed, from those options that are its fields. */
int payctl_read_options(struct payctl *p, const struct json_type *type, void *body);
void payctl_put_option(const char *name); /* a field's name as an option has it */
int payctl_help(struct payctl *p);
int payctl_version(struct payctl *p);
int payctl_completion(struct payctl *p);
int payctl_actors_top(struct payctl *p);
int payctl_actors_control(struct payctl *p);
int payctl_verify(struct payctl *p);
int payctl_verify_data(struct payctl *p, const char *data); /* of a directory no payd runs on */
int payctl_backup(struct payctl *p);
int payctl_show_batch(struct payctl *p);
int payctl_import(struct payctl *p);
int payctl_salvage(struct payctl *p);
int payctl_bench(struct payctl *p);

#endif
