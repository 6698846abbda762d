/* SPDX-License-Identifier: Apache-2.0 */
/* Verdict: the end of a run that broke a rule. */
#ifndef SIMULATION_VERDICT_H
#define SIMULATION_VERDICT_H

#include "runtime/base/check.h"

/* Ends the run of this seed as failed, with what is broken. A failed check() ends here too. */
_Noreturn void broken(const char *format, ...) printf_like(1, 2);

#endif
