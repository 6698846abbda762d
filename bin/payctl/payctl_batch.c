/* SPDX-License-Identifier: Apache-2.0 */
/* ledger show-batch: one batch of the journal with every event in it, from the payd that runs or
 * from the data directory of one that does not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yyjson.h>

#include "bin/payctl/payctl_batch.h"
#include "bin/payctl/payctl_batch_json.h"
#include "bin/payctl/payctl_store.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define TEXT_MAX ((size_t)1 << 30) /* a body has 64 MiB at most */
#define RULE_MAX 200
#define INDENT 2

/* --- from where ------------------------------------------------------------------------------- */

static struct sha256_digest batch_digest(struct slice bytes)
{
    struct sha256_digest hash = {0};
    check(bytes.len <= SHA256_SIZE); /* as declared */
    if (bytes.len > 0)
        memcpy(hash.bytes, bytes.data, bytes.len);
    return hash;
}

static void batch_take_head(struct batch_copy *c, const struct journal_batch *b)
{
    char *body = malloc((size_t)b->size + 1);
    check(body != NULL);
    *c = (struct batch_copy){
        .row = {.shard = (uint16_t)b->shard,
                .seq = b->seq,
                .epoch = b->epoch,
                .count = b->count,
                .prev_hash = batch_digest(b->previous_hash),
                .hash = batch_digest(b->hash),
                .body = {body, 0}},
        .has_before = b->has_hash_before,
        .before = batch_digest(b->hash_before),
    };
}

/* Piece after piece of the body. */
int payctl_batch_take(struct payctl *p, struct journal_batch_get *m, struct batch_copy *c)
{
    struct journal_batch b;
    uint64_t size = 0; /* of the body, as the first piece says */
    do {
        arena_reset(&p->arena);
        m->has_offset = true;
        m->offset = c->row.body.len;
        int code = payctl_ask_for(p, &journal_batch_get_type, m, &journal_batch_type, &b);
        if (code != PAYCTL_OK)
            return code;
        if (c->row.body.data == NULL) {
            batch_take_head(c, &b);
            size = b.size;
        }
        uint64_t rest = size - c->row.body.len;
        uint32_t len = b.piece.len < rest ? b.piece.len : (uint32_t)rest;
        memcpy((char *)(uintptr_t)c->row.body.data + c->row.body.len, b.piece.data, len);
        c->row.body.len += len;
    } while (b.piece.len > 0 && c->row.body.len < size);
    return PAYCTL_OK;
}

static int batch_take_offline(struct payctl *p, const char *data, const struct journal_batch_get *m,
                              struct batch_copy *c)
{
    struct payctl_store store;
    char rule[RULE_MAX];
    int code = payctl_store_open(p, data, &store);
    if (code != PAYCTL_OK)
        return code;
    uint16_t shard = (uint16_t)(m->has_shard ? m->shard : 0);
    uint64_t head = 0;
    enum err e = batch_copy_take(c, store.journal, shard, m->batch);
    if (e == ERR_NOT_FOUND && store.journal->ops->head(store.journal, shard, &head) == ERR_OK)
        snprintf(rule, sizeof rule, "names no batch of shard %u, whose newest is %llu", shard,
                 (unsigned long long)head);
    else
        snprintf(rule, sizeof rule, "names a batch that cannot be read: %s", err_text(e));
    payctl_store_close(&store);
    if (e != ERR_OK)
        payctl_print_error(p, result_info((uint16_t)e)->name, "--batch", rule);
    return e == ERR_OK ? PAYCTL_OK : PAYCTL_REFUSED;
}

/* --- for people ------------------------------------------------------------------------------- */

static const char *batch_text(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return yyjson_is_str(value) ? yyjson_get_str(value) : "";
}

