/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Lists that stand in several sections of portolan.yaml.  A mistake is told
 * at its entry, which is left out.
 */
#ifndef CONF_CONFIG_LISTS_H
#define CONF_CONFIG_LISTS_H

#include "base/addr.h"
#include "conf/schema.h"

/* Texts that value_host() takes; how many. */
size_t config_hosts(const struct schema_reader *reader,
    const struct yaml_node *node, const char *const **hosts);

/* The same of value_cidr(); whoever writes down everybody is warned of what
 * that means, unless it is NULL. */
size_t config_networks(const struct schema_reader *reader,
    const struct yaml_node *node, const struct cidr **networks,
    const char *everybody);

#endif
