/* SPDX-License-Identifier: Apache-2.0 */
/* Verdict: the end of a run that broke a rule. */
#ifndef SIMULATION_VERDICT_H
#define SIMULATION_VERDICT_H

#include "runtime/base/check.h"

/* Ends the run of this seed as failed, with what is broken; the checker is the function that says
 * so. A failed check() ends here too. */
#define broken(...) broken_at(__func__, __VA_ARGS__)

_Noreturn void broken_at(const char *checker, const char *format, ...) printf_like(2, 3);

#endif
