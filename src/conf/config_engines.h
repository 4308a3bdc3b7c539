/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The section of portolan.yaml that says who executes requests: a table of keys
 * for config_load.c.
 */
#ifndef CONF_CONFIG_ENGINES_H
#define CONF_CONFIG_ENGINES_H

#include "conf/schema.h"

extern const struct schema_row config_engines_rows[];

#endif
