/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any bytes as a YAML file: a tree within its limits, or a mistake with a
 * place; every node is found again by the path that it says it has.
 */
#include "base/must.h"
#include "conf/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t
walk(const struct yaml_node *node, unsigned depth)
{
	size_t nodes = 1, children = 0;

	must(depth <= YAML_DEPTH_MAX);
	must(node->kind != YAML_TEXT || node->text.p[node->text.len] == '\0');
	must(node->text.len <= YAML_TEXT_MAX);
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		must(n->parent == node && n->index == children++);
		must(node->kind != YAML_MAP || yaml_get(node, n->key) == n);
		nodes += walk(n, depth + 1);
	}
	must(children == node->count);
	return nodes;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct arena *arena = arena_new(0);
	const struct yaml_node *root;
	struct mistakes mistakes;
	struct buf text = { 0 };

	mistakes_init(&mistakes);
	root = yaml_parse(arena, "fuzz", bytes, &mistakes);
	must(root != NULL || mistakes.errors > 0);
	if (root != NULL) {
		must(walk(root, 0) <= YAML_NODES_MAX);
		yaml_at(root, "a[0].b");
	}
	mistakes_print(&mistakes, &text);
	mistakes_json(&mistakes, &text);
	buf_fini(&text);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	return 0;
}
