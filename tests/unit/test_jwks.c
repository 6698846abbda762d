/* SPDX-License-Identifier: Apache-2.0 */
/* Which key sets are used, where they may come from, and what happens when they change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <malloc.h>
#include <netinet/in.h>
#include <openssl/core_names.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>

#include "schemas/result.h"
#include "tests/unit/token_fixture.h"

#define EC_XY                                                                                      \
    "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","                                       \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"" /* RFC 7515 appendix A.3.1 */
#define EC(kid) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"" kid "\"," EC_XY "}"

static struct key_set *parsed(const char *document, char *error)
{
    error[0] = 0;
    return key_set_parse(slice_of(document), error);
}

static void assert_refused(const char *document, const char *why)
{
    char error[KEY_SET_ERROR_MAX];
    struct key_set *s = parsed(document, error);
    assert_null(s);
    if (strstr(error, why) == NULL)
        fail_msg("%s: \"%s\"", document, error);
}

static void sets_that_are_not_clear_are_refused(void **state)
{
    (void)state;
    assert_refused("", "JSON object");
    assert_refused("[]", "JSON object");
    assert_refused("{\"keys\":{}}", "JSON object");
    assert_refused("{\"keys\":[]}", "no key");
    assert_refused("{\"keys\":[],\"keys\":[]}", "JSON object");
    assert_refused("{\"keys\":[7]}", "key 0: not an object");
    assert_refused("{\"keys\":[" EC("a") "," EC("a") "]}", "key 1: its kid");
    assert_refused("{\"keys\":[{\"kty\":\"oct\",\"kid\":\"a\",\"k\":\"AA\"}," EC("a") "]}",
                   "key 1: its kid");
    assert_refused("{\"keys\":[" EC("a") ",{\"kty\":\"EC\",\"crv\":\"P-256\"," EC_XY "}]}",
                   "without kid");
    assert_refused("{\"keys\":[" EC("a\\u0000b") "]}", "key 0: kid");
    assert_refused("{\"keys\":[" EC("") "]}", "key 0: kid");
    assert_refused("{\"keys\":[{\"kid\":\"a\"}]}", "kty");
    assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\"," EC_XY "}]}",
                   "private");
}

static void curve_points_are_checked(void **state)
{
    (void)state;
    assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
                   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a4\"}]}",
                   "not on the curve");
    assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}",
                   "not 32 bytes");
    assert_refused("{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\","
                   "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU=\","
                   "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}]}",
                   "not 32 bytes");
}

/* The fixture's RSA key with another modulus (as hex) or exponent. */
static void assert_rsa_refused(const char *n_hex, const char *e, const char *why)
{
    char document[4096], n[2048];
    BIGNUM *number = NULL;
    uint8_t bytes[1100];
    check(BN_hex2bn(&number, n_hex) > 0);
    n[base64url_encode(bytes, (size_t)BN_bn2bin(number, bytes), n)] = 0;
    BN_free(number);
    snprintf(document, sizeof(document), "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}]}",
             n, e);
    assert_refused(document, why);
}

static void weak_rsa_keys_are_refused(void **state)
{
    struct fixture *f = *state;
    EVP_PKEY *pkey = private_key(&f->rsa);
    BIGNUM *n = NULL;
    check(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &n) == 1);
    char *good = BN_bn2hex(n);
    assert_rsa_refused(good, "Aw", "below 65537");
    assert_rsa_refused(good, "AQAA", "even");
    assert_rsa_refused(good, "AQAB=", "e is missing");
    assert_rsa_refused(good, "AQABAQABAQABAQAB", "e is missing");
    check(BN_sub_word(n, 1) == 1);
    char *even = BN_bn2hex(n);
    assert_rsa_refused(even, "AQAB", "modulus is even");
    check(BN_rshift(n, n, 1) == 1 && BN_set_bit(n, 0) == 1);
    char *small = BN_bn2hex(n);
    assert_rsa_refused(small, "AQAB", "2048");
    /* 65537 to a high power is what the faulty generator's moduli look like. */
    BN_CTX *context = BN_CTX_new();
    check(BN_set_word(n, 65537) == 1);
    BIGNUM *power = BN_new();
    check(BN_set_word(power, 130) == 1 && BN_exp(n, n, power, context) == 1);
    char *roca = BN_bn2hex(n);
    assert_rsa_refused(roca, "AQAB", "CVE-2017-15361");
    OPENSSL_free(good);
    OPENSSL_free(even);
    OPENSSL_free(small);
    OPENSSL_free(roca);
    BN_free(power);
    BN_CTX_free(context);
    BN_free(n);
    EVP_PKEY_free(pkey);
}

