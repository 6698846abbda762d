/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: transfers by HTTP POST with token and Idempotency-Key, answered by the bridge without
 * touching an actor. One bridge on its loop, wrk beside it; prints one JSON line. What an actor and
 * the journal add is the difference to the benchmark of the whole.
 *
 * With --durable the answers wait until a second thread has written and synced as many bytes as a
 * transfer has in the journal, and does nothing else: no durable platform behind this bridge could
 * answer faster on this machine. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway_bridge/auth/issuer.h"
#include "gateway_bridge/auth/jwks.h"
#include "gateway_bridge/bridge.h"
#include "runtime/base/time.h"
#include "schemas/catalog.h"
#include "schemas/ledger.h"

#define CONNECTIONS "64"
#define DURATION "5s"
#define ASKED_MAX 4096
#define TRANSFER_BYTES 225 /* of one transfer in a batch */
#define LOG_BYTES (64 * 1024 * 1024) /* written over and over: no sync has to make it longer */

extern char **environ;

struct asked {
    struct message *messages[ASKED_MAX];
    uint32_t count;
};

/* Thread of the durable floor: the loop fills `batch` and posts `filled`, the thread syncs and
 * wakes the loop by `done`. */
struct syncer {
    pthread_t thread;
    sem_t filled;
    uv_async_t done;
    struct asked batch;
    bool busy; /* the loop's */
    bool ends;
    int fd;
    uint8_t bytes[ASKED_MAX * TRANSFER_BYTES];
};

struct bench {
    uv_loop_t loop;
    struct env env;
    uv_check_t pass;
    uv_signal_t child;
    struct bridge *bridge;
    struct asked asked;
    struct wire_writer reply; /* of every transfer */
    uint64_t answered;
    bool durable;
    struct syncer syncer;
    pid_t wrk;
};

static uint64_t mono_ns(struct env *e)
{
    (void)e;
    return uv_hrtime();
}

