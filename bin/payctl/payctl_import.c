/* SPDX-License-Identifier: Apache-2.0 */
/* ledger import: accounts and transfers from CSV (the header names the fields of account_spec or
 * transfer_spec) or from one JSON object per line. Every item brings its id, so a file that was cut
 * off or interrupted is simply imported again: what is done already counts as such. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <yyjson.h>

#include "bin/payctl/payctl.h"
#include "bin/payctl/payctl_import_csv.h"
#include "bin/payctl/payctl_progress.h"
#include "bin/payctl/payctl_slots.h"
#include "schemas/ledger.h"
#include "schemas/operator.h"
#include "schemas/result.h"

#define BATCH 8000       /* items of a message, more only to end a linked chain */
#define BATCH_MAX 8192
#define WORDS_MAX (1u << 20) /* bytes of text in the items of a message: with the rest it fits */
#define CODE_DEFAULT 1
#define TEXT_CELL_MAX 1024
#define NOTE_MAX 1024
#define BYTE_ORDER_MARK "\xEF\xBB\xBF" /* spreadsheets write it in front */

/* Where an item came from. */
struct line {
    uint64_t number;
    struct id128 id;
};

struct import {
    struct payctl *p;
    FILE *file;
    uint64_t size, at;   /* bytes */
    uint64_t line;
    bool transfers;      /* what the items are */
    uint32_t count;      /* items gathered */
    struct account_spec *accounts;
    struct transfer_spec *specs;
    struct line *lines;  /* of the items gathered */
    struct arena words;  /* their texts, which outlive the line that they come from */
    uint32_t sent;       /* items of the message under way; 0 = none is */
    struct line *sent_lines;
    bool sent_transfers; /* what it has */
    uint64_t made, there, refused;
    struct slot_map slots; /* of the deployment; without shards: not asked for yet */
};

/* --- sending ---------------------------------------------------------------------------------- */

static void import_note(struct import *m, uint64_t line, uint16_t code, const char *field,
                        const char *text)
{
    char words[NOTE_MAX];
    const struct result_info *info = result_info(code);
    progress_clear();
    snprintf(words, sizeof words, "line %llu: %s%s%s", (unsigned long long)line,
             field != NULL ? field : "", field != NULL && field[0] != '\0' ? " " : "",
             text != NULL ? text : info != NULL ? info->detail : "");
    payctl_print_error(m->p, info != NULL ? info->name : NULL, NULL, words);
}

/* With its id, and whose it is and what to use instead of what the ledger does not change. */
static void import_note_refused(struct import *m, const struct item_result *r)
{
    char words[NOTE_MAX / 2], id[ID128_TEXT_LEN + 1] = "";
    const struct result_info *info = result_info(r->result);
    const struct line line = r->index < m->sent ? m->sent_lines[r->index] : (struct line){0};
    id128_text(line.id, id);
    snprintf(words, sizeof words, "%s_%s: %s%s%.*s%s%.*s", m->sent_transfers ? "trf" : "acc", id,
             info != NULL ? info->detail : "", r->has_managed_by ? " managed_by " : "",
             (int)r->managed_by.len, r->managed_by.data, r->has_use ? ", use " : "",
             (int)r->use.len, r->use.data);
    import_note(m, line.number, r->result, NULL, words);
}

static void import_take_results(struct import *m, const struct item_results *results)
{
    m->made += m->sent - results->results_count;
    for (uint32_t i = 0; i < results->results_count; i++) {
        const struct item_result *r = &results->results[i];
        if (r->result == RESULT_EXISTS || r->result == RESULT_ACCOUNT_EXISTS) {
            m->there++;
        } else {
            m->refused++;
            import_note_refused(m, r);
        }
    }
}

