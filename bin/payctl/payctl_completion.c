/* SPDX-License-Identifier: Apache-2.0 */
/* The script for bash has the table of commands in it, a line each: its words, its options, its
 * arguments in their order; zsh runs the same script through bashcompinit. An option or argument
 * that takes a value ends in `=` and what the value may be: one of some names, after `+` several of
 * them, `@` for a file, or nothing that could be offered. fish has completions of its own kind, one
 * for each word. No script calls payctl, so completing works without a payd. */
#include <stdio.h>
#include <string.h>

#include "bin/payctl/payctl.h"

#define KEY_OPTION " --key="
#define WORD_MAX 64
#define ONE_OF "one of " /* a type's text, before the names */
#define ANY_OF "any of "

/* The options of every command, as they stand in the table. */
#define GLOBAL_OPTIONS                                                                             \
    "--socket=@ --tenant= --timeout= --json --csv --all --no-color --help "                        \
    "--version"

/* Goes over the words before the one to be completed, then chooses by the place it stands at. */
static const char function_begin[] =
    "_payctl() {\n"
    "    local globals='" GLOBAL_OPTIONS "'\n"
    "    local now=\"${COMP_WORDS[COMP_CWORD]}\" word wants='' given='' found='' topic=''\n"
    "    local table command options='' places='' place=0 choices='' before='' i one\n"
    "    IFS= read -r -d '' table <<'COMMANDS'\n";
static const char function_end[] =
    "COMMANDS\n"
    "    COMPREPLY=()\n"
    "    [[ \"$now\" == '=' ]] && now=''\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        word=\"${COMP_WORDS[i]}\"\n"
    "        if [[ \"$word\" == '=' ]]; then\n"
    "            continue\n"
    "        elif [[ -n \"$wants\" ]]; then\n"
    "            wants=''\n"
    "        elif [[ \"$word\" == -* ]]; then\n"
    "            for one in $options $globals --key=; do\n"
    "                [[ \"$one\" == \"$word=\"* ]] && wants=\"$one\"\n"
    "            done\n"
    "        elif [[ -n \"$found\" ]]; then\n"
    "            place=$((place + 1))\n"
    "        else\n"
    "            given=\"${given:+$given }$word\"\n"
    "            [[ \"$given\" == help && -z \"$topic\" ]] && topic=1 && given=''\n"
    "            while IFS='|' read -r command options places; do\n"
    "                [[ -n \"$given\" && \"$command\" == \"$given\" ]] && found=1 && break\n"
    "            done <<< \"$table\"\n"
    "        fi\n"
    "    done\n"
    "    [[ -n \"$topic\" ]] && options='' places=''\n"
    "    if [[ -z \"$wants\" && \"$now\" == --*=* ]]; then\n"
    "        before=\"${now%%=*}=\" now=\"${now#*=}\" wants='='\n"
    "        for one in $options $globals --key=; do\n"
    "            [[ \"$one\" == \"$before\"* ]] && wants=\"$one\"\n"
    "        done\n"
    "    fi\n"
    "    if [[ -n \"$wants\" ]]; then\n"
    "        choices=\"${wants#*=}\"\n"
    "    elif [[ \"$now\" == -* ]]; then\n"
    "        for one in $options $globals; do choices+=\" ${one%%=*}\"; done\n"
    "    elif [[ -n \"$found\" ]]; then\n"
    "        for one in $places; do\n"
    "            [[ $place == 0 ]] && choices=\"${one#*=}\"\n"
    "            place=$((place - 1))\n"
    "        done\n"
    "    else\n"
    "        while IFS='|' read -r command options places; do\n"
    "            [[ -n \"$command\" && \"$command \" == \"${given:+$given }\"* ]] || continue\n"
    "            one=\"${command#\"${given:+$given }\"}\"\n"
    "            one=\"${one%% *}\"\n"
    "            [[ \" $choices \" == *\" $one \"* ]] || choices+=\" $one\"\n"
    "        done <<< \"$table\"\n"
    "    fi\n"
    "    if [[ \"$choices\" == '+'* ]]; then\n"
    "        compopt -o nospace 2>/dev/null\n"
    "        choices=\"${choices#+}\"\n"
    "        [[ \"$now\" == *,* ]] && before+=\"${now%,*},\" now=\"${now##*,}\"\n"
    "    fi\n"
    "    if [[ \"$choices\" == '@' ]]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        COMPREPLY=($(compgen -P \"$before\" -f -- \"$now\"))\n"
    "    else\n"
    "        COMPREPLY=($(compgen -P \"$before\" -W \"${choices//,/ }\" -- \"$now\"))\n"
    "    fi\n"
    "}\n"
    "complete -F _payctl payctl\n";

