/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/schema.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "base/near.h"
#include "conf/file.h"
#include "conf/value.h"

enum { KEYS_MAX = 32, FEW_NAMES = 8 };

/* --- telling ------------------------------------------------------------------ */

static const char *
path_of(const struct schema_reader *reader, const struct yaml_node *node,
    const char *key)
{
	struct buf path = { 0 };
	const char *text;

	yaml_path(node, &path);
	if (key != NULL)
		buf_printf(&path, "%s%s", path.len > 0 ? "." : "", key);
	text = arena_strdup(reader->arena, buf_cstr(&path));
	buf_fini(&path);
	return text;
}

static void __attribute__((format(printf, 5, 0)))
tell_path(const struct schema_reader *reader, struct mark mark,
    const char *path, bool warning, const char *fmt, va_list ap)
{
	void (*add)(struct mistakes *, struct mark, const char *, const char *,
	    ...) = warning ? mistakes_warn : mistakes_add;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	add(reader->mistakes, mark, path, "%s", text);
}

static void __attribute__((format(printf, 5, 0)))
tell(const struct schema_reader *reader, const struct yaml_node *node,
    bool at_key, bool warning, const char *fmt, va_list ap)
{
	tell_path(reader, at_key ? node->key_mark : node->mark,
	    path_of(reader, node, NULL), warning, fmt, ap);
}

void
schema_mistake(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(reader, node, false, false, fmt, ap);
	va_end(ap);
}

void
schema_warn(const struct schema_reader *reader, const struct yaml_node *node,
    const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(reader, node, false, true, fmt, ap);
	va_end(ap);
}

void
schema_key_mistake(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(reader, node, true, false, fmt, ap);
	va_end(ap);
}

void
schema_key_warn(const struct schema_reader *reader,
    const struct yaml_node *node, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(reader, node, true, true, fmt, ap);
	va_end(ap);
}

void
schema_mistake_at(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_path(reader, yaml_at(root, path)->mark, path, false, fmt, ap);
	va_end(ap);
}

void
schema_warn_at(const struct schema_reader *reader,
    const struct yaml_node *root, const char *path, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell_path(reader, yaml_at(root, path)->mark, path, true, fmt, ap);
	va_end(ap);
}

const char *
schema_hint(const struct schema_reader *reader, struct slice word,
    const char *const *names, size_t count)
{
	const char *near = near_find(word, names, count), *text = "; known are";

	if (near != NULL)
		return arena_printf(reader->arena, "; did you mean '%s'?",
		    near);
	if (count == 0 || count > FEW_NAMES)
		return "";
	if (count == 1)
		return arena_printf(reader->arena, "; the only one is '%s'",
		    names[0]);
	for (size_t i = 0; i < count; i++)
		text = arena_printf(reader->arena, "%s%s %s", text,
		    i == 0 ? "" : i + 1 == count ? " and" : ",", names[i]);
	return text;
}

/* --- kinds ---------------------------------------------------------------------- */

static const char *
found(const struct schema_reader *reader, const struct yaml_node *node)
{
	if (node->kind == YAML_LIST)
		return "a list";
	if (node->kind == YAML_MAP)
		return "a map of keys";
	if (yaml_is_nothing(node))
		return "nothing";
	return value_quote(reader->arena, node->text);
}

static bool
is_kind(const struct schema_reader *reader, const struct yaml_node *node,
    enum yaml_kind kind, const char *expected)
{
	if (node->kind == kind)
		return true;
	if (node->kind != YAML_BAD)
		schema_mistake(reader, node, "expected %s, found %s", expected,
		    found(reader, node));
	return false;
}

bool
schema_is_text(const struct schema_reader *reader,
    const struct yaml_node *node)
{
	if (node->kind != YAML_TEXT || !yaml_is_nothing(node))
		return is_kind(reader, node, YAML_TEXT, "a value");
	schema_mistake(reader, node, "no value; give one, or take the key "
	    "out");
	return false;
}

bool
schema_is_list(const struct schema_reader *reader,
    const struct yaml_node *node)
{
	return yaml_is_nothing(node) ||
	    is_kind(reader, node, YAML_LIST, "a list");
}

bool
schema_is_map(const struct schema_reader *reader,
    const struct yaml_node *node)
{
	return yaml_is_nothing(node) ||
	    is_kind(reader, node, YAML_MAP, "a map of keys");
}

