/* SPDX-License-Identifier: Apache-2.0 */
/* Each value becomes a token, the generated set() of the message gives it to the reader of its
 * field, and a bit remembers that the field was given. Amounts wait as digits with their scale
 * until all fields are there, for the currency may come after them. A fault goes into in->error,
 * and the next one into a new one that follows it: a client is told all that is wrong with an
 * object at once. A list ends with its first item that is at fault. */
#include "schemas/json_input.h"

#include <string.h>

#include <yyjson.h>

#include "runtime/base/base64url.h"
#include "runtime/base/hex.h"
#include "schemas/instant.h"
#include "schemas/result.h"

void json_input_init(struct json_input *in, struct arena *a, struct json_error *e)
{
    *in = (struct json_input){.arena = a, .error = e};
}

/* Puts in->error, which was just filled, behind the faults before it. false: no more are told. */
static bool json_input_fault(struct json_input *in)
{
    if (in->error == &in->beyond)
        return false;
    if (in->faults++ > 0)
        in->last->next = in->error;
    for (in->last = in->error; in->last->next != NULL; in->last = in->last->next)
        ; /* a message within has noted several */
    struct json_error *room = NULL;
    if (in->faults < JSON_FAULTS_MAX)
        room = arena_alloc(in->arena, sizeof *room);
    in->error = room != NULL ? room : &in->beyond;
    return room != NULL;
}

static bool json_input_set(const struct json_type *type, void *m, struct slice name,
                      const struct json_token *t, struct json_input *in)
{
    int field = type->find(name);
    if (field < 0)
        return json_refuse_name(in->error, RESULT_UNKNOWN_FIELD, "is not known here", name);
    uint64_t bit = (uint64_t)1 << field;
    if ((in->seen & bit & ~in->repeatable) != 0)
        return json_refuse_name(in->error, RESULT_DUPLICATE_FIELD, "is given twice", name);
    in->repeatable &= ~bit;
    if (t->kind == JSON_NULL && (type->required & bit) == 0)
        return true;
    in->seen |= bit; /* also if it is at fault: it is not missing */
    if (t->kind == JSON_NULL)
        return json_refuse_name(in->error, RESULT_INVALID_FIELD, "must not be null", name);
    if (!type->set(m, field, t, in)) {
        json_error_within(in->error, type->fields[field], -1);
        return false;
    }
    return true;
}

bool json_read_object(const struct json_type *type, void *m, const struct yyjson_val *object,
                     struct json_input *in)
{
    yyjson_obj_iter i;
    yyjson_val *key;
    bool more = true;
    if (object == NULL)
        return false;
    if (!yyjson_obj_iter_init((yyjson_val *)(uintptr_t)object, &i))
        return json_refuse(in->error, RESULT_INVALID_FIELD, "must be an object");
    while (more && (key = yyjson_obj_iter_next(&i)) != NULL) {
        struct json_token t = json_token_of(yyjson_obj_iter_get_val(key));
        if (!json_input_set(type, m, json_token_of(key).text, &t, in))
            more = json_input_fault(in);
    }
    return in->faults == 0;
}

static bool json_input_get(const struct json_type *type, void *m, struct slice name,
                           const struct json_token *t, struct json_input *in)
{
    if (json_input_set(type, m, name, t, in))
        return true;
    (void)json_input_fault(in);
    return false;
}

bool json_text_get(const struct json_type *type, void *m, struct slice name, struct slice text,
                   struct json_input *in)
{
    const struct json_token t = {JSON_TEXT, text, NULL};
    return json_input_get(type, m, name, &t, in);
}

bool json_value_get(const struct json_type *type, void *m, struct slice name,
                    const struct yyjson_val *value, struct json_input *in)
{
    const struct json_token t = json_token_of((yyjson_val *)(uintptr_t)value);
    return json_input_get(type, m, name, &t, in);
}