static bool completion_is(const struct command_option *o, const char *type)
{
    return strcmp(o->type, type) == 0;
}

static bool completion_is_list(const struct command_option *o)
{
    return strncmp(o->type, ANY_OF, sizeof ANY_OF - 1) == 0;
}

/* The names that a value may have, or "". */
static const char *completion_values(const struct command_option *o)
{
    if (strncmp(o->type, ONE_OF, sizeof ONE_OF - 1) == 0)
        return o->type + sizeof ONE_OF - 1;
    return completion_is_list(o) ? o->type + sizeof ANY_OF - 1 : "";
}

/* Separated by `between` instead of commas and blanks. */
static void completion_put_values(const struct command_option *o, char between)
{
    for (const char *at = completion_values(o); *at != '\0'; at++) {
        if (*at != ' ')
            putchar(*at == ',' ? between : *at);
    }
}

/* --- bash and zsh ----------------------------------------------------------------------------- */

static void completion_put_option(const struct command_option *o)
{
    payctl_put_option(o->name);
    if (completion_is(o, "bool"))
        return;
    printf(completion_is_list(o) ? "=+" : "=");
    completion_put_values(o, ',');
    if (completion_is(o, "path"))
        putchar('@');
}

static void completion_put_line(const struct command *spec)
{
    printf("%s|", spec->name);
    for (uint32_t k = 0; k < spec->option_count; k++) {
        printf(" --");
        completion_put_option(&spec->options[k]);
    }
    printf("%s|", spec->message != NULL && spec->message->mutates ? KEY_OPTION : "");
    for (uint32_t k = 0; k < spec->option_count; k++) {
        if (!spec->options[k].argument)
            continue;
        putchar(' ');
        completion_put_option(&spec->options[k]);
    }
    putchar('\n');
}

static void completion_complete_bash(const struct payctl *p, bool zsh)
{
    if (zsh)
        printf("#compdef payctl\nautoload -U +X bashcompinit && bashcompinit\n");
    printf("%s", function_begin);
    for (uint32_t i = 0; i < p->command_count; i++)
        completion_put_line(&p->commands[i].spec);
    printf("%s", function_end);
}

/* --- fish ------------------------------------------------------------------------------------- */

static const char fish_functions[] =
    "# The words so far that are neither options nor their values.\n"
    "function __payctl_words\n"
    "    set -l skip 0\n"
    "    set -l given (commandline -opc)\n"
    "    set -e given[1]\n"
    "    for word in $given\n"
    "        if test $skip = 1\n"
    "            set skip 0\n"
    "        else if not string match -q -- '-*' $word\n"
    "            echo $word\n"
    "        else if not string match -q -- '*=*' $word\n"
    "            and not contains -- $word $__payctl_flags\n"
    "            set skip 1\n"
    "        end\n"
    "    end\n"
    "end\n"
    "function __payctl_is\n"
    "    set -l words (__payctl_words)\n"
    "    test \"$words[1]\" = help; and set -e words[1]\n"
    "    test \"$words\" = \"$argv\"\n"
    "end\n"
    "function __payctl_in\n"
    "    set -l words (__payctl_words)\n"
    "    string match -q -- \"$argv *\" \"$words \"\n"
    "end\n"
    "# Names after what a list has already.\n"
    "function __payctl_list\n"
    "    set -l before (commandline -ct | string replace -r '^--[^=]*=' '' |\n"
    "        string match -r '.*,')\n"
    "    printf '%s\\n' \"$before\"$argv\n"
    "end\n"
    "complete -c payctl -f\n"
    "complete -c payctl -l socket -r -F\n"
    "complete -c payctl -l tenant -x\n"
    "complete -c payctl -l timeout -x\n"
    "complete -c payctl -l json\n"
    "complete -c payctl -l csv\n"
    "complete -c payctl -l all\n"
    "complete -c payctl -l no-color\n"
    "complete -c payctl -l help\n"
    "complete -c payctl -l version\n";

