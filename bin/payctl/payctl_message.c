/* SPDX-License-Identifier: Apache-2.0 */
/* Options go through the readers of JSON fields, as a query's parameters do, so payctl and HTTP
 * take the same forms and refuse with the same rules; an error names the option instead of the
 * field. Fields that no option gives are the defaults of the message, or missing. */
#include <stdio.h>
#include <string.h>

#include "bin/payctl/payctl.h"
#include "schemas/catalog.h"
#include "schemas/result.h"

static int message_refuse_field(struct payctl *p, const struct json_error *e)
{
    const struct result_info *info = result_info(e->code);
    char option[JSON_FIELD_MAX + 2];
    snprintf(option, sizeof option, "--%s", e->field);
    payctl_args_dashed(option);
    payctl_print_error(p, info != NULL ? info->name : NULL, e->field[0] != '\0' ? option : NULL,
                       e->rule != NULL ? e->rule : "is not valid");
    return PAYCTL_USAGE;
}

int payctl_read_options(struct payctl *p, const struct json_type *type, void *body)
{
    const struct command *spec = &p->args.command->spec;
    struct json_error error = {0};
    struct json_input in;
    json_input_init(&in, &p->arena, &error);
    for (uint32_t i = 0; i < spec->option_count; i++) {
        struct slice name = slice_of(spec->options[i].name);
        if (p->args.values[i] != NULL && type->find(name) >= 0 &&
            !json_text_get(type, body, name, slice_of(p->args.values[i]), &in))
            return message_refuse_field(p, &error);
    }
    return json_complete(type, body, &in) ? PAYCTL_OK : message_refuse_field(p, &error);
}

int payctl_run_message(struct payctl *p)
{
    const struct command *spec = &p->args.command->spec;
    if (p->args.all || p->args.csv)
        return payctl_pages(p);
    void *body = arena_alloc(&p->arena, spec->message->size);
    void *answer = arena_alloc(&p->arena, spec->reply->size);
    check(body != NULL && answer != NULL);
    int code = payctl_read_options(p, spec->request, body);
    if (code == PAYCTL_OK)
        code = payctl_ask_for(p, spec->message, body, spec->reply, answer);
    if (code == PAYCTL_OK)
        payctl_print(p, spec->reply_json, answer);
    return code;
}