static bool is_prime(uint32_t n)
{
    for (uint32_t i = 2; i < n; i++)
        if (n % i == 0)
            return false;
    return true;
}

/* A modulus that is 1 modulo everything up to 168 but multiples of this prime, which divides it. */
static BIGNUM *modulus_divided_by(uint32_t prime)
{
    BIGNUM *n = BN_new(), *step = BN_new();
    check(BN_one(step) == 1);
    for (uint32_t q = 2; q <= 168; q++) {
        for (uint32_t power = q; is_prime(q) && q != prime && power <= 168; power *= q)
            check(BN_mul_word(step, q) == 1);
    }
    check(BN_copy(n, step) != NULL && BN_lshift(n, n, 2048) == 1 && BN_add_word(n, 1) == 1);
    while (BN_mod_word(n, prime) != 0)
        check(BN_add(n, n, step) == 1);
    BN_free(step);
    return n;
}

/* No key of the faulty generator has a modulus that a small prime divides: one is enough. */
static void each_small_prime_tells_a_sound_key(void **state)
{
    (void)state;
    for (uint32_t prime = 3; prime <= 167; prime++) {
        if (!is_prime(prime))
            continue;
        char document[4096], n[2048], error[KEY_SET_ERROR_MAX];
        uint8_t bytes[1100];
        BIGNUM *number = modulus_divided_by(prime);
        n[base64url_encode(bytes, (size_t)BN_bn2bin(number, bytes), n)] = 0;
        BN_free(number);
        snprintf(document, sizeof(document),
                 "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"AQAB\"}]}", n);
        struct key_set *s = parsed(document, error);
        if (s == NULL)
            fail_msg("%u: %s", prime, error);
        key_set_unref(s);
    }
}

static void keys_for_other_uses_are_left_out(void **state)
{
    (void)state;
    char error[KEY_SET_ERROR_MAX];
    struct key_set *s = parsed(
        "{\"keys\":[" EC("a") ","
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"b\",\"use\":\"enc\"," EC_XY "},"
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"c\",\"alg\":\"ES384\"," EC_XY "},"
        "{\"kty\":\"EC\",\"crv\":\"P-384\",\"kid\":\"d\"},"
        "{\"kty\":\"RSA\",\"kid\":\"e\",\"alg\":\"RS512\",\"n\":\"AA\",\"e\":\"AQAB\"},"
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"f\",\"key_ops\":[\"sign\"]," EC_XY "},"
        "{\"kty\":\"oct\",\"kid\":\"g\",\"k\":\"AA\"}]}", error);
    assert_non_null(s);
    assert_int_equal(s->count, 1);
    assert_int_equal(s->keys[0].alg, KEY_ES256);
    assert_ptr_equal(key_set_find(s, slice_of("a")), &s->keys[0]);
    assert_null(key_set_find(s, slice_of("b")));
    assert_ptr_equal(key_set_find(s, slice_of("")), &s->keys[0]);
    assert_string_equal(error, "");
    key_set_unref(s);
}

