/* SPDX-License-Identifier: Apache-2.0 */
/* Text from others in a terminal: nothing in it acts on the terminal, all else stays as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* cmocka needs the first four */
#include <cmocka.h>

#include "bin/escape.h"

#define SHOWN_MAX 256

/* Both ways of showing it say the same. */
static void assert_shown(const char *text, const char *expected)
{
    char added[SHOWN_MAX] = "", written[SHOWN_MAX] = "";
    escape_add(added, sizeof added, slice_of(text));
    assert_string_equal(added, expected);
    FILE *out = fmemopen(written, sizeof written, "w");
    assert_non_null(out);
    escape_put(out, slice_of(text));
    fclose(out);
    assert_string_equal(written, expected);
}

static void controls_are_shown_by_their_numbers(void **state)
{
    (void)state;
    assert_shown("\x1b[31mred", "\\u001b[31mred");
    assert_shown("a\nb\tc\rd\x7f", "a\\u000ab\\u0009c\\u000dd\\u007f");
    assert_shown("\xc2\x80 \xc2\x9b""31m \xc2\x9f", "\\u0080 \\u009b31m \\u009f"); /* C1 */
}

static void the_order_of_reading_cannot_be_changed(void **state)
{
    (void)state;
    assert_shown("\xe2\x80\xaa \xe2\x80\xae", "\\u202a \\u202e");
    assert_shown("\xe2\x81\xa6 \xe2\x81\xa9", "\\u2066 \\u2069");
    assert_shown("\xe2\x80\x8e \xe2\x80\x8f \xd8\x9c", "\\u200e \\u200f \\u061c");
    assert_shown("\xe2\x80\xa8 \xe2\x80\xa9", "\\u2028 \\u2029");
}

static void what_is_next_to_them_stays(void **state)
{
    (void)state;
    assert_shown("~\xc2\xa0\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
                 "~\xc2\xa0\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
    assert_shown("Z\xc3\xbcrich \xe6\x9d\xb1 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
                 "Z\xc3\xbcrich \xe6\x9d\xb1 \xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb");
    assert_shown("\\ \" '", "\\ \" '");
    assert_shown("", "");
}

static void bytes_that_are_no_text_are_shown_one_by_one(void **state)
{
    (void)state;
    assert_shown("a\x9b""b", "a\\x9bb"); /* CSI, to a terminal of one byte a character */
    assert_shown("\xe2\x80", "\\xe2\\x80");
}

static void what_has_no_room_is_left_out_whole(void **state)
{
    char to[8] = "ab";
    (void)state;
    escape_add(to, sizeof to, slice_of("c\x1b""d"));
    assert_string_equal(to, "abc");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controls_are_shown_by_their_numbers),
        cmocka_unit_test(the_order_of_reading_cannot_be_changed),
        cmocka_unit_test(what_is_next_to_them_stays),
        cmocka_unit_test(bytes_that_are_no_text_are_shown_one_by_one),
        cmocka_unit_test(what_has_no_room_is_left_out_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
