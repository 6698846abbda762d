/* SPDX-License-Identifier: Apache-2.0 */
/* Frame mail: carries frames (runtime/sends/frame.h) between the shards of one process, as mail
 * from loop to loop. */
#ifndef NODE_FRAME_MAIL_H
#define NODE_FRAME_MAIL_H

#include "runtime/base/env.h"
#include "runtime/sends/frame.h"

/* Any thread. deliver() gets a copy on the thread of `to`, unless the loop ends before. */
void frame_mail_send(struct env *to, const struct frame *f,
                     void (*deliver)(void *context, const struct frame *f), void *context);

#endif