size_t
schema_texts(const struct schema_reader *reader, const struct yaml_node *node,
    const char *const **texts, const struct yaml_node *const **nodes)
{
	size_t count = 0, room = node->kind == YAML_LIST ? node->count : 1;
	const char **list = arena_array(reader->arena, room, sizeof(*list));
	const struct yaml_node **at = arena_array(reader->arena, room,
	    sizeof(*at));
	const struct yaml_node *n = node->kind == YAML_LIST ? node->first :
	    node;

	*texts = list;
	if (nodes != NULL)
		*nodes = at;
	if (yaml_is_nothing(node))
		return 0;
	for (; n != NULL; n = n == node ? NULL : n->next) {
		if (!schema_is_text(reader, n))
			continue;
		at[count] = n;
		list[count++] = n->text.p;
	}
	return count;
}

/* --- values ----------------------------------------------------------------------- */

static void
put_integer(void *field, size_t width, uint64_t value)
{
	uint32_t small = (uint32_t)value;

	if (width == sizeof(bool)) {
		*(bool *)field = value != 0;
	} else if (width == sizeof(small)) {
		must(value <= UINT32_MAX);
		memcpy(field, &small, width);
	} else {
		must(width == sizeof(value));
		memcpy(field, &value, width);
	}
}

/* A bound as the file would write it. */
static const char *
bound_text(const struct schema_row *row, uint64_t n, char text[VALUE_TEXT])
{
	if (row->type == SCHEMA_DURATION)
		return value_duration_text(n, text);
	if (row->type == SCHEMA_SIZE)
		return value_size_text(n, text);
	snprintf(text, VALUE_TEXT, "%" PRIu64, n);
	return text;
}

static bool
in_range(const struct schema_row *row, uint64_t n, struct err *err)
{
	uint64_t most = row->most != 0 ? row->most :
	    row->width == sizeof(uint32_t) ? INT32_MAX : INT64_MAX;
	char text[VALUE_TEXT], least[VALUE_TEXT];

	if (n < row->least)
		return err_set(err, "%s is too little; at least %s",
		    bound_text(row, n, text),
		    bound_text(row, row->least, least));
	if (n > most)
		return err_set(err, "%s is too much; at most %s",
		    bound_text(row, n, text), bound_text(row, most, least));
	return true;
}

static bool
read_integer(const struct schema_row *row, struct slice text, void *field,
    struct err *err)
{
	uint64_t n = 0;
	bool ok = row->type == SCHEMA_DURATION ? value_duration(&n, text, err) :
	    row->type == SCHEMA_SIZE ? value_size(&n, text, err) :
	    value_number(&n, text, err);

	if (!ok || !in_range(row, n, err))
		return false;
	put_integer(field, row->width, n);
	return true;
}

static bool
read_real(const struct schema_row *row, struct slice text, double *field,
    struct err *err)
{
	double value;

	if (!value_real(&value, text, err))
		return false;
	if (value < row->lowest || value > row->highest)
		return err_set(err, "%.*s is not between %g and %g",
		    SLICE_ARG(text), row->lowest, row->highest);
	*field = value;
	return true;
}

static bool
read_choice(const struct schema_reader *reader, const struct schema_row *row,
    struct slice text, void *field, struct err *err)
{
	size_t count = 0;

	for (; row->choices[count] != NULL; count++) {
		if (!slice_is(text, row->choices[count]))
			continue;
		put_integer(field, row->width, count);
		return true;
	}
	return err_set(err, "%s is not known%s",
	    value_quote(reader->arena, text),
	    schema_hint(reader, text, row->choices, count));
}

const char *
schema_file(const struct schema_reader *reader, const char *name)
{
	const char *path = file_beside(reader->arena, reader->dir, name);
	struct file_names *files = reader->files;
	const char **more;

	if (files == NULL)
		return path;
	if (files->count == files->room) {
		files->room = files->room * 2 + 16;
		more = arena_array(reader->arena, files->room,
		    sizeof(*more));
		if (files->count > 0)
			memcpy(more, files->list,
			    files->count * sizeof(*more));
		files->list = more;
	}
	files->list[files->count++] = path;
	return path;
}

static bool
read_text(const struct schema_reader *reader, const struct schema_row *row,
    struct slice text, const char **field, struct err *err)
{
	if (text.len == 0)
		return err_set(err, "is empty; give a value, or take the key "
		    "out");
	if (row->type == SCHEMA_URL_PATH && !value_url_path(text, err))
		return false;
	*field = row->type == SCHEMA_FILE ? schema_file(reader, text.p) :
	    arena_copy(reader->arena, text);
	return true;
}