bool json_complete(const struct json_type *type, void *m, struct json_input *in)
{
    uint64_t needed = type->needed != NULL ? type->needed(m) : 0;
    uint64_t missing = (type->required | needed) & ~in->seen;
    bool lacking = type->together != 0 && (missing & type->together) == type->together;
    for (bool more = true; more && missing != 0; missing &= missing - 1) {
        int field = __builtin_ctzll(missing);
        bool of_form = lacking && (type->together >> field & 1) != 0;
        json_refuse_name(in->error, of_form ? type->lacking : RESULT_MISSING_FIELD,
                         of_form ? result_info(type->lacking)->detail : "is required",
                         slice_of(type->fields[field]));
        more = json_input_fault(in);
    }
    return in->faults == 0 && (type->amounts == NULL || type->amounts(m, in));
}

/* A message within another one: nothing of it comes from elsewhere. */
static bool json_input_part(const struct json_type *type, void *m, const struct yyjson_val *object,
                     struct json_input *outer)
{
    struct json_input in;
    json_input_init(&in, outer->arena, outer->error);
    in.any_case = outer->any_case;
    bool read = json_read_object(type, m, object, &in);
    return (read || in.faults > 0) && json_complete(type, m, &in);
}

/* Lists and messages may come as the text of an option: then it is JSON. */
static const struct yyjson_val *json_input_container(const struct json_token *t,
                                                   struct json_input *in)
{
    return t->kind == JSON_TEXT ? json_parse(t->text, in->arena, in->error) : t->value;
}

bool json_get_message(const struct json_token *t, struct json_input *in,
                      const struct json_type *type, void *value)
{
    if (t->kind != JSON_OBJECT && t->kind != JSON_TEXT)
        return json_refuse(in->error, RESULT_INVALID_FIELD, "must be an object");
    const struct yyjson_val *object = json_input_container(t, in);
    return object != NULL && json_input_part(type, value, object, in);
}

bool json_get_list(const struct json_token *t, struct json_input *in,
                   const struct json_type *type, uint32_t count_min, uint32_t count_max,
                   const char *rule, void **items, uint32_t *count)
{
    *items = NULL;
    *count = 0;
    if (t->kind != JSON_ARRAY && t->kind != JSON_TEXT)
        return json_refuse(in->error, RESULT_INVALID_FIELD, "must be an array");
    const struct yyjson_val *array = json_input_container(t, in);
    if (array == NULL)
        return false;
    yyjson_arr_iter i;
    if (!yyjson_arr_iter_init((yyjson_val *)(uintptr_t)array, &i))
        return json_refuse(in->error, RESULT_INVALID_FIELD, "must be an array");
    if (i.max < count_min || i.max > count_max)
        return json_refuse(in->error, RESULT_INVALID_FIELD, rule);
    if (i.max == 0)
        return true;
    char *list = arena_alloc(in->arena, i.max * type->size);
    if (list == NULL)
        return json_refuse_room(in->error, in->arena);
    yyjson_val *item;
    while ((item = yyjson_arr_iter_next(&i)) != NULL) {
        size_t index = i.idx - 1;
        if (!json_input_part(type, list + index * type->size, item, in)) {
            json_error_within(in->error, "", (int64_t)index);
            return false;
        }
    }
    *items = list;
    *count = (uint32_t)i.max;
    return true;
}

/* --- fields ----------------------------------------------------------------------------------- */

static bool json_input_invalid(struct json_input *in, const char *rule)
{
    return json_refuse(in->error, RESULT_INVALID_FIELD, rule);
}

static bool json_input_is_text(const struct json_token *t)
{
    return t->kind == JSON_STRING || t->kind == JSON_TEXT;
}

bool json_get_bool(const struct json_token *t, struct json_input *in, bool *value)
{
    *value = slice_equal(t->text, slice_of("true"));
    if ((t->kind != JSON_BOOL && t->kind != JSON_TEXT) ||
        (!*value && !slice_equal(t->text, slice_of("false"))))
        return json_input_invalid(in, "must be true or false");
    return true;
}

/* JSON has one kind of number: 7.0 is the whole number 7. */
static bool json_input_whole(const struct json_token *t, u128 *value)
{
    uint32_t len = t->text.len;
    if (t->kind == JSON_NUMBER && memchr(t->text.data, '.', len) != NULL) {
        while (t->text.data[len - 1] == '0')
            len--;
        len -= t->text.data[len - 1] == '.';
    }
    return u128_parse(t->text.data, len, value);
}

