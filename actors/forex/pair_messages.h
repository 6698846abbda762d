/* SPDX-License-Identifier: Apache-2.0 */
/* Handlers of a pair's home: shown, set by hand, released, observed. */
#ifndef FOREX_PAIR_MESSAGES_H
#define FOREX_PAIR_MESSAGES_H

#include "runtime/actor/turn.h"

enum turn_result pair_on_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result pair_on_pair_get(struct turn *t, struct id128 self, const struct message *m);
enum turn_result pair_on_set(struct turn *t, struct id128 self, const struct message *m);
enum turn_result pair_on_release(struct turn *t, struct id128 self, const struct message *m);
enum turn_result pair_on_observe(struct turn *t, struct id128 self, const struct message *m);

#endif
