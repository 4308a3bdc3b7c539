/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sections of portolan.yaml that say who executes requests and where the
 * states are kept: tables of keys for config_load.c.
 */
#ifndef CONF_CONFIG_ENGINES_H
#define CONF_CONFIG_ENGINES_H

#include "conf/schema.h"

extern const struct schema_row config_engines_rows[];

/* Only where the section is given: a key of it is required then. */
void config_store(const struct schema_reader *reader,
    const struct yaml_node *node, void *config);
extern const struct schema_row config_store_rows[];

#endif
