/* SPDX-License-Identifier: Apache-2.0 */
/* Services: all that a node serves, for the code that puts one together. The list is that of
 * schemas/meson.build; each service is the `struct service NAME_service` of actors/NAME/. */
#ifndef ACTORS_SERVICES_H
#define ACTORS_SERVICES_H

#include "runtime/actor/domain.h"

/* A domain of all services. */
void services_domain_init(struct domain *d);

#endif