static void completion_put_fish_names(const struct command_option *o)
{
    printf(completion_is_list(o) ? " -a '(__payctl_list " : " -a '");
    completion_put_values(o, ' ');
    printf(completion_is_list(o) ? ")'" : "'");
}

static void completion_put_fish_value(const struct command_option *o)
{
    if (completion_is(o, "path"))
        printf(" -r -F");
    else if (!completion_is(o, "bool"))
        printf(" -x");
    if (completion_values(o)[0] != '\0')
        completion_put_fish_names(o);
}

static void completion_put_fish_command(const struct command *spec)
{
    for (uint32_t k = 0; k < spec->option_count; k++) {
        const struct command_option *o = &spec->options[k];
        printf("complete -c payctl -n '__payctl_in %s' -l ", spec->name);
        payctl_put_option(o->name);
        completion_put_fish_value(o);
        printf("\n");
        if (o->argument && completion_is(o, "path"))
            printf("complete -c payctl -n '__payctl_is %s' -F\n", spec->name);
        if (o->argument && completion_values(o)[0] != '\0') {
            printf("complete -c payctl -n '__payctl_is %s'", spec->name);
            completion_put_fish_names(o);
            printf("\n");
        }
    }
    if (spec->message != NULL && spec->message->mutates)
        printf("complete -c payctl -n '__payctl_in %s' -l key -x\n", spec->name);
}

static void completion_put_fish_flags(const struct payctl *p)
{
    printf("set -g __payctl_flags --json --csv --all --no-color --help -h --version");
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        for (uint32_t k = 0; k < spec->option_count; k++) {
            if (!completion_is(&spec->options[k], "bool"))
                continue;
            printf(" --");
            payctl_put_option(spec->options[k].name);
        }
    }
    putchar('\n');
}

static void completion_complete_fish(const struct payctl *p)
{
    char before[WORD_MAX] = ""; /* the first word of the command before */
    completion_put_fish_flags(p);
    printf("%s", fish_functions);
    for (uint32_t i = 0; i < p->command_count; i++) {
        const struct command *spec = &p->commands[i].spec;
        const char *space = strchr(spec->name, ' ');
        char first[WORD_MAX];
        snprintf(first, sizeof first, "%.*s",
                 space != NULL ? (int)(space - spec->name) : (int)strlen(spec->name), spec->name);
        if (strcmp(first, before) != 0)
            printf("complete -c payctl -n __payctl_is -a %s\n", first);
        if (space != NULL)
            printf("complete -c payctl -n '__payctl_is %s' -a %s\n", first, space + 1);
        completion_put_fish_command(spec);
        memcpy(before, first, sizeof before);
    }
}

int payctl_completion(struct payctl *p)
{
    const char *shell = payctl_args_value(&p->args, "shell");
    if (strcmp(shell, "bash") == 0 || strcmp(shell, "zsh") == 0) {
        completion_complete_bash(p, strcmp(shell, "zsh") == 0);
    } else if (strcmp(shell, "fish") == 0) {
        completion_complete_fish(p);
    } else {
        payctl_print_error(p, NULL, "--shell", "must be bash, zsh or fish");
        return PAYCTL_USAGE;
    }
    return PAYCTL_OK;
}
