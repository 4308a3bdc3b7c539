/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a table of keys cannot see: keys of portolan.yaml that contradict or
 * need each other.
 */
#ifndef CONF_CONFIG_CHECK_H
#define CONF_CONFIG_CHECK_H

#include "conf/config.h"
#include "conf/schema.h"

/* config may hold NULLs where a mistake has been told already. */
void config_check(const struct schema_reader *reader,
    const struct config *config, const struct yaml_node *root);

#endif
