/* SPDX-License-Identifier: Apache-2.0 */
/* Sources of key sets. The thread of a source sleeps until the next refresh is due or wanted, loads
 * outside the lock, and swaps the pointer under it; loops notice by the generation. */
#include "gateway_bridge/auth/jwks.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/sha256.h"

struct jwks {
    struct jwks_options options;
    pthread_t thread;
    bool threaded;

    _Atomic uint64_t generation; /* written under the lock */

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t wake;
    struct key_set *set;
    bool wanted;
    bool stopping;

    /* The thread's own. */
    struct sha256_digest digest; /* of the document in use */
    uint64_t loaded_s;           /* when it was last seen to be current; 0 = never */
    bool stale;                  /* given up after stale_max_s */
    char body[KEY_SET_SIZE_MAX + 1];
};

struct loaded {
    char *bytes;
    size_t len;
    size_t max; /* one byte more than allowed, so that excess shows */
};

static uint64_t jwks_mono_s(void)
{
    struct timespec now;
    check(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec;
}

static const char *jwks_source_name(const struct jwks *j)
{
    return j->options.file != NULL ? j->options.file : j->options.url;
}

printf_like(3, 4) static void jwks_report(const struct jwks *j, bool wrong, const char *format, ...)
{
    char line[JWKS_ERROR_MAX + 128];
    va_list args;
    if (j->options.report == NULL)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    j->options.report(j->options.report_arg, wrong, line);
}

/* --- loading ---------------------------------------------------------------------------------- */

static bool jwks_file_load(const char *path, struct loaded *to, char *error)
{
    char text[128];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        snprintf(error, JWKS_ERROR_MAX, "cannot open %s: %s", path,
                 strerror_r(errno, text, sizeof(text)));
        return false;
    }
    to->len = fread(to->bytes, 1, to->max, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        snprintf(error, JWKS_ERROR_MAX, "cannot read %s", path);
    return !failed;
}

static size_t jwks_body_add(char *bytes, size_t size, size_t count, void *arg)
{
    struct loaded *to = arg;
    size_t len = size * count;
    if (len > to->max - to->len)
        return 0; /* ends the transfer with an error */
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
    return len;
}

/* Only what is asked for leaves the process: one scheme, no redirect, no proxy, no state. */
static void jwks_fetch_configure(CURL *curl, const struct jwks_options *o, struct loaded *to,
                                 char *text)
{
    bool secure = strncmp(o->url, "https:", 6) == 0;
    curl_easy_setopt(curl, CURLOPT_URL, o->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, secure ? "https" : "http");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)JWKS_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_MAXFILESIZE, (long)KEY_SET_SIZE_MAX);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (o->ca_file != NULL) {
        curl_easy_setopt(curl, CURLOPT_CAINFO, o->ca_file);
        curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    }
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, jwks_body_add);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, to);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
}

static bool jwks_url_load(const struct jwks_options *o, struct loaded *to, char *error)
{
    char text[CURL_ERROR_SIZE] = "";
    long status = 0;
    CURL *curl = curl_easy_init();
    if (curl == NULL) {
        snprintf(error, JWKS_ERROR_MAX, "out of memory");
        return false;
    }
    jwks_fetch_configure(curl, o, to, text);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    if (code != CURLE_OK) {
        snprintf(error, JWKS_ERROR_MAX, "%.200s", text[0] != 0 ? text : curl_easy_strerror(code));
        return false;
    }
    if (status != 200)
        snprintf(error, JWKS_ERROR_MAX, "HTTP status %ld", status);
    return status == 200;
}

/* --- the set in use --------------------------------------------------------------------------- */

static void jwks_set_publish(struct jwks *j, struct key_set *set)
{
    check(pthread_mutex_lock(&j->lock) == 0);
    struct key_set *old = j->set;
    j->set = set;
    atomic_fetch_add_explicit(&j->generation, 1, memory_order_release);
    check(pthread_mutex_unlock(&j->lock) == 0);
    key_set_unref(old); /* loops that still verify with it hold references */
}

/* Reads the document into a set of its own; an unchanged one is not swapped, so that the loops
 * keep what they have verified. */
