/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <string.h>

#include "base/utf8.h"
#include "conf/yaml.h"

static const struct yaml_node *
child(const struct yaml_node *map, struct slice key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next)
		if (slice_is(key, n->key))
			return n;
	return NULL;
}

const struct yaml_node *
yaml_get(const struct yaml_node *map, const char *key)
{
	return child(map, slice_of(key));
}

static const struct yaml_node *
element(const struct yaml_node *list, struct slice number)
{
	uint64_t at;

	if (list->kind != YAML_LIST || !slice_to_u64(number, &at))
		return NULL;
	for (const struct yaml_node *n = list->first; n != NULL; n = n->next)
		if (n->index == at)
			return n;
	return NULL;
}

const struct yaml_node *
yaml_at(const struct yaml_node *root, const char *path)
{
	const struct yaml_node *found = root, *node = root;

	while (node != NULL && *path != '\0') {
		size_t len;

		path += *path == '.';
		if (*path == '[') {
			len = strcspn(++path, "]");
			node = element(node, (struct slice){ path, len });
			path += len + (path[len] == ']');
		} else {
			len = strcspn(path, ".[");
			node = child(node, (struct slice){ path, len });
			path += len;
		}
		if (node != NULL)
			found = node;
	}
	return found;
}

enum { KEY_SHOWN_MAX = 80 };

/* Whole characters of a key, as many as a message has room for. */
static struct slice
key_shown(const char *key)
{
	size_t len = strlen(key), at = 0, width;

	for (; at < len; at += width) {
		width = utf8_width(key + at, len - at);
		if (width == 0 || at + width > KEY_SHOWN_MAX)
			break;
	}
	return (struct slice){ key, at };
}

void
yaml_path(const struct yaml_node *node, struct buf *out)
{
	const struct yaml_node *up[YAML_DEPTH_MAX + 1];
	size_t n = 0, start = out->len;

	for (; node->parent != NULL && n < YAML_DEPTH_MAX; node = node->parent)
		up[n++] = node;
	while (n-- > 0) {
		if (up[n]->parent->kind == YAML_LIST) {
			buf_printf(out, "[%zu]", up[n]->index);
			continue;
		}
		buf_text(out, out->len > start ? "." : "");
		/* A list or map in a key's place has none. */
		buf_slice(out, up[n]->key == NULL ? SLICE("?") :
		    key_shown(up[n]->key));
	}
}

bool
yaml_is_nothing(const struct yaml_node *node)
{
	return node->kind == YAML_TEXT && !node->quoted &&
	    (node->text.len == 0 || slice_is(node->text, "~") ||
	    slice_is(node->text, "null"));
}
