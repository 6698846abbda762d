/* SPDX-License-Identifier: Apache-2.0 */
/* The simulator: runs seeds, one after another.
 *
 *     sim --seeds N [--first S]   seeds S, S + 1, ...; says of each that fails how to repeat it
 *         --jobs N                in N processes, each a share of them
 *         --cover                 and what happened how often; fails if something never did
 *     sim --seed S [--trace]      one seed, showing what happens
 *         --shards N              with N shards, not as many as the seed has
 *     sim --mutants               every mutant must be found
 */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/simulation/mutants.h"
#include "tests/simulation/run.h"
#include "tests/simulation/verdict.h"

#define REASON_MAX 400
#define JOBS_MAX 64
#define SEED_S_MAX 300        /* a seed that takes longer hangs */
#define TWICE_EVERY 16        /* one seed of 16 runs twice */
#define MUTANT_SEEDS_MAX 12000 /* a mutant must be found within them */

struct options {
    uint64_t first, seeds;
    uint32_t requests, twice_every, jobs;
    uint16_t shards;
    bool trace, mutants, cover;
    enum mutant mutant;
};

/* The run under way, and where to go when it is broken. */
static struct run *current;
static jmp_buf failed;
static struct {
    const char *checker;
    char reason[REASON_MAX];
    uint64_t step;
    double at_ms;
} verdict;
static const char *program;

static _Noreturn void end_run(const char *checker)
{
    verdict.checker = checker;
    verdict.step = current->counts.steps;
    verdict.at_ms = (double)current->world.now_ns / 1e6;
    longjmp(failed, 1);
}

_Noreturn void broken_at(const char *checker, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(verdict.reason, sizeof verdict.reason, format, args);
    va_end(args);
    end_run(checker);
}

/* In place of the one in runtime/base/check.c, which would end the process without the seed, or
 * blame the views, which here always fit. */
_Noreturn void check_failed(const char *expression, const char *file, int line)
{
    if (current == NULL) {
        fprintf(stderr, "%s:%d: check failed: %s\n", file, line, expression);
        abort();
    }
    snprintf(verdict.reason, sizeof verdict.reason, "%s:%d: %s", file, line, expression);
    end_run("check()");
}

/* The process ends here, but says with which seed. */
static void on_signal(int number)
{
    char line[120];
    uint64_t seed = current == NULL ? 0 : current->options.seed;
    int len = snprintf(line, sizeof line, "seed %" PRIu64 ": %s\n", seed,
                       number == SIGALRM ? "does not come back" : "the process failed");
    ssize_t written = write(STDOUT_FILENO, line, (size_t)len);
    _exit(written > 0 ? 1 : 2);
}

struct totals {
    struct run_counts counts; /* what happened, also in runs that were broken */
    struct cover cover;
    uint64_t traces; /* hash over those of all runs */
    uint64_t batches, events, failures;
};

static void add_run_counts(struct run_counts *to, const struct run_counts *from)
{
    const uint64_t *one = (const uint64_t *)from;
    uint64_t *sum = (uint64_t *)to;
    for (size_t i = 0; i < sizeof *from / sizeof *one; i++)
        sum[i] += one[i];
}

static void add_counts(struct totals *t, const struct run *run)
{
    add_run_counts(&t->counts, &run->counts);
    cover_add(&t->cover, &run->cover);
    for (uint16_t i = 0; i < run->swarm.shards; i++) {
        t->batches += run->shards[i].history.seq;
        t->events += run->shards[i].history.events;
    }
}

/* false: it is broken, and `reason` says how. A broken run's memory is left as it is. */
static bool try_seed(const struct run_options *o, struct totals *t, uint64_t *hash)
{
    struct run *run = calloc(1, sizeof *run);
    if (run == NULL)
        abort();
    current = run;
    alarm(SEED_S_MAX);
    if (setjmp(failed) != 0) {
        add_counts(t, current);
        current = NULL;
        return false;
    }
    *hash = run_seed(run, o);
    current = NULL;
    add_counts(t, run);
    run_done(run);
    free(run);
    return true;
}

