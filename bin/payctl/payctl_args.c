/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the words: the first one or two without dashes name the command, further ones are
 * its positions; "--name value" and "--name=value" may stand anywhere, and behind "--" all are
 * words. What is missing or too long is looked at in the end. A word that is nothing known is
 * refused with the nearest name there is (edit distance). */
#include "bin/payctl/payctl_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/link/link_probe.h"
#include "runtime/wire/envelope.h"

#define WORD_MAX 64       /* bytes of a word that suggestions look at */
#define CANDIDATES_MAX 256
#define TIMEOUT_S_MAX 3600

/* --- suggestions ------------------------------------------------------------------------------ */

static int args_least(int a, int b, int c)
{
    int ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Insertions, deletions and replacements from one word to the other. */
static int args_distance(const char *a, const char *b)
{
    int row[WORD_MAX + 1];
    int a_len = (int)strnlen(a, WORD_MAX), b_len = (int)strnlen(b, WORD_MAX);
    for (int j = 0; j <= b_len; j++)
        row[j] = j;
    for (int i = 1; i <= a_len; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= b_len; j++) {
            int above = row[j];
            row[j] = args_least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *payctl_args_nearest(const char *word, const char *const *candidates, uint32_t count)
{
    const char *nearest = NULL;
    int best = (int)strnlen(word, WORD_MAX) / 3 + 2; /* as many may be wrong, less one */
    for (uint32_t i = 0; i < count; i++) {
        int d = args_distance(word, candidates[i]);
        if (d < best) {
            best = d;
            nearest = candidates[i];
        }
    }
    return nearest;
}

/* --- words ------------------------------------------------------------------------------------ */

const struct payctl_command *payctl_args_find(const struct payctl_command *commands, uint32_t count,
                                              const char *first, const char *second, int *words)
{
    char both[2 * WORD_MAX];
    snprintf(both, sizeof both, "%s %s", first, second != NULL ? second : "");
    for (uint32_t i = 0; i < count; i++) {
        const char *name = commands[i].spec.name;
        if (strcmp(name, first) == 0 || strcmp(name, both) == 0) {
            *words = strchr(name, ' ') != NULL ? 2 : 1;
            return &commands[i];
        }
    }
    return NULL;
}

void payctl_args_explain(const struct payctl_command *commands, uint32_t count, const char *first,
                         const char *second, char *error)
{
    const char *names[CANDIDATES_MAX];
    char given[2 * WORD_MAX], group[2 * WORD_MAX] = "";
    uint32_t name_count = count < CANDIDATES_MAX ? count : CANDIDATES_MAX;
    size_t first_len = strlen(first);
    snprintf(given, sizeof given, "%s%s%s", first, second != NULL ? " " : "",
             second != NULL ? second : "");
    for (uint32_t i = 0; i < name_count; i++) {
        names[i] = commands[i].spec.name;
        bool same = strncmp(names[i], first, first_len) == 0 && names[i][first_len] == ' ';
        size_t len = strlen(group);
        if (same && len + strlen(names[i]) + 3 < sizeof group)
            snprintf(group + len, sizeof group - len, "%s%s", len > 0 ? ", " : "",
                     names[i] + first_len + 1);
    }
    const char *nearest = payctl_args_nearest(given, names, name_count);
    if (first[0] == '-')
        snprintf(error, PAYCTL_ERROR_MAX, "there is no option %s; see payctl help", first);
    else if (first[0] == '\0')
        snprintf(error, PAYCTL_ERROR_MAX, "the command is empty; see payctl help");
    else if (second == NULL && group[0] != '\0')
        snprintf(error, PAYCTL_ERROR_MAX, "%s what? One of: %s", first, group);
    else if (nearest != NULL)
        snprintf(error, PAYCTL_ERROR_MAX, "there is no command %s; did you mean %s?", given,
                 nearest);
    else if (group[0] != '\0')
        snprintf(error, PAYCTL_ERROR_MAX, "there is no command %s; after %s comes one of: %s",
                 given, first, group);
    else
        snprintf(error, PAYCTL_ERROR_MAX, "there is no command %s; see payctl help", given);
}

/* --- options ---------------------------------------------------------------------------------- */

void payctl_args_dashed(char *name)
{
    for (; *name != '\0'; name++)
        *name = *name == '_' ? '-' : *name;
}

/* --debit-account-id names debit_account_id. */
static bool args_option_named(const char *option, const char *word, size_t len)
{
    if (strlen(option) != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if ((word[i] == '-' ? '_' : word[i]) != option[i])
            return false;
    }
    return true;
}

struct parser {
    struct payctl_args *args;
    char *const *argv;
    int argc;
    int at;
    char *error;
};

enum global {
    GLOBAL_SOCKET,
    GLOBAL_TENANT,
    GLOBAL_TIMEOUT,
    GLOBAL_KEY,
    GLOBAL_JSON,
    GLOBAL_CSV,
    GLOBAL_ALL,
    GLOBAL_NO_COLOR,
    GLOBAL_HELP,
    GLOBAL_VERSION,
};

static const char *const globals[] = {"socket", "tenant", "timeout",  "key",  "json",
                                      "csv",    "all",    "no_color", "help", "version"};

static bool args_parse_timeout(struct parser *p, const char *text)
{
    char *end;
    unsigned long seconds = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || seconds == 0 || seconds > TIMEOUT_S_MAX) {
        snprintf(p->error, PAYCTL_ERROR_MAX, "--timeout must be 1 to %d seconds, not %s",
                 TIMEOUT_S_MAX, text);
        return false;
    }
    p->args->timeout_ms = (uint32_t)seconds * 1000;
    return true;
}

static bool args_set_global(struct parser *p, enum global g, const char *value)
{
    switch (g) {
    case GLOBAL_SOCKET:
        p->args->socket = value;
        return true;
    case GLOBAL_TENANT:
        p->args->tenant = value;
        return true;
    case GLOBAL_TIMEOUT:
        return args_parse_timeout(p, value);
    case GLOBAL_KEY:
        p->args->key = value;
        return true;
    case GLOBAL_JSON:
        p->args->json = true;
        return true;
    case GLOBAL_CSV:
        p->args->csv = true;
        return true;
    case GLOBAL_ALL:
        p->args->all = true;
        return true;
    case GLOBAL_NO_COLOR:
        p->args->no_color = true;
        return true;
    case GLOBAL_HELP:
        p->args->help = true;
        return true;
    case GLOBAL_VERSION:
        p->args->version = true;
        return true;
    }
    return false;
}

/* The value of --name=value or of the next word. */
static const char *args_take_value(struct parser *p, const char *word, const char *equals)
{
    if (equals != NULL)
        return equals + 1;
    if (p->at + 1 < p->argc)
        return p->argv[++p->at];
    snprintf(p->error, PAYCTL_ERROR_MAX, "%s needs a value", word);
    return NULL;
}

static bool args_refuse_option(struct parser *p, const char *word, size_t len)
{
    const struct payctl_command *c = p->args->command;
    const char *names[PAYCTL_OPTIONS_MAX + array_len(globals)];
    uint32_t count = 0;
    char name[WORD_MAX], shown[WORD_MAX];
    snprintf(name, sizeof name, "%.*s", (int)len, word);
    for (uint32_t i = 0; c != NULL && i < c->spec.option_count; i++)
        names[count++] = c->spec.options[i].name;
    for (size_t i = 0; i < array_len(globals); i++)
        names[count++] = globals[i];
    for (char *at = name; *at != '\0'; at++)
        *at = *at == '-' ? '_' : *at;
    const char *nearest = payctl_args_nearest(name, names, count);
    snprintf(shown, sizeof shown, "%s", nearest != NULL ? nearest : "");
    payctl_args_dashed(shown);
    if (nearest != NULL)
        snprintf(p->error, PAYCTL_ERROR_MAX, "there is no option --%.*s; did you mean --%s?",
                 (int)len, word, shown);
    else
        snprintf(p->error, PAYCTL_ERROR_MAX, "there is no option --%.*s", (int)len, word);
    return false;
}

/* key=value: each time it is given adds a pair. */
static bool args_add_pair(struct parser *p, uint32_t option, const char *word, const char *pair)
{
    struct payctl_args *a = p->args;
    size_t len = strlen(a->pairs), pair_len = strlen(pair);
    if (len + pair_len + 2 > sizeof a->pairs || strchr(pair, '\n') != NULL) {
        snprintf(p->error, PAYCTL_ERROR_MAX, "%s is too long, or has a line break", word);
        return false;
    }
    if (len > 0)
        a->pairs[len++] = '\n';
    memcpy(a->pairs + len, pair, pair_len + 1);
    a->values[option] = a->pairs;
    return true;
}

static bool args_refuse_value(struct parser *p, const char *name, size_t len, const char *rule)
{
    snprintf(p->error, PAYCTL_ERROR_MAX, "--%.*s %s", (int)len, name, rule);
    return false;
}

static bool args_parse_option(struct parser *p, const char *word)
{
    struct payctl_args *a = p->args;
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
    const struct payctl_command *c = a->command;
    for (uint32_t i = 0; c != NULL && i < c->spec.option_count; i++) {
        if (!args_option_named(c->spec.options[i].name, name, len))
            continue;
        if (strcmp(c->spec.options[i].type, "key=value") == 0) {
            const char *pair = args_take_value(p, word, equals);
            return pair != NULL && args_add_pair(p, i, word, pair);
        }
        if (a->values[i] != NULL) {
            snprintf(p->error, PAYCTL_ERROR_MAX, "--%.*s is given twice", (int)len, name);
            return false;
        }
        bool flag = strcmp(c->spec.options[i].type, "bool") == 0;
        if (flag && equals != NULL && strcmp(equals, "=true") != 0 &&
            strcmp(equals, "=false") != 0)
            return args_refuse_value(p, name, len, "must be true or false");
        a->values[i] = flag && equals == NULL ? "true" : args_take_value(p, word, equals);
        return a->values[i] != NULL;
    }
    for (size_t i = 0; i < array_len(globals); i++) {
        if (!args_option_named(globals[i], name, len))
            continue;
        if (i >= GLOBAL_JSON && equals != NULL)
            return args_refuse_value(p, name, len, "takes no value");
        const char *value = i < GLOBAL_JSON ? args_take_value(p, word, equals) : "";
        return value != NULL && args_set_global(p, (enum global)i, value);
    }
    return args_refuse_option(p, name, len);
}

/* Names what the command takes without the name of an option. */
static bool args_refuse_position(const struct command *spec, const char *word, char *error)
{
    char taken[PAYCTL_ERROR_MAX / 2] = "";
    for (uint32_t i = 0; i < spec->option_count; i++) {
        char name[WORD_MAX];
        size_t len = strlen(taken);
        bool required = spec->options[i].required;
        if (!spec->options[i].argument || len + sizeof name + 3 > sizeof taken)
            continue;
        snprintf(name, sizeof name, "%s", spec->options[i].name);
        payctl_args_dashed(name);
        snprintf(taken + len, sizeof taken - len, required ? " <%s>" : " [%s]", name);
    }
    snprintf(error, PAYCTL_ERROR_MAX,
             "%s does not take %s: it takes%s%s, all else is an --option; see payctl help %s",
             spec->name, word, taken[0] != '\0' ? " only" : " no such word", taken, spec->name);
    return false;
}

/* A word without -- goes to the first argument that has no value yet. */
static bool args_parse_position(struct parser *p, const char *word)
{
    struct payctl_args *a = p->args;
    const struct command *spec = &a->command->spec;
    if (strcmp(spec->name, "help") == 0) {
        for (size_t i = 0; i < array_len(a->topic); i++) {
            if (a->topic[i] == NULL) {
                a->topic[i] = word;
                return true;
            }
        }
    }
    for (uint32_t i = 0; i < spec->option_count; i++) {
        if (spec->options[i].argument && a->values[i] == NULL) {
            a->values[i] = word;
            return true;
        }
    }
    return args_refuse_position(spec, word, p->error);
}

/* Does one of the words that follow ask for help? */
static bool args_help_follows(const struct parser *p)
{
    for (int i = p->at + 1; i < p->argc; i++) {
        if (strcmp(p->argv[i], "--help") == 0 || strcmp(p->argv[i], "-h") == 0)
            return true;
    }
    return false;
}

static bool args_parse_words(struct parser *p, const struct payctl_command *commands,
                             uint32_t count)
{
    bool only_words = false;
    for (p->at = 1; p->at < p->argc; p->at++) {
        const char *word = p->argv[p->at];
        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
        } else if (!only_words && strcmp(word, "-h") == 0) {
            p->args->help = true;
        } else if (!only_words && word[0] == '-' && word[1] == '-') {
            if (!args_parse_option(p, word))
                return false;
        } else if (p->args->command == NULL) {
            const char *second = p->at + 1 < p->argc ? p->argv[p->at + 1] : NULL;
            int words;
            if (second != NULL && second[0] == '-')
                second = NULL;
            p->args->command = payctl_args_find(commands, count, word, second, &words);
            if (p->args->command == NULL && args_help_follows(p)) {
                p->args->help = true;
                p->args->topic[0] = word;
                p->args->topic[1] = second;
                return true;
            }
            if (p->args->command == NULL) {
                payctl_args_explain(commands, count, word, second, p->error);
                return false;
            }
            p->at += words - 1;
        } else if (!args_parse_position(p, word)) {
            return false;
        }
    }
    return true;
}

static bool args_lengths_hold(const struct payctl_args *a, char *error)
{
    size_t key_len = a->key != NULL ? strlen(a->key) : 1, socket_len = strlen(a->socket);
    if (socket_len == 0 || socket_len > LINK_PATH_MAX)
        snprintf(error, PAYCTL_ERROR_MAX, "--socket must have 1 to %d bytes", LINK_PATH_MAX);
    else if (key_len == 0 || key_len > ENVELOPE_KEY_MAX)
        snprintf(error, PAYCTL_ERROR_MAX, "--key must have 1 to %d bytes", ENVELOPE_KEY_MAX);
    else if (a->tenant != NULL && strlen(a->tenant) > ENVELOPE_TENANT_MAX)
        snprintf(error, PAYCTL_ERROR_MAX, "--tenant must have at most %d bytes",
                 ENVELOPE_TENANT_MAX);
    else
        return true;
    return false;
}

/* Rows and pages are of lists only. */
static bool args_list_fits(const struct payctl_args *a, char *error)
{
    const struct command *spec = &a->command->spec;
    bool pages = false;
    for (uint32_t i = 0; i < spec->option_count; i++)
        pages = pages || strcmp(spec->options[i].name, "cursor") == 0;
    if (a->csv && a->json)
        snprintf(error, PAYCTL_ERROR_MAX, "--csv and --json are both given: choose one");
    else if (a->csv && spec->list == NULL)
        snprintf(error, PAYCTL_ERROR_MAX, "--csv is for lists, %s gives none", spec->name);
    else if (a->all && !pages)
        snprintf(error, PAYCTL_ERROR_MAX, "--all is for lists in pages, %s gives none", spec->name);
    else
        return true;
    return false;
}

static bool args_complete(const struct payctl_args *a, char *error)
{
    const struct command *spec = &a->command->spec;
    if (!args_list_fits(a, error))
        return false;
    for (uint32_t i = 0; i < spec->option_count; i++) {
        if (!spec->options[i].required || a->values[i] != NULL)
            continue;
        char name[WORD_MAX];
        snprintf(name, sizeof name, "%s", spec->options[i].name);
        payctl_args_dashed(name);
        snprintf(error, PAYCTL_ERROR_MAX, "%s needs --%s (%s); see payctl help %s", spec->name,
                 name, spec->options[i].type, spec->name);
        return false;
    }
    return true;
}

bool payctl_args_parse(struct payctl_args *a, const struct payctl_command *commands, uint32_t count,
                       int argc, char *const *argv, const char *(*environment)(const char *name),
                       char *error)
{
    const char *socket = environment("PAYCTL_SOCKET");
    *a = (struct payctl_args){
        .socket = socket != NULL && socket[0] != '\0' ? socket : PAYCTL_SOCKET,
        .tenant = environment("PAYCTL_TENANT"),
        .timeout_ms = PAYCTL_TIMEOUT_MS,
    };
    struct parser p = {.args = a, .argv = argv, .argc = argc, .error = error};
    if (!args_parse_words(&p, commands, count) || !args_lengths_hold(a, error))
        return false;
    return a->help || a->version || a->command == NULL || args_complete(a, error);
}

const char *payctl_args_value(const struct payctl_args *a, const char *name)
{
    for (uint32_t i = 0; i < a->command->spec.option_count; i++) {
        if (strcmp(a->command->spec.options[i].name, name) == 0)
            return a->values[i];
    }
    return NULL;
}