static bool jwks_document_use(struct jwks *j, struct slice document, char *error)
{
    struct sha256_digest digest = sha256(&document, 1);
    bool same = j->loaded_s != 0 && !j->stale && memcmp(&digest, &j->digest, sizeof(digest)) == 0;
    if (!same) {
        char fault[KEY_SET_ERROR_MAX];
        struct key_set *set = key_set_parse(document, fault);
        if (set == NULL) {
            snprintf(error, JWKS_ERROR_MAX, "not a usable key set: %s", fault);
            return false;
        }
        uint32_t count = set->count;
        jwks_set_publish(j, set);
        j->digest = digest;
        if (jwks_source_name(j) != NULL)
            jwks_report(j, fault[0] != '\0', "keys of %s: %u in use%s%s", jwks_source_name(j),
                        count, fault[0] != '\0' ? ", not " : "", fault);
    }
    j->loaded_s = jwks_mono_s();
    j->stale = false;
    return true;
}

static bool jwks_source_load(struct jwks *j, char *error)
{
    if (j->options.document.len > 0)
        return jwks_document_use(j, j->options.document, error);
    struct loaded to = {.bytes = j->body, .max = sizeof(j->body)};
    bool loaded = j->options.file != NULL ? jwks_file_load(j->options.file, &to, error)
                                          : jwks_url_load(&j->options, &to, error);
    return loaded && jwks_document_use(j, (struct slice){to.bytes, (uint32_t)to.len}, error);
}

/* true if the keys are known to be current. */
static bool jwks_source_refresh(struct jwks *j)
{
    char error[JWKS_ERROR_MAX];
    if (jwks_source_load(j, error))
        return true;
    if (j->loaded_s == 0) {
        jwks_report(j, true, "no keys from %s: %s", jwks_source_name(j), error);
        return false;
    }
    uint64_t age_s = jwks_mono_s() - j->loaded_s;
    if (age_s < j->options.stale_max_s) {
        jwks_report(j, true, "keys of %s kept, %llu s old: %s", jwks_source_name(j),
                    (unsigned long long)age_s, error);
        return false;
    }
    struct key_set *none = j->stale ? NULL : key_set_empty();
    if (none != NULL) {
        jwks_set_publish(j, none);
        j->stale = true;
    }
    jwks_report(j, true, "keys of %s given up, %llu s old: %s", jwks_source_name(j),
                (unsigned long long)age_s, error);
    return false;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* Seconds until the next refresh: soon when a verifier wants it or the last one failed. */
static uint64_t jwks_pause_s(const struct jwks *j, bool good)
{
    return j->wanted || !good ? j->options.cooldown_s : j->options.refresh_s;
}

static void *jwks_source_run(void *arg)
{
    struct jwks *j = arg;
    uint64_t last_s = jwks_mono_s();
    bool first = j->loaded_s == 0; /* a URL is asked at once */
    bool good = true;
    check(pthread_mutex_lock(&j->lock) == 0);
    while (!j->stopping) {
        uint64_t due_s = first ? 0 : last_s + jwks_pause_s(j, good);
        if (jwks_mono_s() < due_s) {
            struct timespec until = {.tv_sec = (time_t)due_s};
            int rc = pthread_cond_timedwait(&j->wake, &j->lock, &until);
            check(rc == 0 || rc == ETIMEDOUT);
            continue;
        }
        first = false;
        j->wanted = false;
        check(pthread_mutex_unlock(&j->lock) == 0);
        last_s = jwks_mono_s();
        good = jwks_source_refresh(j);
        check(pthread_mutex_lock(&j->lock) == 0);
    }
    check(pthread_mutex_unlock(&j->lock) == 0);
    return NULL;
}

/* --- interface -------------------------------------------------------------------------------- */

const char *jwks_url_fault(const char *url)
{
    static const char *const starts[] = {"https://", "http://127.0.0.1", "http://[::1]",
                                         "http://localhost"};
    const char *fault = "is neither https:// nor http:// to a loopback address";
    for (size_t i = 0; i < array_len(starts); i++) {
        size_t len = strlen(starts[i]);
        if (strncmp(url, starts[i], len) != 0)
            continue;
        /* Not "http://localhost.example" nor "http://127.0.0.1@example". */
        if (i == 0 || url[len] == 0 || url[len] == ':' || url[len] == '/')
            fault = strpbrk(url, "@ \\") != NULL ? "has a user name or a blank" : NULL;
    }
    return fault;
}

static bool jwks_monotonic_init(pthread_cond_t *wake)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool made = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(wake, &attributes) == 0;
    pthread_condattr_destroy(&attributes);
    return made;
}