static void a_key_that_cannot_be_used_leaves_the_others(void **state)
{
    static const char *const rows[] = {
        "7",
        "{\"kid\":\"b\"}",
        EC("b\\n"),
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"b\",\"x\":\"AA\",\"y\":\"AA\"}",
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"b\",\"d\":\"AA\"," EC_XY "}",
        "{\"kty\":\"RSA\",\"kid\":\"b\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
    };
    (void)state;
    for (size_t i = 0; i < array_len(rows); i++) {
        char document[1024], error[KEY_SET_ERROR_MAX];
        snprintf(document, sizeof document, "{\"keys\":[%s,%s]}", rows[i], EC("a"));
        struct key_set *s = parsed(document, error);
        assert_non_null(s);
        assert_int_equal(s->count, 1);
        assert_non_null(key_set_find(s, slice_of("a")));
        assert_null(key_set_find(s, slice_of("b")));
        assert_non_null(strstr(error, "key 0: "));
        key_set_unref(s);
    }
    assert_refused("{\"keys\":[{\"kid\":\"a\"}," EC("a") "]}", "key 1: its kid");
}

static void a_set_has_its_limits(void **state)
{
    (void)state;
    char error[KEY_SET_ERROR_MAX];
    char *document = malloc(KEY_SET_SIZE_MAX + 16);
    check(document != NULL);
    memset(document, ' ', KEY_SET_SIZE_MAX + 1);
    assert_null(key_set_parse((struct slice){document, KEY_SET_SIZE_MAX + 1}, error));
    assert_non_null(strstr(error, "longer"));
    size_t at = (size_t)snprintf(document, 64, "{\"keys\":[{}");
    for (int i = 0; i < KEY_SET_LISTED_MAX; i++)
        at += (size_t)snprintf(document + at, 8, ",{}");
    snprintf(document + at, 8, "]}");
    assert_refused(document, "more than 256");
    free(document);
}

/* A kid is compared and nothing else (RFC 7517 section 4.5). */
static void a_kid_may_be_any_text(void **state)
{
    static const char *const kids[] = {"1234example=", "abc+def/ghi=", "a/../b",
                                       "bilbo.baggins@hobbiton.example", "sha256:abcd",
                                       "2024-01-01T00:00:00Z", " key 1 ", "schl\xc3\xbcssel"};
    char document[1024], error[KEY_SET_ERROR_MAX];
    (void)state;
    for (size_t i = 0; i < array_len(kids); i++) {
        snprintf(document, sizeof document,
                 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\"," EC_XY "}," EC("a")
                 "]}", kids[i]);
        struct key_set *s = parsed(document, error);
        assert_non_null(s);
        assert_string_equal(error, "");
        assert_ptr_equal(key_set_find(s, slice_of(kids[i])), &s->keys[0]);
        key_set_unref(s);
    }
}

static void a_kid_has_its_limits(void **state)
{
    static const struct {
        size_t len;
        char last;
        bool good;
    } cases[] = {{1, 'a', true},           {KEY_KID_MAX, 'a', true}, {KEY_KID_MAX + 1, 'a', false},
                 {2, 0x20, true},          {2, 0x7e, true},          {2, 0x7f, false},
                 {KEY_KID_MAX, 0x7f, false}};
    char kid[KEY_KID_MAX + 2], document[1024], error[KEY_SET_ERROR_MAX];
    (void)state;
    for (size_t i = 0; i < array_len(cases); i++) {
        memset(kid, 'k', sizeof kid);
        kid[cases[i].len - 1] = cases[i].last;
        kid[cases[i].len] = '\0';
        snprintf(document, sizeof document,
                 "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"%s\"," EC_XY "}]}", kid);
        struct key_set *s = parsed(document, error);
        assert_int_equal(s != NULL, cases[i].good);
        if (s == NULL)
            continue;
        assert_ptr_equal(key_set_find(s, slice_of(kid)), &s->keys[0]);
        kid[0]++;
        assert_null(key_set_find(s, slice_of(kid)));
        key_set_unref(s);
    }
    assert_refused("{\"keys\":[" EC("a\\u001f") "]}", "key 0: kid");
}

