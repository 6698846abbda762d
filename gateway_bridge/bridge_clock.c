/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks are read when the loop's own time has moved on, the date is written once a second: an
 * answer has them without a system call. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "gateway_bridge/bridge_priv.h"
#include "runtime/base/time.h"

/* IMF-fixdate of RFC 9110; strftime() would follow the locale. */
static void bridge_format_date(uint64_t unix_s, char date[BRIDGE_DATE_LEN + 1])
{
    static const char days[] = "SunMonTueWedThuFriSat";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)unix_s;
    struct tm t;
    check(gmtime_r(&seconds, &t) != NULL);
    char text[64];
    int len =
        snprintf(text, sizeof text, "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday,
                 t.tm_mday, months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    check(len == BRIDGE_DATE_LEN);
    memcpy(date, text, BRIDGE_DATE_LEN + 1);
}

void bridge_clock(struct bridge *b)
{
    uint64_t now_ms = uv_now(b->options.loop);
    if (now_ms == b->clock_ms && b->date_s != BRIDGE_DATE_NEVER)
        return;
    b->clock_ms = now_ms;
    b->mono_ns = env_mono_ns(b->options.env);
    b->wall_s = env_wall_ns(b->options.env) / NS_PER_S;
    if (b->wall_s == b->date_s)
        return;
    b->date_s = b->wall_s;
    bridge_format_date(b->wall_s, b->date);
}
