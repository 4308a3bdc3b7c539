/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The section of portolan.yaml that says what flows may call, and how long
 * it may take: a table of keys for config_load.c.
 */
#ifndef CONF_CONFIG_SERVICES_H
#define CONF_CONFIG_SERVICES_H

#include "conf/schema.h"

extern const struct schema_row services_rows[];

#endif
