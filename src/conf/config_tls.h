/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The keys of portolan.yaml below tls and below a listener's tls.
 */
#ifndef CONF_CONFIG_TLS_H
#define CONF_CONFIG_TLS_H

#include "conf/schema.h"

extern const struct schema_row config_tls_rows[];
extern const struct schema_row config_listener_tls_rows[];
extern const struct schema_row config_console_tls_rows[];	/* into config */

#endif
