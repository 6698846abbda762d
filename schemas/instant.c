/* SPDX-License-Identifier: Apache-2.0 */
/* Dates are counted in days from 0000-03-01, in eras of 400 years: with the year beginning in March
 * the leap day is its last, and the length of months follows one formula. The instant is counted in
 * seconds, before 1970 too, so that what is a time and cannot be held is told from what is none. */
#include "schemas/instant.h"

#include <string.h>

#include "runtime/base/time.h"

#define DAY_SECONDS 86400u
#define ERA_DAYS 146097u   /* 400 years */
#define EPOCH_DAYS 719468u /* from 0000-03-01 to 1970-01-01 */
#define NS_LAST (NS_PER_S - 1) /* of a second */

static bool instant_leap(uint32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static uint32_t instant_month_days(uint32_t year, uint32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && instant_leap(year) ? 29 : days[month - 1];
}

/* Days since 1970-01-01. Before the year 0 there is an era, for its January and February. */
static int64_t instant_days_of(uint32_t year, uint32_t month, uint32_t day)
{
    uint32_t y = (month <= 2 ? year - 1 : year) + 400;
    uint32_t era = y / 400, year_of_era = y % 400;
    uint32_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    uint32_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int64_t)era * ERA_DAYS + day_of_era - EPOCH_DAYS - ERA_DAYS;
}

static void instant_date_of(uint32_t days, uint32_t *year, uint32_t *month, uint32_t *day)
{
    uint32_t z = days + EPOCH_DAYS;
    uint32_t era = z / ERA_DAYS, day_of_era = z % ERA_DAYS;
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t m = (5 * day_of_year + 2) / 153; /* 0 is March */
    *day = day_of_year - (153 * m + 2) / 5 + 1;
    *month = m < 10 ? m + 3 : m - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

/* `count` digits at text[at]; false if one is not a digit. */
static bool instant_get_digits(const char *text, size_t at, size_t count, uint32_t *value)
{
    uint32_t v = 0;
    for (size_t i = at; i < at + count; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        v = v * 10 + (uint32_t)(text[i] - '0');
    }
    *value = v;
    return true;
}

/* What is finer than nanoseconds is cut. */
static bool instant_parse_fraction(const char *text, size_t len, uint32_t *ns)
{
    *ns = 0;
    if (len == 0)
        return true;
    if (text[0] != '.' || len < 2)
        return false;
    uint32_t unit = NS_PER_S;
    for (size_t i = 1; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        unit /= 10;
        *ns += unit * (uint32_t)(text[i] - '0');
    }
    return true;
}

/* Z, or +hh:mm or -hh:mm, at the end of a time: seconds that it is ahead of UTC, and its length. */
static bool instant_parse_offset(const char *text, size_t len, int64_t *ahead, size_t *used)
{
    uint32_t hours, minutes;
    *ahead = 0;
    *used = 1;
    if (text[len - 1] == 'Z' || text[len - 1] == 'z')
        return true;
    *used = 6;
    const char *sign = text + len - 6;
    if ((*sign != '+' && *sign != '-') || sign[3] != ':' ||
        !instant_get_digits(sign, 1, 2, &hours) || !instant_get_digits(sign, 4, 2, &minutes) ||
        hours > 23 || minutes > 59)
        return false;
    *ahead = (int64_t)(hours * 3600 + minutes * 60) * (*sign == '-' ? -1 : 1);
    return true;
}

/* A date and a time of day as written, and how far ahead of UTC they are. */
struct instant_parts {
    uint32_t year, month, day, hour, minute, second, fraction;
    int64_t ahead;
};

static bool instant_parse_parts(const char *text, size_t len, struct instant_parts *p)
{
    size_t zone;
    if (len < 20 || !instant_parse_offset(text, len, &p->ahead, &zone) || len < 19 + zone)
        return false;
    if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') ||
        text[13] != ':' || text[16] != ':')
        return false;
    return instant_get_digits(text, 0, 4, &p->year) && instant_get_digits(text, 5, 2, &p->month) &&
           instant_get_digits(text, 8, 2, &p->day) && instant_get_digits(text, 11, 2, &p->hour) &&
           instant_get_digits(text, 14, 2, &p->minute) &&
           instant_get_digits(text, 17, 2, &p->second) &&
           instant_parse_fraction(text + 19, len - 19 - zone, &p->fraction);
}

/* Do these seconds since 1970 begin the last second of a month? Only a leap second may follow. */
static bool instant_ends_month(int64_t seconds)
{
    check(seconds >= 0);
    if (seconds % DAY_SECONDS != DAY_SECONDS - 1)
        return false;
    uint32_t year, month, day;
    instant_date_of((uint32_t)(seconds / DAY_SECONDS), &year, &month, &day);
    return day == instant_month_days(year, month);
}

enum instant_found instant_parse(const char *text, size_t len, uint64_t *ns)
{
    struct instant_parts p;
    if (!instant_parse_parts(text, len, &p) || p.month < 1 || p.month > 12 || p.day < 1 ||
        p.day > instant_month_days(p.year, p.month) || p.hour > 23 || p.minute > 59 ||
        p.second > 60)
        return INSTANT_NONE;
    bool leap = p.second == 60; /* not counted: it is the last moment of the second before */
    uint32_t fraction = leap ? NS_LAST : p.fraction;
    int64_t seconds = instant_days_of(p.year, p.month, p.day) * DAY_SECONDS + p.hour * 3600 +
                      p.minute * 60 + p.second - leap - p.ahead;
    if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / NS_PER_S)
        return INSTANT_BEYOND;
    if (leap && !instant_ends_month(seconds))
        return INSTANT_NONE;
    uint64_t whole = (uint64_t)seconds * NS_PER_S;
    if (whole > UINT64_MAX - fraction)
        return INSTANT_BEYOND;
    *ns = whole + fraction;
    return INSTANT_THERE;
}

static char *instant_put_digits(char *at, uint32_t value, int count)
{
    for (int i = count - 1; i >= 0; i--) {
        at[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

size_t instant_text(uint64_t ns, char text[INSTANT_TEXT_MAX])
{
    uint64_t seconds = ns / NS_PER_S;
    uint32_t fraction = (uint32_t)(ns % NS_PER_S);
    uint32_t of_day = (uint32_t)(seconds % DAY_SECONDS);
    uint32_t year, month, day;
    instant_date_of((uint32_t)(seconds / DAY_SECONDS), &year, &month, &day);
    char *at = instant_put_digits(text, year, 4);
    *at++ = '-';
    at = instant_put_digits(at, month, 2);
    *at++ = '-';
    at = instant_put_digits(at, day, 2);
    *at++ = 'T';
    at = instant_put_digits(at, of_day / 3600, 2);
    *at++ = ':';
    at = instant_put_digits(at, of_day / 60 % 60, 2);
    *at++ = ':';
    at = instant_put_digits(at, of_day % 60, 2);
    if (fraction != 0) {
        *at++ = '.';
        if (fraction % 1000000 == 0)
            at = instant_put_digits(at, fraction / 1000000, 3);
        else if (fraction % 1000 == 0)
            at = instant_put_digits(at, fraction / 1000, 6);
        else
            at = instant_put_digits(at, fraction, 9);
    }
    *at++ = 'Z';
    *at = 0;
    return (size_t)(at - text);
}