bool json_get_uint(const struct json_token *t, struct json_input *in, uint64_t min, uint64_t max,
                   const char *rule, uint64_t *value)
{
    u128 wide;
    if ((t->kind != JSON_NUMBER && t->kind != JSON_TEXT) || !json_input_whole(t, &wide) ||
        wide > max || wide < min)
        return json_input_invalid(in, rule);
    *value = (uint64_t)wide;
    return true;
}

bool json_get_u128(const struct json_token *t, struct json_input *in, u128 *value)
{
    if ((t->kind != JSON_NUMBER && !json_input_is_text(t)) || !json_input_whole(t, value))
        return json_input_invalid(in,
                            "must be a whole number of at most 128 bits, without sign or exponent");
    return true;
}

bool json_get_u64(const struct json_token *t, struct json_input *in, uint64_t *value)
{
    u128 wide;
    if (!json_get_u128(t, in, &wide) || wide > UINT64_MAX)
        return json_input_invalid(in,
                            "must be a whole number of at most 64 bits, without sign or exponent");
    *value = (uint64_t)wide;
    return true;
}

static const char json_input_too_large[] = "must be less than 2^128 - 1 minor units";

static bool json_input_no_decimal(const struct json_token *t, struct json_input *in)
{
    if (t->kind != JSON_NUMBER && !json_input_is_text(t))
        return json_input_invalid(in, "must be a decimal in a string, like \"10.50\"");
    return json_input_invalid(in, "must be a decimal like \"10.50\": digits with at most one point "
                                  "between them, no sign, no exponent, no needless zeros in front");
}

static enum decimal_form json_input_decimal(const struct json_token *t, struct decimal *value)
{
    if (t->kind != JSON_NUMBER && !json_input_is_text(t))
        return DECIMAL_MALFORMED;
    return decimal_parse(t->text.data, t->text.len, value);
}

bool json_get_plain(const struct json_token *t, struct json_input *in, struct decimal *value)
{
    enum decimal_form form = json_input_decimal(t, value);
    if (form == DECIMAL_MALFORMED)
        return json_input_no_decimal(t, in);
    return form == DECIMAL_GOOD || json_input_invalid(in, "has too many digits");
}

bool json_get_decimal(const struct json_token *t, struct json_input *in, struct decimal *value)
{
    enum decimal_form form = json_input_decimal(t, value);
    if (form == DECIMAL_MALFORMED)
        return json_input_no_decimal(t, in);
    if (form == DECIMAL_TOO_LARGE)
        return json_refuse(in->error, RESULT_AMOUNT_OUT_OF_RANGE, json_input_too_large);
    if (form == DECIMAL_TOO_PRECISE || value->scale > CURRENCY_DECIMALS_MAX)
        return json_refuse(in->error, RESULT_AMOUNT_TOO_PRECISE,
                           "has more decimals than any currency");
    return true;
}

bool json_get_amount(const struct json_token *t, struct json_input *in, int slot, u128 *value)
{
    struct decimal d;
    check(slot >= 0 && slot < JSON_AMOUNTS_MAX);
    if (!json_get_decimal(t, in, &d))
        return false;
    *value = d.digits;
    in->scales[slot] = d.scale;
    return true;
}

bool json_amount_minor(struct json_input *in, const char *name, int slot, uint16_t currency,
                       u128 *amount)
{
    const struct currency *c = currency_by_number(currency);
    struct slice field = slice_of(name);
    enum currency_fit fit = CURRENCY_FITS;
    if (c == NULL)
        json_refuse_name(in->error, RESULT_INVALID_FIELD, "needs a currency", field);
    else
        fit = currency_minor((struct decimal){*amount, in->scales[slot]}, c, amount);
    if (fit == CURRENCY_TOO_PRECISE)
        json_refuse_name(in->error, RESULT_AMOUNT_TOO_PRECISE,
                         "has more decimals than its currency", field);
    if (fit == CURRENCY_OVERFLOW)
        json_refuse_name(in->error, RESULT_AMOUNT_OUT_OF_RANGE, json_input_too_large, field);
    if (c != NULL && fit == CURRENCY_FITS)
        return true;
    (void)json_input_fault(in);
    return false;
}