static struct jwks *jwks_free(struct jwks *j)
{
    check(pthread_cond_destroy(&j->wake) == 0);
    check(pthread_mutex_destroy(&j->lock) == 0);
    key_set_unref(j->set);
    free(j);
    return NULL;
}

/* The thread takes no signals: those that stop the process belong to its loops, and a connection
 * that breaks while libcurl writes must not end it (SIGPIPE). */
static bool jwks_thread_start(struct jwks *j)
{
    sigset_t all, before;
    sigfillset(&all);
    check(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    j->threaded = pthread_create(&j->thread, NULL, jwks_source_run, j) == 0;
    check(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return j->threaded;
}

static struct jwks *jwks_new(const struct jwks_options *o)
{
    struct jwks *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return NULL;
    j->options = *o;
    if (o->cooldown_s == 0)
        j->options.cooldown_s = JWKS_COOLDOWN_S;
    if (o->refresh_s == 0)
        j->options.refresh_s = JWKS_REFRESH_S;
    if (o->stale_max_s == 0)
        j->options.stale_max_s = JWKS_STALE_MAX_S;
    j->set = key_set_empty();
    check(pthread_mutex_init(&j->lock, NULL) == 0);
    check(jwks_monotonic_init(&j->wake));
    return j->set != NULL ? j : jwks_free(j);
}

struct jwks *jwks_start(const struct jwks_options *o, char error[JWKS_ERROR_MAX])
{
    check((o->document.len > 0) + (o->file != NULL) + (o->url != NULL) == 1);
    const char *fault = o->url != NULL ? jwks_url_fault(o->url) : NULL;
    if (fault != NULL) {
        snprintf(error, JWKS_ERROR_MAX, "the URL %s", fault);
        return NULL;
    }
    if (o->ca_file != NULL && access(o->ca_file, R_OK) != 0) {
        char text[80];
        snprintf(error, JWKS_ERROR_MAX, "cannot read %.128s: %s", o->ca_file,
                 strerror_r(errno, text, sizeof text));
        return NULL;
    }
    /* Counted by the library; its first call must not race. */
    if (o->url != NULL && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        snprintf(error, JWKS_ERROR_MAX, "libcurl does not start");
        return NULL;
    }
    struct jwks *j = jwks_new(o);
    if (j == NULL) {
        snprintf(error, JWKS_ERROR_MAX, "out of memory");
        return NULL;
    }
    if (o->url == NULL && !jwks_source_load(j, error))
        return jwks_free(j);
    if (o->document.len > 0)
        return j;
    if (!jwks_thread_start(j)) {
        snprintf(error, JWKS_ERROR_MAX, "no thread for the refresh of keys");
        return jwks_free(j);
    }
    return j;
}

struct jwks *jwks_stop(struct jwks *j)
{
    if (j == NULL)
        return NULL;
    if (j->threaded) {
        check(pthread_mutex_lock(&j->lock) == 0);
        j->stopping = true;
        check(pthread_cond_signal(&j->wake) == 0);
        check(pthread_mutex_unlock(&j->lock) == 0);
        check(pthread_join(j->thread, NULL) == 0);
    }
    return jwks_free(j);
}

uint64_t jwks_generation(const struct jwks *j)
{
    return atomic_load_explicit(&j->generation, memory_order_acquire);
}

struct key_set *jwks_take(struct jwks *j, uint64_t *generation)
{
    check(pthread_mutex_lock(&j->lock) == 0);
    struct key_set *set = key_set_ref(j->set);
    *generation = jwks_generation(j);
    check(pthread_mutex_unlock(&j->lock) == 0);
    return set;
}

void jwks_want(struct jwks *j)
{
    if (!j->threaded)
        return;
    check(pthread_mutex_lock(&j->lock) == 0);
    if (!j->wanted) {
        j->wanted = true;
        check(pthread_cond_signal(&j->wake) == 0);
    }
    check(pthread_mutex_unlock(&j->lock) == 0);
}

bool jwks_ready(struct jwks *j)
{
    check(pthread_mutex_lock(&j->lock) == 0);
    bool ready = j->set->count > 0;
    check(pthread_mutex_unlock(&j->lock) == 0);
    return ready;
}
