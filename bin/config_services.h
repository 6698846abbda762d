/* SPDX-License-Identifier: Apache-2.0 */
/* Config services: which of the six services have a port of their own, and which ports those are.
 */
#ifndef BIN_CONFIG_SERVICES_H
#define BIN_CONFIG_SERVICES_H

#include "bin/config.h"

#define CONFIG_PORT "8080"               /* of all together, unless it is given */
#define CONFIG_SERVICE_PORTS "8001-8006" /* where PORT is that one and nothing else is said */

/* From SERVICE_PORTS, SERVICE_NAME and SERVICE_PORT; false with the reason. */
must_check bool config_derive_services(struct config *c, char reason[CONFIG_REASON_MAX]);

#endif