/* `others` keys, which are these two texts with a number between, before and behind the key "a". */
static struct key_set *set_among(int others, const char *begin, const char *end,
                                 char error[KEY_SET_ERROR_MAX])
{
    char document[16 * 1024];
    size_t at = (size_t)snprintf(document, sizeof document, "{\"keys\":[");
    for (int i = 0; i < others; i++)
        at += (size_t)snprintf(document + at, sizeof document - at, "%s%d%s,%s", begin, i, end,
                               i == others / 2 ? EC("a") "," : "");
    snprintf(document + at - 1, sizeof document - at, "]}");
    return parsed(document, error);
}

static void only_keys_that_are_used_are_counted(void **state)
{
    char error[KEY_SET_ERROR_MAX];
    (void)state;
    struct key_set *s = set_among(40, "{\"kty\":\"oct\",\"k\":\"AA\",\"kid\":\"o", "\"}", error);
    assert_non_null(s);
    assert_int_equal(s->count, 1);
    assert_string_equal(error, "");
    key_set_unref(s);
    s = set_among(40, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k", "\"," EC_XY "}", error);
    assert_non_null(s);
    assert_int_equal(s->count, 32);
    assert_non_null(key_set_find(s, slice_of("a")));
    assert_non_null(strstr(error, "key 32: it is beyond the 32"));
    key_set_unref(s);
}

static void only_safe_places_are_asked(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "http://is.example/jwks",
        "http://localhost.evil.example/jwks",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "ftp://127.0.0.1/jwks",
        "file:///etc/passwd",
        "HTTPS//x",
        "",
        "http://[::1].evil.example/",
        "http://localhost/a b",
        "https://is.example/a\\b",
        "https://user@is.example/",
        "http://127.0.0.1.evil.example/",
    };
    static const char *const good[] = {"https://is.example/oauth2/jwks", "https://is.example:9443",
                                       "http://localhost", "http://127.0.0.1:9763/jwks"};
    for (size_t i = 0; i < array_len(good); i++)
        if (jwks_url_fault(good[i]) != NULL)
            fail_msg("%s: %s", good[i], jwks_url_fault(good[i]));
    char error[JWKS_ERROR_MAX];
    for (size_t i = 0; i < array_len(refused); i++) {
        error[0] = '\0';
        assert_null(jwks_start(&(struct jwks_options){.url = refused[i]}, error));
        assert_non_null(strstr(error, "the URL "));
    }
    assert_null(jwks_start(&(struct jwks_options){.file = "/nowhere/jwks.json"}, error));
    assert_non_null(strstr(error, "cannot open /nowhere/jwks.json"));
    assert_null(jwks_start(&(struct jwks_options){.document = slice_of("{}")}, error));
    assert_non_null(strstr(error, "not a usable key set"));
}

/* Bytes that are taken from the allocator and not given back. */
static size_t memory_in_use(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}

static void a_set_that_nobody_uses_any_more_gives_its_memory_back(void **state)
{
    char error[KEY_SET_ERROR_MAX];
    size_t in_use[20];
    (void)state;
    for (size_t i = 0; i < array_len(in_use); i++) {
        struct key_set *s = parsed("{\"keys\":[" EC("a") "]}", error);
        assert_non_null(s);
        struct key_set *user = key_set_ref(s);
        key_set_unref(s);
        assert_non_null(key_set_find(user, slice_of("a")));
        key_set_unref(user);
        in_use[i] = memory_in_use();
    }
    assert_int_equal(in_use[array_len(in_use) - 1], in_use[array_len(in_use) / 2]);
}

/* --- a source that changes -------------------------------------------------------------------- */

struct server {
    int listener;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t lock;
    char answer[KEY_SET_SIZE_MAX + 4096];
    _Atomic int asked;
    _Atomic bool stopping;
};