/* An event, or the answer: what it is, then its fields. */
static void batch_print_message(const struct payctl *p, yyjson_val *owner, const char *name,
                                const char *member)
{
    yyjson_val *fields = yyjson_obj_get(owner, member);
    printf("%s%s%s\n", p->color ? "\033[1m" : "", batch_text(owner, name),
           p->color ? "\033[0m" : "");
    if (fields == NULL) {
        printf("%*scannot be read: %s\n", 2 * INDENT, "", batch_text(owner, "bytes"));
        return;
    }
    payctl_print_lines(fields, 2 * INDENT);
    payctl_print_tables(p, fields, 2 * INDENT);
}

static void batch_print_attribution(yyjson_val *record)
{
    static const char *const members[] = {"by", "tenant", "client_id", "token", "request_id"};
    printf("%*s", INDENT, "");
    for (size_t i = 0; i < array_len(members); i++) {
        const char *text = batch_text(record, members[i]);
        if (text[0] != '\0')
            printf("%s%s %s", i > 0 ? "  " : "", members[i], text);
    }
    printf("\n");
}

static void batch_print_record(const struct payctl *p, yyjson_val *record)
{
    size_t i, n;
    yyjson_val *event, *key = yyjson_obj_get(record, "key");
    printf("\nrecord %s  %s  %s%s%s\n", yyjson_get_raw(yyjson_obj_get(record, "item")),
           batch_text(record, "time"), batch_text(record, "result"), key != NULL ? "  key " : "",
           batch_text(record, "key"));
    batch_print_attribution(record);
    yyjson_arr_foreach(yyjson_obj_get(record, "events"), i, n, event)
    {
        printf("%*s%s  ", INDENT, "", batch_text(event, "time"));
        batch_print_message(p, event, "event", "fields");
    }
    if (yyjson_obj_get(record, "answer") != NULL) {
        printf("%*sanswered with ", INDENT, "");
        batch_print_message(p, record, "answer", "answer_fields");
    }
}

static void batch_print_people(const struct payctl *p, yyjson_val *batch)
{
    size_t i, n;
    yyjson_val *record;
    payctl_print_lines(batch, 0);
    yyjson_arr_foreach(yyjson_obj_get(batch, "records"), i, n, record)
    {
        batch_print_record(p, record);
    }
}

/* --- the command ------------------------------------------------------------------------------ */

/* What does not hold is an error, as with ledger verify; all else is shown before. */
static int batch_complain(const struct payctl *p, yyjson_val *batch)
{
    char line[RULE_MAX];
    const char *fault = batch_text(batch, "fault"), *unreadable = batch_text(batch, "unreadable");
    if (fault[0] == '\0' && unreadable[0] == '\0')
        return PAYCTL_OK;
    snprintf(line, sizeof line, "batch %s: %s", batch_text(batch, "seq"),
             fault[0] != '\0' ? fault : unreadable);
    payctl_print_error(p, result_info(RESULT_CORRUPT)->name, NULL, line);
    return PAYCTL_REFUSED;
}

static int batch_show(const struct payctl *p, const struct batch_copy *c)
{
    struct json_writer w;
    json_writer_init(&w, TEXT_MAX);
    batch_json_put(&w, c);
    check(!w.failed);
    yyjson_doc *doc = yyjson_read(w.data, w.len, YYJSON_READ_NUMBER_AS_RAW);
    check(doc != NULL);
    if (p->args.json)
        payctl_print_json(&w);
    else
        batch_print_people(p, yyjson_doc_get_root(doc));
    fflush(stdout);
    int code = batch_complain(p, yyjson_doc_get_root(doc));
    yyjson_doc_free(doc);
    json_writer_done(&w);
    return code;
}

int payctl_show_batch(struct payctl *p)
{
    const char *data = payctl_args_value(&p->args, "data");
    struct journal_batch_get m = {0};
    struct batch_copy c = {0};
    int code = payctl_read_options(p, &journal_batch_get_json, &m);
    if (code == PAYCTL_OK)
        code = data != NULL ? batch_take_offline(p, data, &m, &c) : payctl_batch_take(p, &m, &c);
    if (code == PAYCTL_OK)
        code = batch_show(p, &c);
    batch_copy_drop(&c);
    return code;
}
