/* SPDX-License-Identifier: Apache-2.0 */
#include "bin/payctl/payctl_slots.h"

#include "schemas/result.h"

int payctl_slots_read(struct payctl *p, const struct store_info *info, struct slot_map *slots)
{
    struct slot_range ranges[SLOT_MAP_SHARDS_MAX];
    bool read = info->shards_count <= SLOT_MAP_SHARDS_MAX;
    for (uint32_t i = 0; read && i < info->shards_count; i++) {
        const struct shard_info *s = &info->shards[i];
        read = s->shard == i && s->first_slot < SLOT_COUNT && s->last_slot < SLOT_COUNT;
        ranges[i] = (struct slot_range){(uint16_t)s->first_slot, (uint16_t)s->last_slot};
    }
    if (read && slot_map_set(slots, ranges, info->shards_count))
        return PAYCTL_OK;
    payctl_print_error(p, result_info(RESULT_CORRUPT)->name, NULL,
                       "payd's shards do not have every slot once");
    return PAYCTL_REFUSED;
}

int payctl_slots_ask(struct payctl *p, struct slot_map *slots)
{
    struct store_get nothing = {0};
    struct store_info info;
    int code = payctl_ask_for(p, &store_get_type, &nothing, &store_info_type, &info);
    return code == PAYCTL_OK ? payctl_slots_read(p, &info, slots) : code;
}