static void *serve(void *arg)
{
    struct server *s = arg;
    while (!s->stopping) {
        struct pollfd ready = {.fd = s->listener, .events = POLLIN};
        if (poll(&ready, 1, 20) <= 0)
            continue;
        int fd = accept(s->listener, NULL, NULL);
        char request[2048];
        if (fd < 0)
            continue;
        if (read(fd, request, sizeof(request)) > 0) {
            pthread_mutex_lock(&s->lock);
            s->asked++;
            (void)!write(fd, s->answer, strlen(s->answer));
            pthread_mutex_unlock(&s->lock);
        }
        close(fd);
    }
    return NULL;
}

static void server_say(struct server *s, const char *status, const char *body)
{
    pthread_mutex_lock(&s->lock);
    snprintf(s->answer, sizeof(s->answer),
             "HTTP/1.1 %s\r\nConnection: close\r\nLocation: http://127.0.0.1:%u/other\r\n\r\n%s",
             status, s->port, body);
    pthread_mutex_unlock(&s->lock);
}

static struct server *server_start(void)
{
    struct server *s = calloc(1, sizeof(*s));
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    check(s != NULL && pthread_mutex_init(&s->lock, NULL) == 0);
    s->listener = socket(AF_INET, SOCK_STREAM, 0);
    check(s->listener >= 0 && bind(s->listener, (struct sockaddr *)&address, len) == 0);
    check(listen(s->listener, 8) == 0);
    check(getsockname(s->listener, (struct sockaddr *)&address, &len) == 0);
    s->port = ntohs(address.sin_port);
    check(pthread_create(&s->thread, NULL, serve, s) == 0);
    return s;
}

static void server_stop(struct server *s)
{
    s->stopping = true;
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    close(s->listener);
    free(s);
}

/* Lines that an operator would see, one after another. */
struct lines {
    pthread_mutex_t lock;
    size_t len;
    size_t seen; /* what was looked for already lies before this */
    char text[16384];
};

static void line_keep(void *arg, bool wrong, const char *line)
{
    struct lines *l = arg;
    pthread_mutex_lock(&l->lock);
    int len = snprintf(l->text + l->len, sizeof(l->text) - l->len, "%s%s\n", line,
                       wrong ? " (wrong)" : "");
    check(len > 0 && l->len + (size_t)len < sizeof(l->text));
    l->len += (size_t)len;
    pthread_mutex_unlock(&l->lock);
}

/* Waits for such a line after the last one that was seen. */
static bool line_seen(struct lines *l, const char *part)
{
    const char *found = NULL;
    for (int i = 0; i < 1500 && found == NULL; i++) {
        pthread_mutex_lock(&l->lock);
        found = strstr(l->text + l->seen, part);
        if (found != NULL)
            l->seen = (size_t)(strchr(found, '\n') - l->text);
        pthread_mutex_unlock(&l->lock);
        if (found == NULL)
            poll(NULL, 0, 10);
    }
    if (found == NULL)
        print_error("no \"%s\" in: %s\n", part, l->text);
    return found != NULL;
}

/* An identity server with one key, a source that follows it, and a verifier behind that. */
struct scene {
    struct server *server;
    struct lines lines;
    char url[64];
    char old_keys[2048], new_keys[2048];
    char *of_old, *of_new; /* tokens */
    struct jwks *keys;
    struct token_verifier *verifier;
};

static uint16_t verify(struct scene *s, const char *token)
{
    const struct token_claims *claims = NULL;
    return token_verify(s->verifier, slice_of(token), NOW, true, &claims);
}

