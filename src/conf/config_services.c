/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_services.h"

#include "conf/config.h"
#include "conf/value.h"

static size_t
read_networks(const struct schema_reader *reader, const struct yaml_node *node,
    const struct cidr **networks)
{
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes), count = 0;
	struct cidr *list = arena_array(reader->arena, n, sizeof(*list));
	struct err err;

	for (size_t i = 0; i < n; i++) {
		if (value_cidr(&list[count], nodes[i]->text, &err))
			count++;
		else
			schema_mistake(reader, nodes[i], "%s", err.text);
	}
	*networks = list;
	return count;
}

static void
read_allow(const struct schema_reader *reader, const struct yaml_node *node,
    void *target)
{
	struct config_services *s = &((struct config *)target)->services;

	s->nallow = read_networks(reader, node, &s->allow);
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

	s->nrefuse = read_networks(reader, node, &s->refuse);
}

static void
read_refuse_hosts(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	struct config_services *s = &((struct config *)target)->services;
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes), count = 0;
	const char **list = arena_array(reader->arena, n, sizeof(*list));
	struct err err;

	for (size_t i = 0; i < n; i++) {
		if (value_host(&list[count], reader->arena, nodes[i]->text,
		    &err))
			count++;
		else
			schema_mistake(reader, nodes[i], "%s", err.text);
	}
	s->refuse_hosts = list;
	s->nrefuse_hosts = count;
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