static uint64_t wall_ns(struct env *e)
{
    uv_timeval64_t now = {0};
    (void)e;
    uv_gettimeofday(&now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_usec * 1000;
}

static const struct env_ops world = {.mono_ns = mono_ns, .wall_ns = wall_ns, .random = mono_ns};

static void ask(void *context, struct message *m)
{
    struct bench *b = context;
    check(b->asked.count < ASKED_MAX && m->type == &transfer_create_type && m->keyed);
    b->asked.messages[b->asked.count++] = m;
}

static bool is_ready(void *context, const char **reason)
{
    (void)context;
    (void)reason;
    return true;
}

static void answer(struct bench *b, struct asked *asked)
{
    for (uint32_t i = 0; i < asked->count; i++) {
        struct message *m = asked->messages[i];
        m->reply_type = transfer_info_type.number;
        m->version = 1;
        wire_put_raw(&m->reply, wire_written(&b->reply));
        m->done(m);
    }
    b->answered += asked->count;
    asked->count = 0;
}

/* Once per pass of the loop, as the shard does. */
static void on_pass(uv_check_t *pass)
{
    struct bench *b = pass->data;
    if (!b->durable) {
        answer(b, &b->asked);
    } else if (!b->syncer.busy && b->asked.count > 0) {
        b->syncer.batch = b->asked;
        b->asked.count = 0;
        b->syncer.busy = true;
        check(sem_post(&b->syncer.filled) == 0);
    }
}

/* --- the durable floor ------------------------------------------------------------------------ */

static void *syncer_run(void *context)
{
    struct syncer *s = context;
    size_t at = 0;
    for (;;) {
        while (sem_wait(&s->filled) != 0)
            ; /* interrupted by a signal */
        if (s->ends)
            return NULL;
        size_t len = (size_t)s->batch.count * TRANSFER_BYTES;
        at = at + len > LOG_BYTES ? 0 : at;
        check(pwrite(s->fd, s->bytes, len, (off_t)at) == (ssize_t)len && fdatasync(s->fd) == 0);
        at += len;
        uv_async_send(&s->done);
    }
}

static void on_durable(uv_async_t *done)
{
    struct bench *b = done->data;
    answer(b, &b->syncer.batch);
    b->syncer.busy = false;
    on_pass(&b->pass);
}

static void syncer_start(struct bench *b, const char *directory)
{
    struct syncer *s = &b->syncer;
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/log", directory);
    s->fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
    check(s->fd >= 0 && unlink(path) == 0);
    for (off_t at = 0; at < LOG_BYTES; at += sizeof s->bytes)
        check(pwrite(s->fd, s->bytes, sizeof s->bytes, at) == (ssize_t)sizeof s->bytes);
    check(fsync(s->fd) == 0 && sem_init(&s->filled, 0, 0) == 0);
    check(uv_async_init(&b->loop, &s->done, on_durable) == 0);
    s->done.data = b;
    check(pthread_create(&s->thread, NULL, syncer_run, s) == 0);
}

static void syncer_stop(struct syncer *s)
{
    s->ends = true;
    check(sem_post(&s->filled) == 0 && pthread_join(s->thread, NULL) == 0);
    uv_close((uv_handle_t *)&s->done, NULL);
    close(s->fd);
}

/* --- the load --------------------------------------------------------------------------------- */

static void make_reply(struct bench *b)
{
    struct transfer_info t = {
        .transfer_id = id128_make(1700000000000, 1, 0),
        .debit_account_id = id128_make(1700000000000, 2, 0),
        .credit_account_id = id128_make(1700000000000, 3, 0),
        .amount = 1050,
        .currency = 840,
        .code = 1,
        .status = 1,
        .effective_time = UINT64_C(1700000000000000001),
        .recorded_time = UINT64_C(1700000000000000001),
    };
    wire_writer_init(&b->reply, 4096);
    transfer_info_type.write(&b->reply, &t);
    check(!b->reply.failed);
}

/* A token from the issuer into text. */
static void get_token(struct issuer *issuer, char *text, size_t size)
{
    static struct issuer_answer answer;
    const struct issuer_request asked = {
        .method = slice_of("POST"),
        .path = slice_of("/oauth2/token"),
        .content_type = slice_of(ISSUER_FORM_TYPE),
        .body = slice_of("grant_type=client_credentials&client_id=" ISSUER_CLIENT
                         "&client_secret=" ISSUER_SECRET),
    };
    check(issuer_handle(issuer, &asked, wall_ns(NULL) / NS_PER_S, &answer));
    check(answer.status == 200 && answer.len < sizeof answer.body);
    answer.body[answer.len] = '\0';
    const char *begin = strstr(answer.body, "\"access_token\":\"");
    check(begin != NULL);
    begin += strlen("\"access_token\":\"");
    size_t len = strcspn(begin, "\"");
    check(len < size);
    memcpy(text, begin, len);
    text[len] = '\0';
}

static void write_script(const char *path, const char *token, const char *benchmark)
{
    char from[ID128_TEXT_LEN], to[ID128_TEXT_LEN];
    id128_text(id128_make(1700000000000, 2, 0), from);
    id128_text(id128_make(1700000000000, 3, 0), to);
    FILE *f = fopen(path, "w");
    check(f != NULL);
    fprintf(f,
            "local n = 0\n"
            "local body = '{\"debit_account_id\":\"acc_%.26s\",\"credit_account_id\":\"acc_%.26s\","
            "\"amount\":\"10.50\",\"currency\":\"USD\"}'\n"
            "local headers = {['Authorization'] = 'Bearer %s',"
            " ['Content-Type'] = 'application/json'}\n"
            "request = function()\n"
            "  n = n + 1\n"
            "  headers['Idempotency-Key'] = 'k' .. n\n"
            "  return wrk.format('POST', '/transfers', headers, body)\n"
            "end\n"
            "done = function(summary, latency, requests)\n"
            "  io.write(string.format('{\"benchmark\":\"%s\",\"connections\":%s,"
            "\"requests_per_s\":%%.0f,\"p50_us\":%%d,\"p99_us\":%%d,\"errors\":%%d}\\n',\n"
            "    summary.requests / summary.duration * 1e6, latency:percentile(50),"
            " latency:percentile(99), summary.errors.status + summary.errors.connect"
            " + summary.errors.read + summary.errors.timeout))\n"
            "end\n",
            from, to, token, benchmark, CONNECTIONS);
    check(fclose(f) == 0);
}

/* wrk's own report goes nowhere; what the script prints is the result. */
static void start_wrk(struct bench *b, const char *script, const char *output)
{
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%u",
             (unsigned)bridge_port(b->bridge, &catalog_platform));
    char *const arguments[] = {"wrk", "-t1", "-c" CONNECTIONS, "-d" DURATION, "-s",
                               (char *)script, url, NULL};
    posix_spawn_file_actions_t actions;
    check(posix_spawn_file_actions_init(&actions) == 0);
    check(posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, output,
                                           O_WRONLY | O_CREAT | O_TRUNC, 0600) == 0);
    if (posix_spawnp(&b->wrk, "wrk", &actions, NULL, arguments, environ) != 0) {
        fprintf(stderr, "wrk is not installed\n");
        exit(1);
    }
    posix_spawn_file_actions_destroy(&actions);
}