static void scene_start(struct scene *s, struct fixture *f)
{
    static const char claims[] = "{\"iss\":\"" ISSUER_IS "\",\"aud\":\"payments\",\"sub\":\"a\","
                                 "\"azp\":\"c\",\"iat\":1799999900,\"exp\":1800003000}";
    char error[JWKS_ERROR_MAX], jwk[ISSUER_KEY_JWK_MAX];
    memset(s, 0, sizeof(*s));
    check(pthread_mutex_init(&s->lines.lock, NULL) == 0);
    jwk_named(&f->ec, "old", jwk, sizeof(jwk));
    snprintf(s->old_keys, sizeof(s->old_keys), "{\"keys\":[%s]}", jwk);
    jwk_named(&f->ec, "new", jwk, sizeof(jwk));
    snprintf(s->new_keys, sizeof(s->new_keys), "{\"keys\":[%s]}", jwk);
    s->of_old = token_make(f, BY_EC, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"old\"}",
                           claims);
    s->of_new = token_make(f, BY_EC, "{\"alg\":\"ES256\",\"typ\":\"at+jwt\",\"kid\":\"new\"}",
                           claims);
    s->server = server_start();
    server_say(s->server, "503 Starting", "");
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/oauth2/jwks", s->server->port);
    s->keys = jwks_start(&(struct jwks_options){.url = s->url,
                                                .report = line_keep,
                                                .report_arg = &s->lines,
                                                .cooldown_s = 1,
                                                .refresh_s = 1000,
                                                .stale_max_s = 6},
                         error);
    check(s->keys != NULL);
    struct token_policy policy = f->policy;
    policy.issuers[0].keys = s->keys;
    s->verifier = token_verifier_new(&policy);
    check(s->verifier != NULL);
    assert_true(line_seen(&s->lines, "no keys from http://127.0.0.1"));
    assert_false(jwks_ready(s->keys));
    server_say(s->server, "200 OK", s->old_keys);
    assert_true(line_seen(&s->lines, "1 in use"));
    assert_true(jwks_ready(s->keys));
    assert_int_equal(verify(s, s->of_old), 0);
}

static void scene_stop(struct scene *s)
{
    token_verifier_free(s->verifier);
    jwks_stop(s->keys);
    server_stop(s->server);
    pthread_mutex_destroy(&s->lines.lock);
    free(s->of_old);
    free(s->of_new);
}

static void an_unknown_key_makes_us_look_again(void **state)
{
    struct scene s;
    scene_start(&s, *state);
    /* A redirect is not followed, half a set not taken; the keys stay. */
    static const char *const faults[][3] = {
        {"302 Found", "", "HTTP status 302"},
        {"200 OK", "{\"keys\":[{}]}", "not a usable key set"},
    };
    for (size_t i = 0; i < array_len(faults); i++) {
        server_say(s.server, faults[i][0], faults[i][1]);
        assert_int_equal(verify(&s, s.of_new), RESULT_UNAUTHENTICATED);
        assert_int_equal(token_reason(s.verifier), TOKEN_KEY_UNKNOWN);
        assert_true(line_seen(&s.lines, faults[i][2]));
        assert_int_equal(verify(&s, s.of_old), 0);
    }
    server_say(s.server, "200 OK", s.new_keys);
    assert_int_equal(verify(&s, s.of_new), RESULT_UNAUTHENTICATED);
    assert_true(line_seen(&s.lines, "1 in use"));
    assert_int_equal(verify(&s, s.of_new), 0);
    /* The old key is gone, and what was verified with it is not remembered. */
    assert_int_equal(verify(&s, s.of_old), RESULT_UNAUTHENTICATED);

    /* A storm of unknown keys asks once per cooldown. */
    int before = s.server->asked;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(verify(&s, s.of_old), RESULT_UNAUTHENTICATED);
    assert_in_range(s.server->asked - before, 0, 2);
    scene_stop(&s);
}

