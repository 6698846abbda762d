/* SPDX-License-Identifier: Apache-2.0 */
/* The script for bash has the whole list of commands in it, a line each with its options, and picks
 * the lines that begin with the words typed so far; zsh runs the same script through bashcompinit.
 * fish gets one line for each word. No script calls payctl, so completing works without a payd. */
#include <stdio.h>
#include <string.h>

#include "bin/payctl/payctl.h"

static void completion_complete_bash(const struct payctl *p, bool zsh)
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
            payctl_put_option(spec->options[k].name);
        }
        printf(" --json --socket --tenant --timeout\n");
    }
    printf("COMMANDS\n"
           "    COMPREPLY=($(compgen -W \"$choices\" -- \"$now\"))\n"
           "}\n"
           "complete -o default -F _payctl payctl\n");
}

static void completion_complete_fish(const struct payctl *p)
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
            payctl_put_option(spec->options[k].name);
            printf(" -r\n");
        }
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
