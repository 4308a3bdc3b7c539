/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sections of portolan.yaml that say how much is taken on: tables of keys
 * for config_load.c.
 */
#ifndef CONF_CONFIG_OVERLOAD_H
#define CONF_CONFIG_OVERLOAD_H

#include "conf/schema.h"

extern const struct schema_row rate_limits_rows[], concurrency_rows[];

#endif