bool json_get_id(const struct json_token *t, struct json_input *in, const char *prefix,
                 const char *rule, struct id128 *value)
{
    size_t len = strlen(prefix);
    if (!json_input_is_text(t) || t->text.len != len + 1 + ID128_TEXT_LEN ||
        memcmp(t->text.data, prefix, len) != 0 || t->text.data[len] != '_' ||
        !id128_parse(t->text.data + len + 1, ID128_TEXT_LEN, value))
        return json_input_invalid(in, rule);
    return true;
}

bool json_get_id_either(const struct json_token *t, struct json_input *in, const char *prefix,
                        const char *other, const char *rule, struct id128 *value)
{
    size_t len = strlen(other);
    bool is_other = t->text.len > len && memcmp(t->text.data, other, len) == 0;
    return json_get_id(t, in, is_other ? other : prefix, rule, value);
}

bool json_get_raw_id(const struct json_token *t, struct json_input *in, struct id128 *value)
{
    uint8_t bytes[16];
    if (!json_input_is_text(t) || t->text.len != 2 * sizeof bytes ||
        !hex_read(t->text.data, sizeof bytes, bytes))
        return json_input_invalid(in, "must be 32 hexadecimal digits in lower case");
    *value = id128_load(bytes);
    return true;
}

bool json_get_currency(const struct json_token *t, struct json_input *in, uint16_t *value)
{
    char code[CURRENCY_CODE_LEN] = {0};
    bool fits = json_input_is_text(t) && t->text.len == CURRENCY_CODE_LEN;
    for (size_t i = 0; fits && i < CURRENCY_CODE_LEN; i++) {
        char letter = t->text.data[i];
        bool small = in->any_case && letter >= 'a' && letter <= 'z';
        code[i] = small ? (char)(letter - 'a' + 'A') : letter;
    }
    const struct currency *c = fits ? currency_by_code(code, sizeof code) : NULL;
    if (c == NULL)
        return json_input_invalid(in, "must be an active ISO 4217 currency code, like \"USD\"");
    *value = c->number;
    return true;
}

bool json_get_text(const struct json_token *t, struct json_input *in, uint32_t len_min,
                   uint32_t len_max, const char *rule, struct slice *value)
{
    if (!json_input_is_text(t))
        return json_input_invalid(in, "must be a string");
    if (t->text.len < len_min || t->text.len > len_max)
        return json_input_invalid(in, rule);
    if (!fields_printable(t->text))
        return json_input_invalid(in, "must not contain control characters, nor such that reorder "
                                      "text (U+202A to U+202E, U+2066 to U+2069)");
    *value = t->text;
    return true;
}

/* Appends the text behind what the value has; its bytes are the arena's. */
static bool json_input_add_word(struct slice word, bool first, struct json_input *in,
                                uint32_t len_max, const char *rule, struct slice *value)
{
    uint32_t len = value->len + (first ? 0 : 1) + word.len;
    if (memchr(word.data, ' ', word.len) != NULL)
        return json_input_invalid(in, "must be a list of texts without blanks");
    if (word.len > len_max || len > len_max)
        return json_input_invalid(in, rule);
    char *at = (char *)(uintptr_t)value->data + value->len;
    if (!first)
        *at++ = ' ';
    memcpy(at, word.data, word.len);
    value->len = len;
    return true;
}