static void keys_without_refresh_are_given_up_in_the_end(void **state)
{
    struct scene s;
    scene_start(&s, *state);
    char *large = malloc(KEY_SET_SIZE_MAX + 2);
    check(large != NULL);
    memset(large, ' ', KEY_SET_SIZE_MAX + 1);
    large[KEY_SET_SIZE_MAX + 1] = 0;
    server_say(s.server, "200 OK", large);
    jwks_want(s.keys);
    assert_true(line_seen(&s.lines, "kept"));
    assert_int_equal(verify(&s, s.of_old), 0);
    assert_true(line_seen(&s.lines, "given up"));
    assert_false(jwks_ready(s.keys));
    assert_int_equal(verify(&s, s.of_old), RESULT_UNAUTHENTICATED);
    server_say(s.server, "200 OK", s.old_keys);
    assert_true(line_seen(&s.lines, "1 in use"));
    assert_int_equal(verify(&s, s.of_old), 0);
    free(large);
    scene_stop(&s);
}

static void a_file_is_read_again(void **state)
{
    struct fixture *f = *state;
    struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char error[JWKS_ERROR_MAX], path[64];
    snprintf(path, sizeof(path), "%s/jwks.json", f->directory);
    FILE *file = fopen(path, "we");
    check(file != NULL && fputs(f->document, file) >= 0 && fclose(file) == 0);
    struct jwks *j = jwks_start(&(struct jwks_options){.file = path,
                                                       .report = line_keep,
                                                       .report_arg = &lines,
                                                       .cooldown_s = 1},
                                error);
    assert_non_null(j);
    assert_true(line_seen(&lines, "2 in use\n"));
    uint64_t generation = jwks_generation(j);
    file = fopen(path, "we");
    check(file != NULL && fputs("{\"keys\":[" EC("a") ",{}]}", file) >= 0 &&
          fclose(file) == 0);
    jwks_want(j);
    assert_true(line_seen(&lines, "1 in use, not key 1: kty is missing (wrong)\n"));
    assert_int_not_equal(jwks_generation(j), generation);
    assert_int_equal(unlink(path), 0);
    jwks_want(j);
    assert_true(line_seen(&lines, "cannot open"));
    assert_true(line_seen(&lines, " (wrong)\n"));
    assert_true(jwks_ready(j));
    jwks_stop(j);
}

/* It is asked, and an operator reads why there is no answer. */
/* The whole of it is told: the name stands there twice. */
static void a_long_name_is_told(void **state)
{
    struct fixture *f = *state;
    struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
    char error[JWKS_ERROR_MAX], path[256], told[512];
    int len = snprintf(path, sizeof(path), "%s/%0110d.json", f->directory, 0);
    assert_in_range(len, 110, 155); /* twice that is in a line */
    FILE *file = fopen(path, "we");
    check(file != NULL && fputs(f->document, file) >= 0 && fclose(file) == 0);
    struct jwks *j = jwks_start(&(struct jwks_options){.file = path,
                                                       .report = line_keep,
                                                       .report_arg = &lines,
                                                       .cooldown_s = 1},
                                error);
    assert_non_null(j);
    assert_int_equal(unlink(path), 0);
    jwks_want(j);
    snprintf(told, sizeof(told), "cannot open %s: No such file or directory (wrong)\n", path);
    assert_true(line_seen(&lines, told));
    jwks_stop(j);
}

/* While it waits, and when the second has come in which it looks again. */
static void a_source_that_waits_takes_no_processor(void **state)
{
    struct fixture *f = *state;
    struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
    const struct timespec while_it_waits = {.tv_sec = 2, .tv_nsec = 200000000};
    char error[JWKS_ERROR_MAX], path[64];
    snprintf(path, sizeof(path), "%s/jwks.json", f->directory);
    FILE *file = fopen(path, "we");
    check(file != NULL && fputs(f->document, file) >= 0 && fclose(file) == 0);
    struct jwks *j = jwks_start(&(struct jwks_options){.file = path,
                                                       .report = line_keep,
                                                       .report_arg = &lines,
                                                       .cooldown_s = 1,
                                                       .refresh_s = 1},
                                error);
    assert_non_null(j);
    assert_true(line_seen(&lines, "2 in use\n"));
    clock_t before = clock();
    check(nanosleep(&while_it_waits, NULL) == 0);
    assert_in_range(clock() - before, 0, CLOCKS_PER_SEC / 4);
    jwks_stop(j);
    assert_int_equal(unlink(path), 0);
}