/* Waits for the answer to the message under way, if one is. */
static int import_finish_sent(struct import *m)
{
    struct payctl_reply reply;
    struct item_results results;
    if (m->sent == 0)
        return PAYCTL_OK;
    int code = payctl_receive(m->p, &reply);
    if (code != PAYCTL_OK)
        return code;
    if (reply.code != RESULT_OK) {
        payctl_print_refusal(m->p, reply.code);
        return PAYCTL_REFUSED;
    }
    code = payctl_read_reply(m->p, &reply, &item_results_type, &results);
    if (code == PAYCTL_OK)
        import_take_results(m, &results);
    m->sent = 0;
    progress_show("bytes", m->at, m->size);
    return code;
}

/* Sends what was gathered. The next message is gathered while this one is carried out, but never
 * sent before: items may need those before them. The ids make it safe to repeat. */
static int import_flush_items(struct import *m)
{
    struct transfers_create transfers = {m->specs, m->count};
    struct accounts_create accounts = {m->accounts, m->count};
    struct line *lines = m->sent_lines;
    int code = import_finish_sent(m);
    if (code != PAYCTL_OK || m->count == 0)
        return code;
    code = payctl_connect(m->p, 1);
    if (code != PAYCTL_OK)
        return code;
    if (!payctl_send(m->p, m->transfers ? &transfers_create_type : &accounts_create_type,
                     m->transfers ? (void *)&transfers : (void *)&accounts, NULL, 0))
        return PAYCTL_REFUSED;
    m->sent_lines = m->lines;
    m->lines = lines;
    m->sent = m->count;
    m->sent_transfers = m->transfers;
    m->count = 0;
    return PAYCTL_OK;
}

/* --- items ------------------------------------------------------------------------------------ */

/* One item that is being filled from its fields' text. */
struct item {
    struct json_error error;
    struct json_input in;
    const struct json_type *type;
    void *spec;
};

static const struct json_type *import_type(bool transfers)
{
    return transfers ? &transfer_spec_json : &account_spec_json;
}

/* "transfer_id" and "account_id" are what HTTP calls the id. */
static struct slice import_field(bool transfers, struct slice name)
{
    const char *id = transfers ? "transfer_id" : "account_id";
    return slice_equal(name, slice_of(id)) ? slice_of("id") : name;
}

static int import_begin_item(struct import *m, struct item *item, bool transfers)
{
    int code = m->transfers != transfers ? import_flush_items(m) : PAYCTL_OK;
    m->transfers = transfers;
    *item = (struct item){
        .type = import_type(transfers),
        .spec = transfers ? (void *)&m->specs[m->count] : (void *)&m->accounts[m->count],
    };
    memset(item->spec, 0, item->type->size);
    json_input_init(&item->in, &m->p->arena, &item->error);
    return code;
}

/* An empty text is an absent field. */
static bool import_set_field(struct import *m, struct item *item, struct slice name,
                             struct slice text)
{
    name = import_field(m->transfers, name);
    return text.len == 0 || json_text_get(item->type, item->spec, name, text, &item->in);
}

/* The next item belongs to the same chain. */
static bool import_is_linked(const struct import *m, uint32_t item)
{
    return m->transfers ? (m->specs[item].flags & TRANSFER_FLAGS_LINKED) != 0
                        : (m->accounts[item].flags & ACCOUNT_FLAGS_LINKED) != 0;
}

/* A message ends only where no linked chain is open, unless the chain is too long for one. */
static int import_flush_if_full(struct import *m)
{
    bool full = (m->count >= BATCH || m->words.allocated >= WORDS_MAX) &&
                !import_is_linked(m, m->count - 1);
    return m->count == BATCH_MAX || full ? import_flush_items(m) : PAYCTL_OK;
}

/* Names the shard that the item goes to, if it is the first of its message. */
static uint16_t import_slot(const struct import *m, uint32_t item)
{
    if (!m->transfers)
        return id128_slot(m->accounts[item].id);
    const struct transfer_spec *s = &m->specs[item];
    return id128_slot(id128_is_zero(s->debit_account_id) ? s->pending_id : s->debit_account_id);
}

