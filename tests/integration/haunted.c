/* SPDX-License-Identifier: Apache-2.0 */
/* A node of two shards with the operators' link whose wallets fail in every turn as long as
 * DIRECTORY/haunted exists, and are closed otherwise. Unfreezing one sends two messages to its twin
 * in the other shard: to freeze, which may be refused, and to unfreeze in turn, which may not. For
 * what no request can bring about in payd: failing turns, quarantine, dead letters, parked sends.
 *
 * usage: haunted DIRECTORY (data in DIRECTORY/data, socket at DIRECTORY/payd.sock; when it ends,
 * its metrics in DIRECTORY/haunted.metrics) */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "gateway_bridge/operator/operator.h"
#include "runtime/base/time.h"
#include "runtime/node/node.h"
#include "runtime/node/node_metrics.h"
#include "runtime/observe/log.h"
#include "runtime/sends/sends_service.h"
#include "runtime/store/sqlite/store_sqlite.h"
#include "schemas/catalog.h"
#include "schemas/common.h"
#include "schemas/result.h"
#include "schemas/wallet.h"

#define PATH_BYTES 512
#define REASON_BYTES 512
#define STOP_NS (5000 * NS_PER_MS)

struct haunted {
    char data[PATH_BYTES], socket[PATH_BYTES];
    struct journal_store *journal_store;
    struct view_store *view_store;
    struct domain domain;
    struct node *node;
    struct operator *operator;
    uv_signal_t signal;
    struct log log;
};

static char ghost[PATH_BYTES]; /* the file; of the whole program, as handlers have no context */

static enum turn_result house_turn(struct turn *t, struct id128 self)
{
    const void *state;
    const struct send_origin *origin = turn_origin(t);
    if (turn_find(t, KIND_WALLET, self, &state) == PRESENCE_WAITING)
        return TURN_WAIT;
    if (origin != NULL && origin->refusing)
        return TURN_DONE;
    if (access(ghost, F_OK) == 0)
        return turn_fail(t, "the wallet is haunted");
    if (origin == NULL)
        turn_refuse(t, RESULT_WALLET_CLOSED);
    return TURN_DONE;
}

static enum turn_result on_freeze(struct turn *t, struct id128 self, const struct message *m)
{
    (void)m;
    return house_turn(t, self);
}

static enum turn_result on_unfreeze(struct turn *t, struct id128 self, const struct message *m)
{
    if (m->origin != NULL)
        return house_turn(t, self);
    const struct id128 twin = {self.hi, self.lo ^ 0x8000};
    turn_send(t, &wallet_freeze_type, &(struct wallet_freeze){.wallet_id = twin});
    turn_send(t, &wallet_unfreeze_type, &(struct wallet_unfreeze){.wallet_id = twin});
    turn_refuse(t, RESULT_WALLET_NOT_FROZEN);
    return TURN_DONE;
}

static void write_state(struct wire_writer *w, const void *state)
{
    (void)state;
    wire_put_nil(w);
}

static bool read_state(struct registry *r, struct wire_reader *from, void *state)
{
    (void)r;
    (void)from;
    (void)state;
    return false;
}

static const struct handler handlers[] = {
    {&wallet_freeze_type, on_freeze},
    {&wallet_unfreeze_type, on_unfreeze},
};
static const struct message_type *const refusable[] = {&wallet_freeze_type};
static const struct state_codec codec = {.write = write_state, .read = read_state};
static const struct actor_kind wallet = {
    .name = "wallet",
    .number = KIND_WALLET,
    .state_size = 16,
    .handlers = handlers,
    .handler_count = 2,
    .refusable = refusable,
    .refusable_count = 1,
    .codec = &codec,
};
static const struct actor_kind *const kinds[] = {&wallet};
static const struct service house = {.name = "house", .kinds = kinds, .kind_count = 1};
static const struct service *const services[] = {&house, &sends_service};

static bool fail(const char *what, const char *why)
{
    fprintf(stderr, "haunted: %s: %s\n", what, why);
    return false;
}

static bool open_store(struct haunted *h)
{
    struct store_sqlite_options options = {.directory = h->data,
                                           .tables = catalog_views,
                                           .table_count = catalog_view_count,
                                           .migrations = sqlite_migrations,
                                           .migration_count = sqlite_migration_count,
                                           .shards = 2};
    char reason[REASON_BYTES];
    return store_sqlite_open(&options, &h->journal_store, &h->view_store, reason, sizeof reason) ==
               ERR_OK ||
           fail("store", reason);
}

static bool open_node(struct haunted *h)
{
    domain_init(&h->domain, services, 2);
    struct node_options node = {.domain = &h->domain,
                                .journal_store = h->journal_store,
                                .view_store = h->view_store,
                                .slots = h->journal_store->slots,
                                .loops = 1,
                                .readers = 1,
                                .owner = slice_of("haunted"),
                                .log = &h->log,
                                .resident_max = 1000,
                                .dedup_entries_max = 1000,
                                .filter_bytes = 4096};
    if (node_new(&node, &h->node) != ERR_OK)
        return fail("node", "cannot be made");
    struct operator_options link = {.node = h->node,
                                    .loop = node_loop(h->node, 0),
                                    .journal_store = h->journal_store,
                                    .view_store = h->view_store,
                                    .path = h->socket,
                                    .version = "haunted"};
    char reason[REASON_BYTES];
    h->operator = operator_new(&link, reason, sizeof reason);
    return h->operator != NULL || fail("link", reason);
}

static void on_link_closed(void *context)
{
    struct haunted *h = context;
    struct env *env = loop_env(node_loop(h->node, 0));
    node_stop(h->node, env_mono_ns(env) + STOP_NS);
}

static void write_metrics(struct node *n)
{
    char path[PATH_BYTES];
    struct metrics m;
    metrics_init(&m);
    node_metrics(n, &m);
    snprintf(path, sizeof path, "%.*s.metrics", (int)(sizeof path - 16), ghost);
    FILE *f = fopen(path, "w");
    check(f != NULL && fwrite(m.text, 1, m.len, f) == m.len && fclose(f) == 0);
    metrics_done(&m);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct haunted *h = signal->data;
    (void)number;
    uv_close((uv_handle_t *)signal, NULL);
    write_metrics(h->node);
    operator_stop(h->operator, on_link_closed, h);
}

int main(int argc, char **argv)
{
    static struct haunted h;
    if (argc != 2)
        return 2;
    snprintf(h.data, sizeof h.data, "%s/data", argv[1]);
    snprintf(h.socket, sizeof h.socket, "%s/payd.sock", argv[1]);
    snprintf(ghost, sizeof ghost, "%s/haunted", argv[1]);
    log_init(&h.log, STDERR_FILENO, LOG_LEVEL_INFO);
    if (!open_store(&h) || !open_node(&h))
        return 1;
    check(uv_signal_init(loop_uv(node_loop(h.node, 0)), &h.signal) == 0);
    h.signal.data = &h;
    check(uv_signal_start(&h.signal, on_signal, SIGTERM) == 0);
    if (node_start(h.node) != ERR_OK || !node_run(h.node))
        return 1;
    h.node = node_free(h.node);
    h.view_store->ops->close(h.view_store);
    return 0;
}
