/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of token requests: what is a field, and what makes the whole form unusable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "gateway_bridge/auth/form.h"

static struct form form;

static bool read(const char *body)
{
    return form_read(slice_of(body), &form);
}

static void expect(const char *name, const char *value)
{
    struct slice found = form_get(&form, name);
    assert_non_null(found.data);
    assert_true(slice_equal(found, slice_of(value)));
}

static void names_and_values_are_decoded(void **state)
{
    (void)state;
    assert_true(read("a=1&bb=x+y%20z&c=&d&=e&f=g=h&%69=j"));
    assert_int_equal(form.count, 7);
    expect("a", "1");
    expect("bb", "x y z");
    expect("c", "");
    expect("d", "");
    expect("", "e");
    expect("f", "g=h");
    expect("i", "j");
    assert_null(form_get(&form, "b").data);
    assert_null(form_get(&form, "aa").data);
}

static void nothing_is_no_field(void **state)
{
    static const char *const bodies[] = {"", "&", "&&&"};
    (void)state;
    for (size_t i = 0; i < array_len(bodies); i++) {
        assert_true(read(bodies[i]));
        assert_int_equal(form.count, 0);
        assert_null(form_get(&form, "").data);
    }
    assert_true(read("&a&&b=1&"));
    assert_int_equal(form.count, 2);
}

static void a_name_stands_there_once(void **state)
{
    (void)state;
    assert_false(read("a=1&b=2&a=1"));
    assert_false(read("a=1&b=2&%62=3"));
    assert_false(read("a&a"));
    assert_true(read("a=1&A=1"));
}

static void control_characters_are_refused_everywhere(void **state)
{
    static const char *const bad[] = {"a=%1f", "a=b%7f", "%00=a", "%7F", "a=\x1f", "a%0a=b"};
    (void)state;
    for (size_t i = 0; i < array_len(bad); i++)
        assert_false(read(bad[i]));
    assert_true(read("a=%20~%80"));
    expect("a", " ~\x80");
}

static void a_form_has_its_limits(void **state)
{
    char body[FORM_SIZE_MAX + 2];
    size_t len = 0;
    (void)state;
    for (int i = 0; i < FORM_FIELDS_MAX; i++)
        len += (size_t)snprintf(body + len, sizeof body - len, "n%d=%d&", i, i);
    assert_true(read(body));
    assert_int_equal(form.count, FORM_FIELDS_MAX);
    expect("n0", "0");
    snprintf(body + len, sizeof body - len, "one=more");
    assert_false(read(body));
    memset(body, 'x', sizeof body);
    body[FORM_SIZE_MAX + 1] = '\0';
    assert_false(read(body));
    body[FORM_SIZE_MAX] = '\0';
    assert_true(read(body));
    expect(body, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_values_are_decoded),
        cmocka_unit_test(nothing_is_no_field),
        cmocka_unit_test(a_name_stands_there_once),
        cmocka_unit_test(control_characters_are_refused_everywhere),
        cmocka_unit_test(a_form_has_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