static int import_ask_slots(struct import *m)
{
    int code = import_finish_sent(m);
    return code == PAYCTL_OK ? payctl_slots_ask(m->p, &m->slots) : code;
}

/* A message goes to one shard: what was gathered is sent before an item that goes to another. */
static int import_flush_if_elsewhere(struct import *m)
{
    uint32_t item = m->count;
    if (item == 0 || import_slot(m, 0) == import_slot(m, item) || import_is_linked(m, item - 1))
        return PAYCTL_OK;
    int code = m->slots.shards == 0 ? import_ask_slots(m) : PAYCTL_OK;
    if (code != PAYCTL_OK || slot_map_shard(&m->slots, import_slot(m, 0)) ==
                                 slot_map_shard(&m->slots, import_slot(m, item)))
        return code;
    code = import_flush_items(m);
    m->accounts[0] = m->accounts[item];
    m->specs[0] = m->specs[item];
    return code;
}

static void import_keep_pairs(struct arena *words, struct metadata *m)
{
    const struct metadata_pair *given = m->items;
    m->items = arena_alloc(words, (m->count + 1) * sizeof *given);
    check(m->items != NULL);
    for (uint32_t i = 0; i < m->count; i++)
        m->items[i] = (struct metadata_pair){arena_copy(words, given[i].key),
                                             arena_copy(words, given[i].value)};
}

/* The item that is gathered next keeps its texts until it is sent. */
static void import_keep_words(struct import *m)
{
    struct arena *words = &m->words;
    if (m->count == 0)
        arena_reset(words);
    if (m->transfers) {
        struct transfer_spec *t = &m->specs[m->count];
        t->reason = arena_copy(words, t->reason);
        t->description = arena_copy(words, t->description);
        import_keep_pairs(words, &t->metadata);
        return;
    }
    struct account_spec *a = &m->accounts[m->count];
    a->name = arena_copy(words, a->name);
    a->owner = arena_copy(words, a->owner);
    import_keep_pairs(words, &a->metadata);
}

static int import_end_item(struct import *m, struct item *item, bool good)
{
    if (good && m->transfers && m->specs[m->count].currency == 0) {
        json_refuse(&item->error, RESULT_MISSING_FIELD, "currency is required");
        good = false;
    }
    if (good && item->type->amounts != NULL)
        good = item->type->amounts(item->spec, &item->in);
    if (!good) {
        m->refused++;
        import_note(m, m->line, item->error.code, item->error.field, item->error.rule);
        return PAYCTL_OK;
    }
    const uint32_t resolves = TRANSFER_FLAGS_POST_PENDING | TRANSFER_FLAGS_VOID_PENDING;
    if (m->transfers && m->specs[m->count].code == 0 && (m->specs[m->count].flags & resolves) == 0)
        m->specs[m->count].code = CODE_DEFAULT;
    if (!m->transfers && m->accounts[m->count].code == 0)
        m->accounts[m->count].code = CODE_DEFAULT;
    int code = import_flush_if_elsewhere(m);
    if (code != PAYCTL_OK)
        return code;
    import_keep_words(m);
    m->lines[m->count] =
        (struct line){m->line, m->transfers ? m->specs[m->count].id : m->accounts[m->count].id};
    m->count++;
    return import_flush_if_full(m);
}

/* --- CSV -------------------------------------------------------------------------------------- */

static bool import_names_transfers(const struct csv_row *header)
{
    static const char *const names[] = {"debit_account_id", "amount", "pending_id", "transfer_id"};
    for (uint32_t i = 0; i < header->count; i++) {
        for (size_t k = 0; k < array_len(names); k++) {
            if (slice_equal(header->cells[i], slice_of(names[k])))
                return true;
        }
    }
    return false;
}

