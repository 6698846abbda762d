/* SPDX-License-Identifier: Apache-2.0 */
/* The commands that are more than one message, and help about all of them. */
#include <stdio.h>
#include <string.h>

#include "bin/payctl.h"

static const struct command_option actor_options[] = {
    {"actor", "acc_..., or kind/hex", "The actor.", true},
    {"shard", "number", "Whose, where several shards have an actor of this name; it is looked for "
                        "if absent.", false},
};
static const struct command_option top_options[] = {
    {"limit", "number", "How many actors, 1 to 100; 20 if absent.", false},
    {"once", "bool", "Print once instead of refreshing.", false},
};
static const struct command_option verify_options[] = {
    {"data", "path", "The data directory of a payd that does not run; without it a running one is "
                     "asked.", false},
};
static const struct command_option batch_options[] = {
    {"batch", "number", "The batch, from 1 on, as ledger verify names it.", true},
    {"shard", "number", "Whose journal; 0 if absent.", false},
    {"data", "path", "The data directory of a payd that does not run; without it a running one is "
                     "asked.", false},
};
static const struct command_option import_options[] = {
    {"file", "path",
     "CSV with a header, or one JSON object per line; - is standard input. The fields of an "
     "account: id, currency, code, flags, user_data_128, user_data_64, user_data_32, "
     "effective_time. Of a transfer: id, debit_account_id, credit_account_id, amount, currency, "
     "code, flags, pending_id, timeout_s, effective_time, user_data_128, user_data_64, "
     "user_data_32. The ids are the caller's own, acc_... and trf_..., so that the same file may "
     "be imported again.", true},
};
static const struct command_option bench_options[] = {
    {"accounts", "number", "Accounts to move money between; 1000 if absent.", false},
    {"transfers", "number", "Transfers to make; 1000000 if absent.", false},
    {"batch", "number", "Transfers of a message, at most 8192; 8000 if absent.", false},
    {"outstanding", "number", "Messages at once, at most 64; 4 if absent.", false},
    {"currency", "code like USD", "Of the accounts; USD if absent.", false},
    {"shard", "number", "Where the accounts live; 0 if absent.", false},
};
#define BENCH_DOC                                                                                  \
    "Makes many transfers and tells how fast that was. They are real and stay in the journal: "    \
    "between accounts of their own, which belong to the tenant \"bench\" unless --tenant names "   \
    "another."
static const struct command_option completion_options[] = {
    {"shell", "one of bash, zsh, fish", "The shell.", true},
};

#define HAND(name, doc, options, run) \
    {{name, doc, NULL, NULL, NULL, NULL, options, array_len(options)}, run}
#define BARE(name, doc, run) {{name, doc, NULL, NULL, NULL, NULL, NULL, 0}, run}

const struct payctl_command payctl_commands[] = {
    HAND("actors top", "Shows the busiest actors and each kind, again every second.", top_options,
         payctl_actors_top),
    HAND("actors suspend", "Lets an actor's messages wait.", actor_options, payctl_actors_control),
    HAND("actors resume", "Ends a suspension or a quarantine.", actor_options,
         payctl_actors_control),
    HAND("actors trace", "Logs each turn of an actor.", actor_options, payctl_actors_control),
    HAND("actors untrace", "Logs its turns no longer.", actor_options, payctl_actors_control),
    HAND("actors stop", "Takes an actor out of memory until its next message.", actor_options,
         payctl_actors_control),
    HAND("ledger verify", "Replays the journal from its first batch and checks all of it.",
         verify_options, payctl_verify),
    HAND("ledger show-batch", "Shows a batch of the journal: its place in the hash chain and every "
         "event in it. Amounts of an event without a currency are minor units of that of the "
         "transfer beside it.", batch_options, payctl_show_batch),
    HAND("ledger import", "Makes the accounts and transfers of a file; may be repeated.",
         import_options, payctl_import),
    HAND("bench", BENCH_DOC, bench_options, payctl_bench),
    HAND("completion", "Prints a script that completes payctl's commands.", completion_options,
         payctl_completion),
    BARE("version", "Shows the version of payctl.", payctl_version),
    BARE("help", "Shows the commands, or one of them: payctl help wallets fund.", payctl_help),
};
const uint32_t payctl_command_count = array_len(payctl_commands);

int payctl_version(struct payctl *p)
{
    printf(p->args.json ? "{\"version\":\"%s\"}\n" : "payctl %s\n", PAYCTL_VERSION);
    return PAYCTL_OK;
}

/* --- help ------------------------------------------------------------------------------------- */

static void put_option_name(const char *name)
{
    for (; *name != '\0'; name++)
        putchar(*name == '_' ? '-' : *name);
}