static void on_stopped(void *context)
{
    struct bench *b = context;
    if (b->durable)
        syncer_stop(&b->syncer);
    uv_close((uv_handle_t *)&b->pass, NULL);
    uv_close((uv_handle_t *)&b->child, NULL);
}

static void on_child(uv_signal_t *child, int number)
{
    struct bench *b = child->data;
    (void)number;
    int status;
    if (waitpid(b->wrk, &status, WNOHANG) == b->wrk)
        bridge_stop(b->bridge, on_stopped, b);
}

/* Of this process, which the load generator is not part of. */
static uint64_t processor_us(void)
{
    struct rusage used;
    check(getrusage(RUSAGE_SELF, &used) == 0);
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1000000 +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* wrk's line, with the bridge's processor time per request. */
static void print_result(const char *output, double processor_us_each)
{
    char line[1024];
    FILE *f = fopen(output, "r");
    check(f != NULL);
    while (fgets(line, sizeof line, f) != NULL) {
        if (line[0] == '{')
            printf("{\"processor_us_per_request\":%.2f,%s", processor_us_each, line + 1);
    }
    fclose(f);
}

static void run(struct bench *b, struct token_policy *policy, struct token_scopes *scopes,
                const char *token, const char *directory)
{
    char script[PATH_MAX], output[PATH_MAX];
    snprintf(script, sizeof script, "%s/floor.lua", directory);
    snprintf(output, sizeof output, "%s/wrk.txt", directory);
    write_script(script, token, b->durable ? "http_durable_floor" : "http_floor");
    struct token_verifier *verifier = token_verifier_new(policy);
    struct bridge_backend backend = {.context = b, .ask = ask, .ready = is_ready};
    struct bridge_counts counts = {0};
    check(verifier != NULL);
    b->bridge = bridge_new(&(struct bridge_options){
        .loop = &b->loop,
        .env = &b->env,
        .backend = &backend,
        .routes = catalog_routes,
        .route_count = catalog_route_count,
        .verifier = verifier,
        .scopes = scopes,
        .counts = &counts,
    });
    const struct bridge_port_options port = {.service = &catalog_platform,
                                             .route_count = catalog_route_count};
    check(b->bridge != NULL && bridge_listen(b->bridge, &port, "127.0.0.1", 0, true) == 0);
    uint64_t before_us = processor_us();
    start_wrk(b, script, output);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    print_result(output, (double)(processor_us() - before_us) / (double)b->answered);
    token_verifier_free(verifier);
}

static int remove_one(const char *path, const struct stat *what, int kind, struct FTW *walk)
{
    (void)what;
    (void)kind;
    (void)walk;
    return remove(path);
}

int main(int argc, char **argv)
{
    static struct bench b;
    static struct token_scopes scopes;
    char error[ISSUER_ERROR_MAX], token[4096], keys_error[JWKS_ERROR_MAX];
    char directory[] = "http-floor-XXXXXX", keys[64]; /* on the disk of the current directory */
    b.durable = argc == 2 && strcmp(argv[1], "--durable") == 0;
    check(mkdtemp(directory) != NULL);
    snprintf(keys, sizeof keys, "%s/issuer", directory);
    for (uint32_t i = 0; i < catalog_route_count; i++)
        token_scope_bit(&scopes, catalog_routes[i].scope);
    struct issuer *issuer = issuer_start(
        &(struct issuer_options){.directory = keys, .url = "http://127.0.0.1:8080",
                                 .listen_address = "127.0.0.1", .scopes = "ledger:write"},
        error);
    check(issuer != NULL);
    struct jwks *jwks =
        jwks_start(&(struct jwks_options){.document = issuer_jwks(issuer)}, keys_error);
    check(jwks != NULL);
    get_token(issuer, token, sizeof token);
    struct token_policy policy = {.issuers = {issuer_rules(issuer, jwks)}, .issuer_count = 1,
                                  .scopes = &scopes};
    make_reply(&b);
    b.env.ops = &world;
    check(uv_loop_init(&b.loop) == 0);
    check(uv_check_init(&b.loop, &b.pass) == 0 && uv_check_start(&b.pass, on_pass) == 0);
    check(uv_signal_init(&b.loop, &b.child) == 0);
    check(uv_signal_start(&b.child, on_child, SIGCHLD) == 0);
    b.pass.data = b.child.data = &b;
    if (b.durable)
        syncer_start(&b, directory);
    signal(SIGPIPE, SIG_IGN);
    run(&b, &policy, &scopes, token, directory);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    check(uv_loop_close(&b.loop) == 0);
    wire_writer_done(&b.reply);
    jwks_stop(jwks);
    issuer_stop(issuer);
    nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}