/* Before any item is made: a file that is something else does not fail line by line. */
static int import_check_header(struct import *m, const struct csv_row *header, bool transfers)
{
    char words[NOTE_MAX];
    const char *what = transfers ? "a transfer" : "an account";
    for (uint32_t i = 0; i < header->count; i++) {
        struct slice name = header->cells[i];
        if (import_type(transfers)->find(import_field(transfers, name)) >= 0)
            continue;
        snprintf(words, sizeof words,
                 "line %llu: the header names \"%.*s\", which is no field of %s; "
                 "payctl help ledger import lists them",
                 (unsigned long long)m->line, (int)(name.len < 64 ? name.len : 64), name.data,
                 what);
        payctl_print_error(m->p, NULL, NULL, words);
        return PAYCTL_USAGE;
    }
    return PAYCTL_OK;
}

static int import_take_row(struct import *m, const struct csv_row *header,
                           const struct csv_row *row, bool transfers)
{
    struct item item;
    int code = import_begin_item(m, &item, transfers);
    if (code != PAYCTL_OK)
        return code;
    bool good = row->good && row->count == header->count;
    if (!good)
        json_refuse(&item.error, RESULT_INVALID_FIELD,
                    "does not have as many columns as the header, or its quotes do not end");
    for (uint32_t i = 0; good && i < row->count; i++)
        good = import_set_field(m, &item, header->cells[i], row->cells[i]);
    return import_end_item(m, &item, good);
}

/* --- JSON ------------------------------------------------------------------------------------- */

/* A member as the text of an option; lists of names as name,name. */
static bool import_member_text(yyjson_val *v, char list[TEXT_CELL_MAX], struct slice *text)
{
    size_t i, n;
    yyjson_val *item;
    if (yyjson_is_str(v)) {
        *text = (struct slice){yyjson_get_str(v), (uint32_t)yyjson_get_len(v)};
    } else if (yyjson_is_raw(v)) {
        *text = slice_of(yyjson_get_raw(v));
    } else if (yyjson_is_null(v)) {
        *text = (struct slice){"", 0};
    } else if (yyjson_is_arr(v)) {
        list[0] = '\0';
        yyjson_arr_foreach(v, i, n, item)
        {
            size_t len = strlen(list);
            if (!yyjson_is_str(item))
                return false;
            snprintf(list + len, TEXT_CELL_MAX - len, "%s%s", i > 0 ? "," : "",
                     yyjson_get_str(item));
        }
        *text = slice_of(list);
    } else {
        return false;
    }
    return true;
}

static int import_take_object(struct import *m, struct slice line)
{
    struct json_error error = {0};
    struct item item;
    size_t i, n;
    yyjson_val *key, *value;
    const struct yyjson_val *root = json_parse(line, &m->p->arena, &error);
    yyjson_val *object = (yyjson_val *)(uintptr_t)root;
    if (root == NULL || !yyjson_is_obj(object)) {
        m->refused++;
        import_note(m, m->line, RESULT_INVALID_JSON, NULL, error.rule);
        return PAYCTL_OK;
    }
    bool transfers = yyjson_obj_get(object, "debit_account_id") != NULL ||
                     yyjson_obj_get(object, "amount") != NULL ||
                     yyjson_obj_get(object, "pending_id") != NULL;
    int code = import_begin_item(m, &item, transfers);
    if (code != PAYCTL_OK)
        return code;
    bool good = true;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        char list[TEXT_CELL_MAX];
        struct slice text, name = {yyjson_get_str(key), (uint32_t)yyjson_get_len(key)};
        if (!good)
            break;
        if (yyjson_is_obj(value)) {
            good = json_value_get(item.type, item.spec, name, (const struct yyjson_val *)value,
                                  &item.in);
            continue;
        }
        good = import_member_text(value, list, &text);
        if (!good)
            json_refuse(&item.error, RESULT_INVALID_FIELD, "a member is neither text nor number");
        good = good && import_set_field(m, &item, name, text);
    }
    return import_end_item(m, &item, good);
}

/* --- the file --------------------------------------------------------------------------------- */