static void a_source_on_loopback_needs_no_tls(void **state)
{
    static const char *const asked[] = {"http://localhost:1/jwks", "http://127.0.0.1:1/jwks",
                                        "http://[::1]:1/jwks"};
    char error[JWKS_ERROR_MAX];
    (void)state;
    for (size_t i = 0; i < array_len(asked); i++) {
        struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
        struct jwks *j = jwks_start(
            &(struct jwks_options){.url = asked[i], .report = line_keep, .report_arg = &lines},
            error);
        assert_non_null(j);
        assert_true(line_seen(&lines, "no keys from "));
        assert_non_null(strstr(lines.text, " port 1 "));
        assert_false(jwks_ready(j));
        jwks_stop(j);
    }
}

/* Loops keep what they verified with it, and nobody is told of it again. */
static void an_unchanged_document_is_not_swapped(void **state)
{
    struct fixture *f = *state;
    struct lines lines = {.lock = PTHREAD_MUTEX_INITIALIZER};
    struct server *server = server_start();
    char error[JWKS_ERROR_MAX], url[64];
    server_say(server, "200 OK", f->document);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u/oauth2/jwks", server->port);
    struct jwks *j = jwks_start(&(struct jwks_options){.url = url,
                                                       .report = line_keep,
                                                       .report_arg = &lines,
                                                       .cooldown_s = 1,
                                                       .refresh_s = 1},
                                error);
    assert_non_null(j);
    assert_true(line_seen(&lines, "2 in use\n"));
    uint64_t generation = jwks_generation(j);
    for (int i = 0; i < 1500 && server->asked < 3; i++)
        poll(NULL, 0, 10);
    server_say(server, "200 OK", "{\"keys\":[" EC("a") "]}");
    assert_int_equal(jwks_generation(j), generation);
    assert_true(line_seen(&lines, "1 in use\n"));
    assert_int_equal(jwks_generation(j), generation + 1);
    assert_null(strstr(strstr(lines.text, "2 in use") + 1, "2 in use"));
    jwks_stop(j);
    server_stop(server);
}

static int given_keys(void **state)
{
    *state = fixture_new();
    return 0;
}

static int no_more_keys(void **state)
{
    fixture_free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_that_are_not_clear_are_refused),
        cmocka_unit_test(curve_points_are_checked),
        cmocka_unit_test(weak_rsa_keys_are_refused),
        cmocka_unit_test(each_small_prime_tells_a_sound_key),
        cmocka_unit_test(keys_for_other_uses_are_left_out),
        cmocka_unit_test(a_key_that_cannot_be_used_leaves_the_others),
        cmocka_unit_test(a_set_has_its_limits),
        cmocka_unit_test(a_kid_may_be_any_text),
        cmocka_unit_test(a_kid_has_its_limits),
        cmocka_unit_test(only_keys_that_are_used_are_counted),
        cmocka_unit_test(only_safe_places_are_asked),
        cmocka_unit_test(a_set_that_nobody_uses_any_more_gives_its_memory_back),
        cmocka_unit_test(a_source_on_loopback_needs_no_tls),
        cmocka_unit_test(an_unknown_key_makes_us_look_again),
        cmocka_unit_test(keys_without_refresh_are_given_up_in_the_end),
        cmocka_unit_test(a_file_is_read_again),
        cmocka_unit_test(a_long_name_is_told),
        cmocka_unit_test(a_source_that_waits_takes_no_processor),
        cmocka_unit_test(an_unchanged_document_is_not_swapped),
    };
    return cmocka_run_group_tests(tests, given_keys, no_more_keys);
}
