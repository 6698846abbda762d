/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of wallets and of holds, for the table of rules; states are as after the event. */
#ifndef WALLET_WALLET_VIEWS_H
#define WALLET_WALLET_VIEWS_H

#include "runtime/actor/domain.h"

/* Writes the wallet's row, also for events of payments. */
void wallet_project(struct projection *p, struct id128 id);

void wallet_project_opened(struct projection *p, const void *event, uint64_t time_ns);
void wallet_project_status_changed(struct projection *p, const void *event, uint64_t time_ns);
void wallet_project_limits_changed(struct projection *p, const void *event, uint64_t time_ns);
void wallet_project_updated(struct projection *p, const void *event, uint64_t time_ns);
void hold_project_placed(struct projection *p, const void *event, uint64_t time_ns);
void hold_project_captured(struct projection *p, const void *event, uint64_t time_ns);
void hold_project_released(struct projection *p, const void *event, uint64_t time_ns);
void hold_project_expired(struct projection *p, const void *event, uint64_t time_ns);
void hold_project_extended(struct projection *p, const void *event, uint64_t time_ns);

#endif
