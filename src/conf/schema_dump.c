/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/schema_dump.h"

#include <string.h>

#include "conf/file.h"

struct dump {
	struct buf	*out;
	struct arena	*arena;
	const char	*dir;
};

enum { INDENT = 2 };

bool
schema_every_text(struct slice text)
{
	(void)text;
	return true;
}

/* --- texts ------------------------------------------------------------------ */

/* What reads as the same text without quotes, wherever it stands. */
static bool
is_plain(struct slice text)
{
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+-";

	if (text.len == 0 || slice_is(text, "null") ||
	    text.p[text.len - 1] == ':' || strchr(":@%+-.", text.p[0]) != NULL)
		return false;
	for (size_t i = 0; i < text.len; i++)
		if (memchr(inside, text.p[i], sizeof(inside) - 1) == NULL)
			return false;
	return true;
}

static void
put_text(const struct dump *d, struct slice text)
{
	if (is_plain(text))
		buf_slice(d->out, text);
	else
		buf_json(d->out, text);
}

static void
put_file(const struct dump *d, const char *name)
{
	put_text(d, slice_of(file_from_root(d->arena, name)));
}

static void
put_scalar(const struct dump *d, const struct schema_row *row,
    const struct yaml_node *node)
{
	if (row->hide != NULL)
		put_text(d, slice_of(row->hide(d->arena, node->text)));
	else if (row->type == SCHEMA_FILE ||
	    (row->is_file != NULL && row->is_file(node->text)))
		put_file(d, file_beside(d->arena, d->dir, node->text.p));
	else
		put_text(d, node->text);
}

/* --- lines ------------------------------------------------------------------ */

static void
put_indent(const struct dump *d, unsigned depth)
{
	for (unsigned i = 0; i < depth * INDENT; i++)
		buf_char(d->out, ' ');
}

static void
put_key(const struct dump *d, unsigned depth, const char *key)
{
	put_indent(d, depth);
	put_text(d, slice_of(key));
	buf_char(d->out, ':');
}

static void put_rows(const struct dump *d, unsigned depth,
    const struct schema_row *rows, const struct yaml_node *map,
    const void *target);
static void put_node(const struct dump *d, unsigned depth,
    const struct schema_row *row, const struct yaml_node *node, bool inner);

/* "- " stands in the place of the first line's indent. */
static void
put_item(const struct dump *d, unsigned depth, const struct schema_row *row,
    const struct yaml_node *node)
{
	const size_t at = d->out->len + (size_t)depth * INDENT;

	if (node->kind == YAML_MAP && node->count > 0) {
		put_node(d, depth + 1, row, node, true);
		d->out->p[at] = '-';
		return;
	}
	put_indent(d, depth);
	buf_char(d->out, '-');
	put_node(d, depth + 1, row, node, true);
}

static void
put_list(const struct dump *d, unsigned depth, const struct schema_row *row,
    const struct yaml_node *node)
{
	if (node->count == 0) {
		buf_text(d->out, " []\n");
		return;
	}
	buf_char(d->out, '\n');
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next)
		put_item(d, depth, row, n);
}

static void
put_map(const struct dump *d, unsigned depth, const struct schema_row *row,
    const struct yaml_node *node, bool inner)
{
	if (row->section != NULL && (inner || !row->each)) {
		put_rows(d, depth, row->section, node, NULL);
		return;
	}
	for (const struct yaml_node *n = node->first; n != NULL; n = n->next) {
		put_key(d, depth, n->key);
		put_node(d, depth + 1, row, n, true);
	}
}

/* What stands behind a key or a dash; inner: within the value of a row, where
 * each map is one of its section. */
static void
put_node(const struct dump *d, unsigned depth, const struct schema_row *row,
    const struct yaml_node *node, bool inner)
{
	if (node->kind == YAML_LIST) {
		put_list(d, depth, row, node);
	} else if (node->kind == YAML_MAP) {
		if (node->parent == NULL || node->parent->kind != YAML_LIST)
			buf_text(d->out, node->count == 0 ? " {}\n" : "\n");
		put_map(d, depth, row, node, inner);
	} else {
		if (!yaml_is_nothing(node)) {
			buf_char(d->out, ' ');
			put_scalar(d, row, node);
		}
		buf_char(d->out, '\n');
	}
}

/* --- rows ------------------------------------------------------------------- */

/* Whether the section may be there though nobody has written it. */
static bool
may_be_empty(const struct schema_row *rows)
{
	for (; rows->key != NULL; rows++)
		if (rows->required)
			return false;
	return true;
}

/* A section that nobody wrote is shown for its defaults, if it has any. */
static void
put_section(const struct dump *d, unsigned depth,
    const struct schema_row *row, const struct yaml_node *node,
    const void *target)
{
	size_t before = d->out->len, empty;

	if (node == NULL && !may_be_empty(row->section))
		return;
	put_key(d, depth, row->key);
	buf_char(d->out, '\n');
	empty = d->out->len;
	put_rows(d, depth + 1, row->section, node, target);
	if (d->out->len == empty)
		d->out->len = before;
}

/* A word, or "[a, b]" as the items of a list: as one that is given looks. */
static void
put_fallback(const struct dump *d, unsigned depth,
    const struct schema_row *row, struct slice text)
{
	struct slice item;

	if (row->type != SCHEMA_CUSTOM || text.p[0] != '[') {
		buf_char(d->out, ' ');
		put_text(d, text);
		return;
	}
	text.p++;
	text.len -= 2;
	while (slice_split(&text, ',', &item)) {
		buf_char(d->out, '\n');
		put_indent(d, depth + 1);
		buf_text(d->out, "- ");
		put_text(d, slice_trim(item));
	}
}

/* The default, or what was made of other keys. */
static void
put_default(const struct dump *d, unsigned depth,
    const struct schema_row *row, const void *target)
{
	bool text = row->type == SCHEMA_TEXT || row->type == SCHEMA_FILE;
	const char *value = row->fallback;

	if (text && target != NULL)
		memcpy(&value, (const char *)target + row->offset,
		    sizeof(value));
	if (value == NULL)
		return;
	put_key(d, depth, row->key);
	if (row->type == SCHEMA_FILE && target == NULL)
		value = file_beside(d->arena, d->dir, value);
	if (row->type == SCHEMA_FILE)
		value = file_from_root(d->arena, value);
	put_fallback(d, depth, row, slice_of(value));
	buf_char(d->out, '\n');
}

static void
put_rows(const struct dump *d, unsigned depth, const struct schema_row *rows,
    const struct yaml_node *map, const void *target)
{
	for (const struct schema_row *row = rows; row->key != NULL; row++) {
		const struct yaml_node *node = yaml_get(map, row->key);

		if (row->type == SCHEMA_SECTION) {
			put_section(d, depth, row, node, target);
		} else if (node == NULL) {
			put_default(d, depth, row, target);
		} else {
			put_key(d, depth, row->key);
			put_node(d, depth + 1, row, node, false);
		}
	}
}

void
schema_dump(struct buf *out, struct arena *arena, const char *dir,
    const struct schema_row *rows, const struct yaml_node *map,
    const void *target)
{
	const struct dump d = { out, arena, dir };

	put_rows(&d, 0, rows, map, target);
}