static bool
read_scalar(const struct schema_reader *reader, const struct schema_row *row,
    struct slice text, void *field, struct err *err)
{
	switch (row->type) {
	case SCHEMA_TEXT:
	case SCHEMA_FILE:
	case SCHEMA_URL_PATH:
		return read_text(reader, row, text, field, err);
	case SCHEMA_BOOL:
		return value_bool(field, text, err);
	case SCHEMA_CHOICE:
		return read_choice(reader, row, text, field, err);
	case SCHEMA_NUMBER:
	case SCHEMA_SIZE:
	case SCHEMA_DURATION:
		return read_integer(row, text, field, err);
	case SCHEMA_SHARE:
		return value_share(field, text, err);
	case SCHEMA_REAL:
		return read_real(row, text, field, err);
	case SCHEMA_ENDPOINT:
		return value_endpoint(field, text, err);
	case SCHEMA_COUNTRY:
		return value_country(field, text, err);
	case SCHEMA_SECTION:
	case SCHEMA_CUSTOM:
		break;
	}
	must(false);
	return false;
}

/* --- sections ---------------------------------------------------------------------- */

static void
read_row(const struct schema_reader *reader, const struct schema_row *row,
    const struct yaml_node *node, void *target)
{
	struct err err;

	if (row->type == SCHEMA_CUSTOM)
		row->read(reader, node, target);
	else if (row->type == SCHEMA_ENDPOINT && node->kind == YAML_LIST)
		schema_mistake(reader, node, "an IPv6 address with its port "
		    "needs quotes: \"[2001:db8::1]:8080\"");
	else if (schema_is_text(reader, node) && !read_scalar(reader, row,
	    node->text, (char *)target + row->offset, &err))
		schema_mistake(reader, node, "%s", err.text);
}

static void
read_default(const struct schema_reader *reader, const struct schema_row *row,
    void *target)
{
	struct err err;

	if (row->fallback != NULL && row->type != SCHEMA_CUSTOM)
		must(read_scalar(reader, row, slice_of(row->fallback),
		    (char *)target + row->offset, &err));
}

static const struct schema_row *
find_row(const struct schema_row *rows, const char *key)
{
	for (const struct schema_row *row = rows; row->key != NULL; row++)
		if (strcmp(row->key, key) == 0)
			return row;
	return NULL;
}

static const char *
hint_of_key(const struct schema_reader *reader, const char *key,
    const char *const *names, size_t count)
{
	const char *hint = schema_hint(reader, slice_of(key), names, count);

	return *hint != '\0' ? hint : "; this file's page of the manual lists "
	    "those that are known";
}

static void
refuse_unknown(const struct schema_reader *reader,
    const struct schema_row *rows, const struct yaml_node *map)
{
	const char *names[KEYS_MAX];
	size_t count = 0;

	for (const struct schema_row *row = rows; row->key != NULL; row++) {
		must(count < KEYS_MAX);
		names[count++] = row->key;
	}
	for (const struct yaml_node *n = map->first; n != NULL; n = n->next)
		if (find_row(rows, n->key) == NULL)
			schema_key_mistake(reader, n, "unknown key%s",
			    hint_of_key(reader, n->key, names, count));
}

void
schema_read(const struct schema_reader *reader, const struct schema_row *rows,
    const struct yaml_node *map, void *target)
{
	if (map != NULL && !schema_is_map(reader, map))
		map = NULL;
	for (const struct schema_row *row = rows; row->key != NULL; row++) {
		const struct yaml_node *node = yaml_get(map, row->key);

		if (row->type != SCHEMA_SECTION)
			read_default(reader, row, target);
		if (row->required && map != NULL && node == NULL)
			mistakes_add(reader->mistakes, map->mark,
			    path_of(reader, map, row->key), "is missing");
		if (row->type == SCHEMA_SECTION)
			schema_read(reader, row->section, node, target);
		else if (node != NULL)
			read_row(reader, row, node, target);
	}
	if (map != NULL)
		refuse_unknown(reader, rows, map);
}

void
schema_read_version(const struct schema_reader *reader,
    const struct yaml_node *node, void *target)
{
	(void)target;
	if (schema_is_text(reader, node) && !slice_is(node->text, "1"))
		schema_mistake(reader, node, "%s is not known; this program "
		    "reads version 1", value_quote(reader->arena, node->text));
}