static void sim_print_failure(const struct options *o, uint64_t seed)
{
    printf("seed %" PRIu64 ", step %" PRIu64 " (%.3f ms): %s: %s\n    again: %s --seed %" PRIu64
           " --trace", seed, verdict.step, verdict.at_ms, verdict.checker, verdict.reason, program,
           seed);
    if (o->requests != 0)
        printf(" --requests %u", o->requests);
    if (o->shards != 0)
        printf(" --shards %u", o->shards);
    if (o->mutant != MUTANT_NONE)
        printf(" --mutant %s", mutant_names[o->mutant]);
    printf("\n");
    fflush(stdout);
}

static void add_trace(struct totals *t, uint64_t hash)
{
    t->traces = (t->traces ^ hash) * 0x9E3779B97F4A7C15u;
}

static bool one_seed(const struct options *o, uint64_t seed, struct totals *t)
{
    const struct run_options run = {seed, o->requests, o->shards, o->trace};
    uint64_t hash = 0, again = 0;
    bool good = try_seed(&run, t, &hash);
    if (good && o->twice_every != 0 && seed % o->twice_every == 0) {
        good = try_seed(&run, t, &again);
        if (good && again != hash) {
            verdict.checker = "one_seed";
            snprintf(verdict.reason, sizeof verdict.reason, "a second run took another way");
            good = false;
        }
    }
    if (!good) {
        t->failures++;
        if (!o->mutants)
            sim_print_failure(o, seed);
        return false;
    }
    add_trace(t, hash);
    if (o->seeds == 1)
        printf("seed %" PRIu64 ": trace %016" PRIx64 "\n", seed, hash);
    return true;
}

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void run_share(const struct options *o, uint32_t share, uint32_t shares, struct totals *t)
{
    uint64_t from = o->seeds * share / shares, to = o->seeds * (share + 1) / shares;
    for (uint64_t i = from; i < to; i++)
        one_seed(o, o->first + i, t);
}

/* A share whose process failed is one failure more; it has said of which seed. */
static void add_share(struct totals *t, const struct totals *share, int status)
{
    add_run_counts(&t->counts, &share->counts);
    cover_add(&t->cover, &share->cover);
    add_trace(t, share->traces);
    t->batches += share->batches;
    t->events += share->events;
    t->failures += share->failures + (status != 0);
}

/* Each in a process of its own, which counts in memory that all share. */
static void run_shares(const struct options *o, struct totals *t)
{
    pid_t jobs[JOBS_MAX];
    struct totals *shares = mmap(NULL, o->jobs * sizeof *shares, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shares == MAP_FAILED)
        abort();
    for (uint32_t i = 0; i < o->jobs; i++) {
        jobs[i] = fork();
        if (jobs[i] < 0)
            abort();
        if (jobs[i] == 0) {
            run_share(o, i, o->jobs, &shares[i]);
            exit(0);
        }
    }
    for (uint32_t i = 0; i < o->jobs; i++) {
        int status = 0;
        if (waitpid(jobs[i], &status, 0) != jobs[i])
            abort();
        add_share(t, &shares[i], status);
    }
    munmap(shares, o->jobs * sizeof *shares);
}

static int run_seeds(const struct options *o)
{
    struct totals t = {0};
    double began = now_s();
    if (o->jobs > 1)
        run_shares(o, &t);
    else
        run_share(o, 0, 1, &t);
    double took = now_s() - began;
    const struct run_counts *c = &t.counts;
    printf("%" PRIu64 " seeds, %" PRIu64 " failed, %.1f s (%.0f seeds/s): %" PRIu64
           " requests asked, %" PRIu64 " answers (%" PRIu64 " done, %" PRIu64 " refused), %" PRIu64
           " events in %" PRIu64 " batches, %" PRIu64 " crashes (%" PRIu64
           " of them after giving up, %" PRIu64 " without memory), %" PRIu64
           " clock jumps, %" PRIu64 " full disks, %" PRIu64 " steps, traces %016" PRIx64 "\n",
           o->seeds, t.failures, took, (double)o->seeds / took, c->asks, c->answers, c->successes,
           c->refusals, t.events, t.batches, c->crashes, c->restarts, c->shortages, c->clock_jumps,
           c->fulls, c->steps, t.traces);
    if (!o->cover)
        return t.failures == 0 ? 0 : 1;
    cover_print(&t.cover, run_domain());
    return cover_missing(&t.cover, run_domain()) == 0 && t.failures == 0 ? 0 : 1;
}