bool json_get_words(const struct json_token *t, struct json_input *in, uint32_t len_min,
                    uint32_t len_max, const char *rule, struct slice *value)
{
    yyjson_arr_iter i;
    yyjson_val *item;
    if (t->kind == JSON_TEXT)
        return json_get_text(t, in, len_min, len_max, rule, value);
    if (t->kind != JSON_ARRAY || !yyjson_arr_iter_init((yyjson_val *)(uintptr_t)t->value, &i))
        return json_input_invalid(in, "must be a list of texts without blanks");
    char *bytes = arena_alloc(in->arena, len_max + 1);
    if (bytes == NULL)
        return json_refuse_room(in->error, in->arena);
    *value = (struct slice){bytes, 0};
    for (bool first = true; (item = yyjson_arr_iter_next(&i)) != NULL; first = false) {
        struct json_token word = json_token_of(item);
        struct slice text;
        word.kind = word.kind == JSON_STRING ? JSON_STRING : JSON_NULL;
        if (!json_get_text(&word, in, 0, len_max, rule, &text) ||
            !json_input_add_word(text, first, in, len_max, rule, value))
            return false;
    }
    return value->len >= len_min || json_input_invalid(in, rule);
}

bool json_get_bytes(const struct json_token *t, struct json_input *in, uint32_t len_min,
                    uint32_t len_max, const char *rule, struct slice *value)
{
    if (!json_input_is_text(t))
        return json_input_invalid(in, "must be a string");
    if (t->text.len > BASE64URL_LEN((uint64_t)len_max))
        return json_input_invalid(in, rule);
    uint8_t *bytes = arena_alloc(in->arena, t->text.len + 1);
    if (bytes == NULL)
        return json_refuse_room(in->error, in->arena);
    uint32_t len;
    if (!base64url_decode(t->text, bytes, t->text.len + 1, &len))
        return json_input_invalid(in, "must be base64url without padding");
    if (len < len_min)
        return json_input_invalid(in, rule);
    *value = (struct slice){(const char *)bytes, len};
    return true;
}

bool json_get_time(const struct json_token *t, struct json_input *in, uint64_t *value)
{
    enum instant_found found =
        json_input_is_text(t) ? instant_parse(t->text.data, t->text.len, value) : INSTANT_NONE;
    if (found == INSTANT_BEYOND)
        return json_input_invalid(in, "must lie between 1970-01-01T00:00:00Z and "
                                      "2554-07-21T23:34:33Z");
    if (found == INSTANT_NONE)
        return json_input_invalid(in, "must be an RFC 3339 time, like \"2026-01-31T12:00:00Z\"");
    return true;
}

bool json_get_result(const struct json_token *t, struct json_input *in, uint16_t *value)
{
    const struct result_info *info = json_input_is_text(t) ? result_by_name(t->text) : NULL;
    if (info == NULL)
        return json_input_invalid(in, "must be the name of a result code");
    *value = info->code;
    return true;
}

/* Place of the text among the names, or -1. */
static int json_input_name_index(struct slice text, const char *const *names, uint8_t count)
{
    for (uint8_t i = 0; i < count; i++) {
        if (slice_equal(slice_of(names[i]), text))
            return i;
    }
    return -1;
}

bool json_get_enum(const struct json_token *t, struct json_input *in, const char *const *names,
                   uint8_t count, const char *rule, uint8_t *value)
{
    int index = json_input_is_text(t) ? json_input_name_index(t->text, names, count) : -1;
    if (index < 0)
        return json_input_invalid(in, rule);
    *value = (uint8_t)(index + 1);
    return true;
}

bool json_get_enum_or(const struct json_token *t, struct json_input *in, const char *const *names,
                      uint8_t count, uint16_t code, uint8_t *value)
{
    int index = json_input_is_text(t) ? json_input_name_index(t->text, names, count) : -1;
    if (index < 0)
        return json_refuse(in->error, code, result_info(code)->detail);
    *value = (uint8_t)(index + 1);
    return true;
}

static bool json_input_add_flag(struct slice name, struct json_input *in, const char *const *names,
                     uint8_t count, const char *rule, uint32_t *value)
{
    int index = json_input_name_index(name, names, count);
    if (index < 0)
        return json_input_invalid(in, rule);
    if ((*value >> index & 1) != 0)
        return json_input_invalid(in, "lists a value twice");
    *value |= 1u << index;
    return true;
}

