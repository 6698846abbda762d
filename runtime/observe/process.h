/* SPDX-License-Identifier: Apache-2.0 */
/* Process: what the system counts of this process. */
#ifndef OBSERVE_PROCESS_H
#define OBSERVE_PROCESS_H

#include <stdint.h>

struct process_usage {
    uint64_t resident_bytes;
    uint64_t open_fds, fds_max;
    uint64_t cpu_ns; /* user and system, all threads */
    uint64_t up_ns;  /* since it was started */
    uint64_t started_ns; /* when that was, Unix time to 10 ms */
};

/* Any thread; takes some microseconds. What the system does not give stays 0. */
void process_get_usage(struct process_usage *usage);

#endif