/* --- mutants ---------------------------------------------------------------------------------- */

static int run_mutants(struct options o)
{
    int missed = 0;
    o.mutants = true;
    o.twice_every = 0;
    for (int p = 1; p < MUTANT_COUNT; p++) {
        struct totals t = {0};
        mutant_active = (enum mutant)p;
        uint64_t seed = o.first;
        while (seed < o.first + MUTANT_SEEDS_MAX && one_seed(&o, seed, &t))
            seed++;
        if (t.failures == 0) {
            missed++;
            printf("%-30s NOT FOUND in %d seeds\n", mutant_names[p], MUTANT_SEEDS_MAX);
        } else {
            printf("%-30s seed %" PRIu64 ", %s: %s\n", mutant_names[p], seed, verdict.checker,
                   verdict.reason);
        }
        fflush(stdout);
    }
    printf("%d mutants, %d not found\n", MUTANT_COUNT - 1, missed);
    return missed == 0 ? 0 : 1;
}

/* --- command line ----------------------------------------------------------------------------- */

static int sim_usage(void)
{
    fputs("usage: sim --seeds N [--first S] [--requests N] [--mutant BUG] [--twice-every N]\n"
          "           [--shards N] [--jobs N] [--cover]\n"
          "       sim --seed S [--trace] [--requests N] [--shards N] [--mutant BUG]\n"
          "       sim --mutants | --list-mutants\n",
          stderr);
    return 2;
}

static bool sim_number(const char *text, uint64_t *value)
{
    char *end;
    if (text == NULL || *text == '\0' || *text == '-')
        return false;
    *value = strtoull(text, &end, 10);
    return *end == '\0';
}

/* One option with its value, if it has one; false if it is none of ours. */
static bool take_option(struct options *o, const char *name, const char *value, bool *took_value)
{
    uint64_t n = 0;
    *took_value = false;
    if (strcmp(name, "--trace") == 0)
        return o->trace = true;
    if (strcmp(name, "--mutants") == 0)
        return o->mutants = true;
    if (strcmp(name, "--cover") == 0)
        return o->cover = true;
    *took_value = true;
    if (strcmp(name, "--mutant") == 0)
        return value != NULL && mutant_find(value, &o->mutant);
    if (!sim_number(value, &n))
        return false;
    if (strcmp(name, "--seeds") == 0)
        o->seeds = n;
    else if (strcmp(name, "--first") == 0)
        o->first = n;
    else if (strcmp(name, "--seed") == 0)
        o->first = n, o->seeds = 1;
    else if (strcmp(name, "--requests") == 0)
        o->requests = (uint32_t)n;
    else if (strcmp(name, "--shards") == 0 && n <= RUN_SHARDS_MAX)
        o->shards = (uint16_t)n;
    else if (strcmp(name, "--jobs") == 0 && n >= 1 && n <= JOBS_MAX)
        o->jobs = (uint32_t)n;
    else if (strcmp(name, "--twice-every") == 0)
        o->twice_every = (uint32_t)n;
    else
        return false;
    return true;
}

int main(int argc, char **argv)
{
    struct options o = {.first = 1, .twice_every = TWICE_EVERY};
    program = argv[0];
    signal(SIGALRM, on_signal);
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    for (int i = 1; i < argc; i++) {
        bool took_value;
        if (strcmp(argv[i], "--list-mutants") == 0) {
            for (int p = 1; p < MUTANT_COUNT; p++)
                puts(mutant_names[p]);
            return 0;
        }
        if (!take_option(&o, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &took_value))
            return sim_usage();
        i += took_value;
    }
    if (o.mutants)
        return run_mutants(o);
    if (o.seeds == 0)
        return sim_usage();
    mutant_active = o.mutant;
    return run_seeds(&o);
}
