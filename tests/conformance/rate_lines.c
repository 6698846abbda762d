/* SPDX-License-Identifier: Apache-2.0 */
/* Answers questions about rates, a line each, for test_rates.py:
 *
 *     target|even|source AMOUNT FROM_DECIMALS TO_DECIMALS SPREAD WAY
 *     shown WAY
 *
 * where WAY is any number of *RATE and /RATE. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "actors/common/rate.h"

static bool read_way(char **rest, struct rate_way *way)
{
    char *word;
    *way = (struct rate_way){0};
    while ((word = strtok_r(NULL, " \n", rest)) != NULL) {
        struct decimal d;
        if (way->count == RATE_STEPS_MAX ||
            decimal_parse(word + 1, strlen(word + 1), &d) != DECIMAL_GOOD ||
            !rate_of_decimal(d, &way->rates[way->count]))
            return false;
        way->divides[way->count++] = word[0] == '/';
    }
    return true;
}

static bool answer_shown(char *rest)
{
    struct rate_way way;
    char text[DECIMAL_TEXT_MAX];
    if (!read_way(&rest, &way))
        return false;
    decimal_text(rate_shown(&way), text);
    return puts(text) >= 0;
}

static bool answer_amount(const char *what, char *rest)
{
    struct rate_way way;
    u128 amount, result;
    char text[U128_TEXT_MAX];
    const char *word = strtok_r(NULL, " ", &rest);
    if (word == NULL || !u128_parse(word, strlen(word), &amount))
        return false;
    unsigned long numbers[3];
    for (int i = 0; i < 3; i++) {
        word = strtok_r(NULL, " \n", &rest);
        if (word == NULL)
            return false;
        numbers[i] = strtoul(word, NULL, 10);
    }
    if (!read_way(&rest, &way))
        return false;
    const struct rate_decimals d = {(uint8_t)numbers[0], (uint8_t)numbers[1]};
    uint32_t spread = (uint32_t)numbers[2];
    enum rate_rounding rounding = strcmp(what, "even") == 0 ? RATE_HALF_EVEN : RATE_DOWN;
    bool fits = strcmp(what, "source") == 0
                    ? rate_source(&way, d, spread, amount, &result)
                    : rate_target(&way, d, spread, amount, rounding, &result);
    if (fits)
        u128_text(result, text);
    return puts(fits ? text : "overflow") >= 0;
}

int main(void)
{
    char line[512], *rest;
    while (fgets(line, sizeof line, stdin) != NULL) {
        const char *what = strtok_r(line, " \n", &rest);
        if (what == NULL ||
            !(strcmp(what, "shown") == 0 ? answer_shown(rest) : answer_amount(what, rest))) {
            fprintf(stderr, "not understood: %s\n", what != NULL ? what : "an empty line");
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
