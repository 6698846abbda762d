/* SPDX-License-Identifier: Apache-2.0 */
/* top sends the same message every second and draws the answer over the last one; with --once, with
 * --json or without a terminal it prints one answer and ends. Any failure ends it with its exit
 * code. The five commands that control an actor are one message, whose action follows from the
 * command's name. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bin/payctl/payctl.h"
#include "schemas/operator.h"

#define REFRESH_S 1

int payctl_actors_top(struct payctl *p)
{
    const char *given = payctl_args_value(&p->args, "once");
    bool once = (given != NULL && strcmp(given, "true") == 0) || p->args.json ||
                !isatty(STDOUT_FILENO);
    struct actor_list body = {0};
    int code = payctl_read_options(p, &actor_list_json, &body);
    while (code == PAYCTL_OK) {
        struct actor_page page;
        code = payctl_ask_for(p, &actor_list_type, &body, &actor_page_type, &page);
        if (code != PAYCTL_OK)
            return code;
        if (!once)
            printf("\033[H\033[2J");
        payctl_print(p, &actor_page_json, &page);
        fflush(stdout);
        arena_reset(&p->arena);
        if (once)
            return PAYCTL_OK;
        sleep(REFRESH_S);
    }
    return code;
}

int payctl_actors_control(struct payctl *p)
{
    static const struct {
        const char *command;
        uint8_t action;
    } actions[] = {
        {"actors suspend", ACTOR_ACTION_SUSPEND}, {"actors resume", ACTOR_ACTION_RESUME},
        {"actors trace", ACTOR_ACTION_TRACE},     {"actors untrace", ACTOR_ACTION_UNTRACE},
        {"actors stop", ACTOR_ACTION_STOP},
    };
    struct actor_get named = {0};
    struct empty nothing;
    int code = payctl_read_options(p, &actor_get_json, &named);
    if (code != PAYCTL_OK)
        return code;
    struct actor_control body = {
        .actor = named.actor, .has_shard = named.has_shard, .shard = named.shard};
    for (size_t i = 0; i < array_len(actions); i++) {
        if (strcmp(p->args.command->spec.name, actions[i].command) == 0)
            body.action = actions[i].action;
    }
    code = payctl_ask_for(p, &actor_control_type, &body, &empty_type, &nothing);
    if (code == PAYCTL_OK)
        payctl_print(p, &empty_json, &nothing);
    return code;
}
