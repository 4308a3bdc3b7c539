/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The sections of portolan.yaml that say where clients and the other regions'
 * edges come in, and whose word about a client's address counts: tables of
 * keys for config_load.c.
 */
#ifndef CONF_CONFIG_LISTENERS_H
#define CONF_CONFIG_LISTENERS_H

#include "conf/schema.h"

extern const struct schema_row config_client_rows[], config_link_rows[];

/* The list, and what each of it may say. */
void config_listeners(const struct schema_reader *reader,
    const struct yaml_node *node, void *config);
extern const struct schema_row config_listener_rows[];

#endif
