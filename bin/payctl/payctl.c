/* SPDX-License-Identifier: Apache-2.0 */
/* payctl: the operator's tool. Puts together the commands that the declarations give and those
 * written by hand, and runs the one asked for. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/payctl/payctl.h"
#include "bin/wrap.h"
#include "schemas/catalog.h"

#define ARENA_MAX ((size_t)256 << 20)
#define REASON_MAX 128 /* bytes of the system's words for an error */

static const char *payctl_environment(const char *name)
{
    return getenv(name);
}

static int payctl_by_name(const void *a, const void *b)
{
    const struct payctl_command *x = a, *y = b;
    return strcmp(x->spec.name, y->spec.name);
}

static void payctl_gather_commands(struct payctl *p)
{
    uint32_t count = payctl_command_count + catalog_command_count;
    struct payctl_command *all = calloc(count, sizeof *all);
    check(all != NULL);
    memcpy(all, payctl_commands, payctl_command_count * sizeof *all);
    for (uint32_t i = 0; i < catalog_command_count; i++)
        all[payctl_command_count + i] =
            (struct payctl_command){catalog_commands[i], payctl_run_message};
    qsort(all, count, sizeof *all, payctl_by_name);
    p->commands = all;
    p->command_count = count;
}

static int payctl_run(struct payctl *p)
{
    if (p->args.version)
        return payctl_version(p);
    if (p->args.help || p->args.command == NULL)
        return payctl_help(p);
    return p->args.command->run(p);
}

/* A standard stream that was closed would be the first file or socket opened: /dev/null takes
 * its number, opened so that using it fails. */
static void payctl_fill_closed_streams(void)
{
    static const int modes[] = {O_WRONLY, O_RDONLY, O_RDONLY};
    for (int fd = 0; fd < (int)array_len(modes); fd++) {
        if (fcntl(fd, F_GETFD) < 0)
            check(open("/dev/null", modes[fd]) == fd);
    }
}

/* What could not be written must not look like success. */
static int payctl_finish_output(const struct payctl *p, int code)
{
    bool lost = ferror(stdout) != 0;
    if (fflush(stdout) == 0 && !lost)
        return code;
    char line[PAYCTL_ERROR_MAX], reason[REASON_MAX];
    snprintf(line, sizeof line, "the output cannot be written: %s",
             strerror_r(errno, reason, sizeof reason));
    payctl_print_error(p, "io", NULL, line);
    return PAYCTL_REFUSED;
}

int main(int argc, char **argv)
{
    struct payctl p = {0};
    char error[PAYCTL_ERROR_MAX];
    int code = PAYCTL_USAGE;
    payctl_fill_closed_streams();
    id128_draw_seed();
    payctl_gather_commands(&p);
    arena_init(&p.arena, ARENA_MAX);
    wire_writer_init(&p.frame, ENVELOPE_FRAME_MAX);
    bool good = payctl_args_parse(&p.args, p.commands, p.command_count, argc, argv,
                                  payctl_environment, error);
    p.color = !p.args.json && !p.args.no_color && isatty(STDOUT_FILENO) &&
              getenv("NO_COLOR") == NULL;
    p.width = wrap_terminal_width();
    if (good)
        code = payctl_run(&p);
    else
        payctl_print_error(&p, NULL, NULL, error);
    link_client_free(p.link);
    wire_writer_done(&p.frame);
    arena_done(&p.arena);
    free((void *)(uintptr_t)p.commands);
    return payctl_finish_output(&p, code);
}
