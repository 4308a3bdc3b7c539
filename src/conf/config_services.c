/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_services.h"

#include "conf/config.h"
#include "conf/config_lists.h"

static void
read_allow(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_services *s = &((struct config *)target)->services;

	s->nallow = config_networks(reader, node, &s->allow, NULL);
	for (size_t i = 0; i < s->nallow; i++)
		if (s->allow[i].bits == 0)
			schema_warn(reader, node, "flows may call any address, "
			    "those of this machine and its network included");
}

static void
read_refuse(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_services *s = &((struct config *)target)->services;

	s->nrefuse = config_networks(reader, node, &s->refuse, NULL);
}

static void
read_refuse_hosts(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_services *s = &((struct config *)target)->services;

	s->nrefuse_hosts = config_hosts(reader, node, &s->refuse_hosts);
}

const struct schema_row services_rows[] = {
	{ "allow", SCHEMA_CUSTOM, .read = read_allow },
	{ "refuse", SCHEMA_CUSTOM, .read = read_refuse },
	{ "refuse_hosts", SCHEMA_CUSTOM, .read = read_refuse_hosts },
	{ "ca", SCHEMA_FILE, SCHEMA_AT(struct config, services.ca) },
	{ "connect", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, services.connect_ms), .fallback = "3s",
	    .least = 10, .most = 60 * 1000 },
	{ "timeout", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, services.timeout_ms), .fallback = "20s",
	    .least = 10, .most = 60 * 1000 },
	{ "give_up", SCHEMA_DURATION,
	    SCHEMA_AT(struct config, services.give_up_ms), .fallback = "10m",
	    .least = 10, .most = 3600 * 1000 },
	{ "answer_bytes", SCHEMA_SIZE,
	    SCHEMA_AT(struct config, services.answer_bytes),
	    .fallback = "4MiB", .least = 1024, .most = 16 * 1024 * 1024 },
	{ 0 },
};
