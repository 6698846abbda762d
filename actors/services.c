/* SPDX-License-Identifier: Apache-2.0 */
/* The build makes a row SERVICE(name) for each service; here it becomes a declaration and an
 * address. So a new service changes nothing in this file. The runtime's own comes first. */
#include "actors/services.h"

#include "runtime/sends/sends_service.h"

#define SERVICE(name) extern const struct service name##_service;
#include "actors/service_list.h"
#undef SERVICE

static const struct service *const services[] = {
    &sends_service,
#define SERVICE(name) &name##_service,
#include "actors/service_list.h"
#undef SERVICE
};

void services_domain_init(struct domain *d)
{
    domain_init(d, services, array_len(services));
}