bool json_get_flags(const struct json_token *t, struct json_input *in, const char *const *names,
                    uint8_t count, const char *rule, uint32_t *value)
{
    *value = 0;
    if (t->kind == JSON_TEXT) { /* names separated by commas */
        struct slice rest = t->text;
        while (rest.len > 0) {
            const char *comma = memchr(rest.data, ',', rest.len);
            uint32_t len = comma == NULL ? rest.len : (uint32_t)(comma - rest.data);
            if (!json_input_add_flag((struct slice){rest.data, len}, in, names, count, rule, value))
                return false;
            uint32_t used = comma == NULL ? len : len + 1;
            rest = (struct slice){rest.data + used, rest.len - used};
        }
        return true;
    }
    yyjson_arr_iter i;
    yyjson_val *item;
    if (t->kind != JSON_ARRAY || !yyjson_arr_iter_init((yyjson_val *)(uintptr_t)t->value, &i))
        return json_input_invalid(in, "must be an array of names");
    while ((item = yyjson_arr_iter_next(&i)) != NULL) {
        struct json_token name = json_token_of(item);
        if (name.kind != JSON_STRING)
            return json_input_invalid(in, "must be an array of names");
        if (!json_input_add_flag(name.text, in, names, count, rule, value))
            return false;
    }
    return true;
}

static bool json_input_add_pair(struct slice key, const struct json_token *t, struct json_input *in,
                     struct metadata *m)
{
    struct slice text;
    for (uint32_t i = 0; i < m->count; i++) {
        if (slice_equal(m->items[i].key, key))
            return json_input_invalid(in, "has a key twice");
    }
    if (m->count == METADATA_PAIRS_MAX)
        return json_refuse(in->error, RESULT_INVALID_FIELD, "has more than 16 pairs");
    if (key.len == 0 || key.len > METADATA_KEY_MAX || !fields_printable(key))
        return json_input_invalid(
            in, "keys must have 1 to 64 bytes without control characters and such "
                "that reorder text");
    static const char rule[] = "values must be strings of at most 256 bytes without control "
                               "characters and such that reorder text";
    if (t->kind == JSON_NULL || !json_get_text(t, in, 0, METADATA_VALUE_MAX, rule, &text))
        return json_input_invalid(in, rule);
    m->items[m->count++] = (struct metadata_pair){key, text};
    return true;
}

/* key=value, and a line for each further pair: no text of a pair has a line end. */
static bool json_input_add_pairs(struct slice pairs, struct json_input *in, struct metadata *m)
{
    while (true) {
        const char *end = memchr(pairs.data, '\n', pairs.len);
        uint32_t len = end != NULL ? (uint32_t)(end - pairs.data) : pairs.len;
        const char *equals = memchr(pairs.data, '=', len);
        if (equals == NULL)
            return json_input_invalid(in, "must be key=value");
        uint32_t key_len = (uint32_t)(equals - pairs.data);
        struct json_token text = {JSON_TEXT, {equals + 1, len - key_len - 1}, NULL};
        if (!json_input_add_pair((struct slice){pairs.data, key_len}, &text, in, m))
            return false;
        if (end == NULL)
            return true;
        pairs = (struct slice){end + 1, pairs.len - len - 1};
    }
}

bool json_get_metadata(const struct json_token *t, struct json_input *in, struct metadata *value)
{
    yyjson_obj_iter i;
    yyjson_val *key;
    if (t->kind != JSON_OBJECT && t->kind != JSON_TEXT)
        return json_input_invalid(in, "must be an object of strings");
    struct metadata m = {arena_alloc(in->arena, METADATA_PAIRS_MAX * sizeof *m.items), 0};
    if (m.items == NULL)
        return json_refuse_room(in->error, in->arena);
    if (t->kind == JSON_TEXT) {
        if (!json_input_add_pairs(t->text, in, &m))
            return false;
    } else {
        check(yyjson_obj_iter_init((yyjson_val *)(uintptr_t)t->value, &i));
        while ((key = yyjson_obj_iter_next(&i)) != NULL) {
            struct json_token text = json_token_of(yyjson_obj_iter_get_val(key));
            if (!json_input_add_pair(json_token_of(key).text, &text, in, &m))
                return false;
        }
    }
    *value = m;
    return true;
}