static void help_command(const struct payctl_command *c)
{
    const struct command *spec = &c->spec;
    printf("usage: payctl %s", spec->name);
    bool keyed = spec->message != NULL && spec->message->mutates, optional = keyed;
    for (uint32_t i = 0; i < spec->option_count; i++) {
        if (!spec->options[i].required) {
            optional = true;
            continue;
        }
        printf(" <");
        put_option_name(spec->options[i].name);
        printf(">");
    }
    printf("%s\n\n%s\n", optional ? " [--option value ...]" : "", spec->doc);
    for (uint32_t i = 0; i < spec->option_count; i++) {
        const struct command_option *o = &spec->options[i];
        printf("%s  --", i == 0 ? "\n" : "");
        put_option_name(o->name);
        printf("  %s%s\n      %s\n", o->type, o->required ? " (required)" : "", o->doc);
    }
    if (keyed)
        printf("  --key  text\n"
               "      Idempotency key: the same command with the same key is carried out once.\n");
}

/* The first sentence. */
static int doc_len(const char *doc)
{
    const char *end = strstr(doc, ". ");
    size_t len = end != NULL ? (size_t)(end - doc) + 1 : strlen(doc);
    return (int)len;
}

static void help_lines(const struct payctl *p, const char *group)
{
    size_t len = group != NULL ? strlen(group) : 0;
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        if (group == NULL || (strncmp(spec->name, group, len) == 0 && spec->name[len] == ' '))
            printf("  %-22s %.*s\n", spec->name, doc_len(spec->doc), spec->doc);
    }
}

/* wallets, transfers, ... */
static bool is_group(const struct payctl *p, const char *word)
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
    printf("usage: payctl [--socket path] [--tenant name] [--timeout seconds] [--json]\n"
           "              [--no-color]\n"
           "              command [argument ...] [--option value ...]\n\n");
    help_lines(p, NULL);
    printf("\npayctl help <command> shows its options. PAYCTL_SOCKET (else %s) and\n"
           "PAYCTL_TENANT are the defaults of --socket and --tenant. What is made, listed and\n"
           "summed up is of that tenant. Without one, wallets and payments are of the tenant\n"
           "\"default\"; accounts, transfers and totals are of all. Exit codes: 0 done,\n"
           "1 refused, 2 wrong usage, 3 no connection.\n",
           PAYCTL_SOCKET);
}

int payctl_help(struct payctl *p)
{
    const struct payctl_command *c = p->args.help ? p->args.command : NULL;
    int words;
    const char *first = p->args.topic[0], *second = p->args.topic[1];
    if (first != NULL && second == NULL && is_group(p, first)) {
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
        help_command(c);
    else
        help_all(p);
    return PAYCTL_OK;
}

/* --- completion ------------------------------------------------------------------------------- */

static void complete_bash(const struct payctl *p, bool zsh)
{
    if (zsh)
        printf("#compdef payctl\nautoload -U +X bashcompinit && bashcompinit\n");
    printf("_payctl() {\n"
           "    local words=\"${COMP_WORDS[*]:1:COMP_CWORD-1}\" now=\"${COMP_WORDS[COMP_CWORD]}\"\n"
           "    local line choices='' rest\n"
           "    while IFS= read -r line; do\n"
           "        if [[ \"$line\" == \"${words:+$words }\"* ]]; then\n"
           "            rest=\"${line#\"${words:+$words }\"}\"\n"
           "            [[ \"$rest\" == --* ]] || rest=\"${rest%%%% *}\"\n"
           "            choices+=\" $rest\"\n"
           "        elif [[ \"$words \" == \"${line%%%% --*} \"* && \"$line\" == *' --'* ]]; then\n"
           "            choices+=\" --${line#* --}\"\n"
           "        fi\n"
           "    done <<'COMMANDS'\n");
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        printf("%s", spec->name);
        for (uint32_t k = 0; k < spec->option_count; k++) {
            printf(" --");
            put_option_name(spec->options[k].name);
        }
        printf(" --json --socket --tenant --timeout\n");
    }
    printf("COMMANDS\n"
           "    COMPREPLY=($(compgen -W \"$choices\" -- \"$now\"))\n"
           "}\n"
           "complete -o default -F _payctl payctl\n");
}

static void complete_fish(const struct payctl *p)
{
    printf("complete -c payctl -f\n");
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        const char *space = strchr(spec->name, ' ');
        int first = space != NULL ? (int)(space - spec->name) : (int)strlen(spec->name);
        printf("complete -c payctl -n __fish_use_subcommand -a %.*s\n", first, spec->name);
        if (space != NULL)
            printf("complete -c payctl -n '__fish_seen_subcommand_from %.*s' -a %s\n", first,
                   spec->name, space + 1);
        for (uint32_t k = 0; k < spec->option_count; k++) {
            printf("complete -c payctl -n '__fish_seen_subcommand_from %s' -l ",
                   space != NULL ? space + 1 : spec->name);
            put_option_name(spec->options[k].name);
            printf(" -r\n");
        }
    }
}

int payctl_completion(struct payctl *p)
{
    const char *shell = payctl_args_value(&p->args, "shell");
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) {
        complete_bash(p, strcmp(shell, "zsh") == 0);
    } else if (strcmp(shell, "fish") == 0) {
        complete_fish(p);
    } else {
        payctl_print_error(p, NULL, "--shell", "must be bash, zsh or fish");
        return PAYCTL_USAGE;
    }
    return PAYCTL_OK;
}
