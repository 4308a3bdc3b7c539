/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/config_lists.h"

#include "conf/value.h"

size_t
config_hosts(const struct schema_reader *reader, const struct yaml_node *node,
    const char *const **hosts)
{
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
	*hosts = list;
	return count;
}

size_t
config_networks(const struct schema_reader *reader,
    const struct yaml_node *node, const struct cidr **networks,
    const char *everybody)
{
	const struct yaml_node *const *nodes;
	const char *const *texts;
	size_t n = schema_texts(reader, node, &texts, &nodes), count = 0;
	struct cidr *list = arena_array(reader->arena, n, sizeof(*list));
	struct err err;

	for (size_t i = 0; i < n; i++) {
		if (!value_cidr(&list[count], nodes[i]->text, &err)) {
			schema_mistake(reader, nodes[i], "%s", err.text);
			continue;
		}
		if (list[count++].bits == 0 && everybody != NULL)
			schema_warn(reader, nodes[i], "%s", everybody);
	}
	*networks = list;
	return count;
}
