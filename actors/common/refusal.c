/* SPDX-License-Identifier: Apache-2.0 */
#include "actors/common/refusal.h"

#include "schemas/common.h"
#include "schemas/result.h"

void refusal_of_field(struct turn *t, uint16_t code, const char *field)
{
    const struct result_info *info = result_info(code);
    check(info != NULL);
    const struct field_refusal refusal = {slice_of(field), slice_of(info->detail)};
    turn_reply(t, code, &field_refusal_type, &refusal, 0);
}
