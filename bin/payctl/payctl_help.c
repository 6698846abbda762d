/* SPDX-License-Identifier: Apache-2.0 */
/* Everything comes from the tables that commands are run by: one word that begins several commands
 * (wallets) lists them, two words show a command and its options, and none lists all. A summary is
 * the first sentence of a command's text. A word that is no command is explained as in a command
 * line and ends with PAYCTL_USAGE. */
#include <stdio.h>
#include <string.h>

#include "bin/payctl/payctl.h"
#include "bin/wrap.h"

#define NAME_WIDTH 22 /* of the longest command */
#define SUMMARY_INDENT (2 + NAME_WIDTH + 1)
#define DOC_INDENT 6
#define USAGE_MAX 512
#define KEY_DOC                                                                                    \
    "Idempotency key: the same command with the same key is carried out once. Without it each "    \
    "command gets a new one; if no answer comes, the message names it, so that the command can "   \
    "be repeated."
#define CLOSING_WORDS                                                                              \
    "payctl help <command> shows its options. Of a list, --all shows every page and --csv rows "   \
    "for a "                                                                                       \
    "spreadsheet. PAYCTL_SOCKET (else " PAYCTL_SOCKET ") and "                                     \
    "PAYCTL_TENANT are the defaults of --socket and --tenant. What is made, listed and summed up " \
    "is of that tenant. Without one, wallets and payments are of the tenant \"default\"; "         \
    "accounts, transfers and totals are of all. Exit codes: 0 done, 1 refused, 2 wrong usage, 3 "  \
    "no connection."

int payctl_version(struct payctl *p)
{
    printf(p->args.json ? "{\"version\":\"%s\"}\n" : "payctl %s\n", PAYCTL_VERSION);
    return PAYCTL_OK;
}

void payctl_put_option(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name == '_' ? '-' : *name);
}

static void help_usage(const struct payctl *p, const struct command *spec, bool keyed)
{
    char line[USAGE_MAX];
    bool optional = keyed;
    int len = snprintf(line, sizeof line, "usage: payctl %s", spec->name);
    for (uint32_t i = 0; i < spec->option_count; i++) {
        const struct command_option *o = &spec->options[i];
        char name[USAGE_MAX / 4];
        optional |= !o->argument;
        if (!o->argument)
            continue;
        snprintf(name, sizeof name, "%s", o->name);
        payctl_args_dashed(name);
        len +=
            snprintf(line + len, sizeof line - (size_t)len, o->required ? " <%s>" : " [%s]", name);
        check(len < (int)sizeof line); /* names are ours */
    }
    snprintf(line + len, sizeof line - (size_t)len, "%s", optional ? " [--option value ...]" : "");
    wrap_put(stdout, p->width, 0, DOC_INDENT, slice_of(line));
    putchar('\n');
}

static void help_command(const struct payctl *p, const struct payctl_command *c)
{
    const struct command *spec = &c->spec;
    bool keyed = spec->message != NULL && spec->message->mutates;
    help_usage(p, spec, keyed);
    wrap_put(stdout, p->width, 0, 0, slice_of(spec->doc));
    for (uint32_t i = 0; i < spec->option_count; i++) {
        const struct command_option *o = &spec->options[i];
        printf("%s  --", i == 0 ? "\n" : "");
        payctl_put_option(o->name);
        printf("  %s%s\n%*s", o->type, o->required ? " (required)" : "", DOC_INDENT, "");
        wrap_put(stdout, p->width, DOC_INDENT, DOC_INDENT, slice_of(o->doc));
    }
    if (keyed) {
        printf("  --key  text\n%*s", DOC_INDENT, "");
        wrap_put(stdout, p->width, DOC_INDENT, DOC_INDENT, slice_of(KEY_DOC));
    }
}

/* The first sentence. */
static struct slice help_summary(const char *doc)
{
    const char *end = strstr(doc, ". ");
    return end != NULL ? (struct slice){doc, (uint32_t)(end - doc) + 1} : slice_of(doc);
}

static void help_lines(const struct payctl *p, const char *group)
{
    size_t len = group != NULL ? strlen(group) : 0;
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        if (group == NULL || (strncmp(spec->name, group, len) == 0 && spec->name[len] == ' ')) {
            printf("  %-*s ", NAME_WIDTH, spec->name);
            wrap_put(stdout, p->width, SUMMARY_INDENT, SUMMARY_INDENT, help_summary(spec->doc));
        }
    }
}

/* wallets, transfers, ... */
static bool help_is_group(const struct payctl *p, const char *word)
{
    size_t len = strlen(word);
    for (uint32_t i = 0; i < p->command_count; i++) {
        const char *name = p->commands[i].spec.name;
        if (strncmp(name, word, len) == 0 && name[len] == ' ')
            return true;
    }
    return false;
}

static void help_all(const struct payctl *p)
{
    printf("usage: payctl [--socket path] [--tenant name] [--timeout seconds]\n"
           "              [--json | --csv] [--all] [--no-color]\n"
           "              command [argument ...] [--option value ...]\n\n");
    help_lines(p, NULL);
    putchar('\n');
    wrap_put(stdout, p->width, 0, 0, slice_of(CLOSING_WORDS));
}

int payctl_help(struct payctl *p)
{
    const struct payctl_command *c = p->args.help ? p->args.command : NULL;
    int words;
    const char *first = p->args.topic[0], *second = p->args.topic[1];
    if (first != NULL && second == NULL && help_is_group(p, first)) {
        help_lines(p, first);
        return PAYCTL_OK;
    }
    if (first != NULL) {
        c = payctl_args_find(p->commands, p->command_count, first, second, &words);
        if (c == NULL) {
            char error[PAYCTL_ERROR_MAX];
            payctl_args_explain(p->commands, p->command_count, first, second, error);
            payctl_print_error(p, NULL, NULL, error);
            return PAYCTL_USAGE;
        }
    }
    if (c != NULL)
        help_command(p, c);
    else
        help_all(p);
    return PAYCTL_OK;
}