static bool import_blank(const char *line)
{
    return line[strspn(line, " \t\r\n")] == '\0';
}

/* How many bytes it took off the front. */
static ssize_t import_drop_mark(char *text)
{
    const size_t mark = sizeof BYTE_ORDER_MARK - 1;
    if (strncmp(text, BYTE_ORDER_MARK, mark) != 0)
        return 0;
    memmove(text, text + mark, strlen(text + mark) + 1);
    return (ssize_t)mark;
}

static int import_read_lines(struct import *m)
{
    char *text = NULL, *header_text = NULL;
    size_t cap = 0;
    ssize_t len;
    struct csv_row header = {0}, row;
    bool csv = false, transfers = false;
    int code = PAYCTL_OK;
    while (code == PAYCTL_OK && (len = getline(&text, &cap, m->file)) > 0) {
        arena_reset(&m->p->arena); /* what is kept of a line is in m->words */
        m->line++;
        m->at += (uint64_t)len;
        if (m->line == 1)
            len -= import_drop_mark(text);
        if (import_blank(text))
            continue;
        if (csv) {
            csv_parse(text, &row);
            code = import_take_row(m, &header, &row, transfers);
        } else if (text[0] == '{') {
            code = import_take_object(m, (struct slice){text, (uint32_t)len});
        } else {
            header_text = strdup(text);
            check(header_text != NULL);
            csv_parse(header_text, &header);
            csv = true;
            transfers = import_names_transfers(&header);
            code = import_check_header(m, &header, transfers);
        }
    }
    free(text);
    free(header_text);
    if (ferror(m->file)) {
        payctl_print_error(m->p, NULL, payctl_args_value(&m->p->args, "file"),
                           "cannot be read to its end");
        return PAYCTL_REFUSED;
    }
    if (code == PAYCTL_OK)
        code = import_flush_items(m);
    return code == PAYCTL_OK ? import_finish_sent(m) : code;
}

static void import_report(const struct import *m)
{
    printf(m->p->args.json ? "{\"made\":%llu,\"already_there\":%llu,\"refused\":%llu}\n"
                           : "made           %llu\nalready_there  %llu\nrefused        %llu\n",
           (unsigned long long)m->made, (unsigned long long)m->there,
           (unsigned long long)m->refused);
}

int payctl_import(struct payctl *p)
{
    const char *path = payctl_args_value(&p->args, "file");
    struct import m = {.p = p};
    struct stat status;
    char reason[NOTE_MAX / 2], text[NOTE_MAX];
    m.file = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    bool known = m.file != NULL && fstat(fileno(m.file), &status) == 0;
    if (!known || S_ISDIR(status.st_mode)) {
        snprintf(text, sizeof text, "cannot be read: %s",
                 known ? "is a directory" : strerror_r(errno, reason, sizeof reason));
        payctl_print_error(p, NULL, path, text);
        if (m.file != NULL)
            fclose(m.file);
        return PAYCTL_USAGE;
    }
    if (S_ISREG(status.st_mode))
        m.size = (uint64_t)status.st_size;
    m.accounts = calloc(BATCH_MAX, sizeof *m.accounts);
    m.specs = calloc(BATCH_MAX, sizeof *m.specs);
    m.lines = calloc(BATCH_MAX, sizeof *m.lines);
    m.sent_lines = calloc(BATCH_MAX, sizeof *m.sent_lines);
    check(m.accounts != NULL && m.specs != NULL && m.lines != NULL && m.sent_lines != NULL);
    arena_init(&m.words, SIZE_MAX);
    int code = import_read_lines(&m);
    progress_clear();
    import_report(&m);
    if (m.file != stdin)
        fclose(m.file);
    arena_done(&m.words);
    free(m.accounts);
    free(m.specs);
    free(m.lines);
    free(m.sent_lines);
    return code == PAYCTL_OK && m.refused > 0 ? PAYCTL_REFUSED : code;
}
